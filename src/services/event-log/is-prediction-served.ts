import { PredictionServed } from '../../schemas/events.js';

const idCharactersMax = 200;
const shortDigest = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** Provenance objects that were found sound; a model's events share theirs. */
export type CheckedProvenances = Set<object>;

/**
 * Whether a value is a `PredictionServed` by its schema, worked out without the schema: five times as fast, and
 * nearly every event is one. Says yes only when the schema does (a test holds the two together); when it says no, the
 * schema decides, and words what is wrong. `checked` is shared by calls between which nobody can change an event.
 */
export function isPredictionServed(
  value: unknown,
  checked: CheckedProvenances = new Set(),
): value is PredictionServed {
  if (!isObject(value)) return false;
  for (const key in value) {
    if (!Object.hasOwn(value, key)) return false;
    const item = value[key];
    switch (key) {
      case 'type':
      case 'schemaVersion':
        break;
      case 'id':
      case 'correlationId':
      case 'causationId':
        if (!isId(item)) return false;
        break;
      case 'stream':
        if (typeof item !== 'string' || item.length === 0) return false;
        break;
      case 'occurredAt':
        if (!Number.isSafeInteger(item)) return false;
        break;
      case 'traceparent':
        if (typeof item !== 'string') return false;
        break;
      case 'sensitive':
        if (!isSensitive(item)) return false;
        break;
      case 'data':
        if (!isData(item, checked)) return false;
        break;
      default:
        return false;
    }
  }
  return (
    value['type'] === 'PredictionServed' &&
    value['schemaVersion'] === 1 &&
    value['id'] !== undefined &&
    value['stream'] !== undefined &&
    value['occurredAt'] !== undefined &&
    value['data'] !== undefined
  );
}

function isData(value: unknown, checked: CheckedProvenances): boolean {
  if (!isObject(value)) return false;
  for (const key in value) {
    if (!Object.hasOwn(value, key)) return false;
    const item = value[key];
    switch (key) {
      case 'requestId':
      case 'key':
        if (!isId(item)) return false;
        break;
      case 'row':
        if (!isIntegerFrom(item, 0)) return false;
        break;
      case 'model':
        if (typeof item !== 'string') return false;
        break;
      case 'version':
        if (typeof item !== 'string' || item.length === 0) return false;
        break;
      case 'provenance':
        if (!isProvenance(item, checked)) return false;
        break;
      case 'batchRows':
        if (!isIntegerFrom(item, 1)) return false;
        break;
      case 'latency':
        if (!isLatency(item)) return false;
        break;
      case 'outputs':
        if (!isOutputs(item)) return false;
        break;
      case 'durability':
        if (item !== 'durable' && item !== 'buffered') return false;
        break;
      case 'idempotencyDigest':
      case 'bodyDigest':
        if (typeof item !== 'string' || !shortDigest.test(item)) return false;
        break;
      case 'bufferWindowMs':
        if (!isIntegerFrom(item, 1)) return false;
        break;
      default:
        // Among them violations: rare, and left to the schema.
        return false;
    }
  }
  return (
    value['requestId'] !== undefined &&
    value['row'] !== undefined &&
    value['model'] !== undefined &&
    value['version'] !== undefined &&
    value['provenance'] !== undefined &&
    value['outputs'] !== undefined &&
    value['durability'] !== undefined
  );
}

/** Objects that the schema has passed, and that cannot change any more. */
const frozenProvenances = new WeakSet<object>();

function isProvenance(value: unknown, checked: CheckedProvenances): boolean {
  if (!isObject(value)) return false;
  if (checked.has(value) || frozenProvenances.has(value)) return true;
  if (!PredictionServed.shape.data.shape.provenance.safeParse(value).success) return false;
  if (isDeepFrozen(value)) frozenProvenances.add(value);
  else checked.add(value);
  return true;
}

function isDeepFrozen(value: object): boolean {
  return (
    Object.isFrozen(value) &&
    Object.values(value).every(
      (item: unknown) => typeof item !== 'object' || item === null || isDeepFrozen(item),
    )
  );
}

function isLatency(value: unknown): boolean {
  return (
    isObject(value) &&
    Object.keys(value).length === 2 &&
    Number.isSafeInteger(value['queueMicros']) &&
    Number.isSafeInteger(value['inferenceMicros'])
  );
}

function isOutputs(value: unknown): boolean {
  if (!isObject(value)) return false;
  for (const key in value) {
    if (!Object.hasOwn(value, key)) return false;
    const item = value[key];
    const type = typeof item;
    if (type !== 'number' && type !== 'string' && type !== 'boolean' && item !== null) return false;
  }
  return true;
}

function isSensitive(value: unknown): boolean {
  if (!isObject(value)) return false;
  for (const key in value) {
    if (!Object.hasOwn(value, key)) return false;
    const item = value[key];
    switch (key) {
      case 'inputs':
        if (typeof item !== 'object' || item === null || Array.isArray(item)) return false;
        break;
      case 'keyId':
      case 'rawBody':
      case 'subject':
        if (typeof item !== 'string') return false;
        break;
      default:
        return false;
    }
  }
  return true;
}

function isObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function isId(value: unknown): boolean {
  return typeof value === 'string' && value.length > 0 && value.length <= idCharactersMax;
}

function isIntegerFrom(value: unknown, min: number): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= min;
}
