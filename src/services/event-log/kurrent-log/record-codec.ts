import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { NewEvent, StoredEvent } from '../../../schemas/events.js';
import { errors } from '../../platform/errors.js';
import { isEventType } from '../codec/event-types.js';
import { isPlainObject } from '../codec/node.js';
import { schemaVersionNow, upcast } from '../codec/upcast.js';
import { fromExactJson, toExactJson } from './exact-json.js';
import type { ClusterRecord, NewRecord } from './kurrent-client.js';
import { clusterStream, usualStream } from './stream-names.js';

/*
 * An event as a record of the cluster. Its data holds `data` and `sensitive` of the event; its metadata the rest of the
 * envelope, with `$correlationId` and `$causationId` where KurrentDB looks for them. `hindcast` is the version of this
 * form: a record without it is somebody else's, and is passed over.
 */
export const recordFormatVersion = 1;

/** An event that was checked and encoded, all but `recordedAt`, which it gets when it is sent. */
export interface EncodedEvent {
  readonly stream: string;
  readonly id: string;
  readonly type: string;
  readonly data: object;
  readonly metadata: object;
  /** About what a server counts of it for its append limit, and never less. */
  readonly bytes: number;
}

const Metadata = z.object({
  hindcast: z.int(),
  schemaVersion: z.int(),
  occurredAt: z.int(),
  recordedAt: z.int(),
  stream: z.string().optional(),
  id: z.string().optional(),
  $correlationId: z.string().optional(),
  $causationId: z.string().optional(),
  traceparent: z.string().optional(),
  exact: z.literal(true).optional(),
});

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** For `recordedAt`, ids and what surrounds a record on its way. */
const overheadBytes = 256;

/** Throws LOG_EVENT_INVALID when a value cannot come back the same, LOG_UNKNOWN_VERSION for another version. */
export function encodeEvent(event: NewEvent, prefix: string): EncodedEvent {
  if (!isEventType(event.type) || event.schemaVersion !== schemaVersionNow) {
    throw errors.LOG_UNKNOWN_VERSION({
      what: `The event ${String(event.type)}`,
      version: event.schemaVersion,
    });
  }
  const { value, marked } = toExactJson({ data: event.data, sensitive: event.sensitive });
  const rest = toExactJson({
    hindcast: recordFormatVersion,
    schemaVersion: event.schemaVersion,
    occurredAt: event.occurredAt,
    stream: event.stream === usualStream(event) ? undefined : event.stream,
    id: uuid.test(event.id) ? undefined : event.id,
    $correlationId: event.correlationId,
    $causationId: event.causationId,
    traceparent: event.traceparent,
    exact: marked ? true : undefined,
  }).value;
  const data = Object(value);
  const metadata = Object(rest);
  return {
    stream: clusterStream(event, prefix),
    id: recordId(event.id),
    type: event.type,
    data,
    metadata,
    bytes: jsonBytes(data) + jsonBytes(metadata) + overheadBytes,
  };
}

/** `recordedAt`: microseconds UTC, of all records that are sent together. */
export function recordOf({ id, type, data, metadata }: EncodedEvent, recordedAt: number): NewRecord {
  return { id, type, data, metadata: { ...metadata, recordedAt } };
}

/** The event of a record; undefined for a record of somebody else. Throws LOG_UNKNOWN_VERSION for one of a later release. */
export function decodeRecord(record: ClusterRecord): StoredEvent | undefined {
  if (!isPlainObject(record.metadata) || !('hindcast' in record.metadata)) return undefined;
  const parsed = Metadata.safeParse(record.metadata);
  if (!parsed.success || parsed.data.hindcast !== recordFormatVersion) {
    throw errors.LOG_UNKNOWN_VERSION({
      what: `The record at position ${record.position} of the stream ${record.stream}`,
      version: Number(record.metadata['hindcast']),
    });
  }
  const metadata = parsed.data;
  if (!isEventType(record.type))
    throw errors.LOG_UNKNOWN_VERSION({
      what: `The event type ${record.type}`,
      version: metadata.schemaVersion,
    });
  const content = metadata.exact === true ? fromExactJson(record.data) : record.data;
  const { data, sensitive } = isPlainObject(content) ? content : {};
  const written: Record<string, unknown> = {
    type: record.type,
    schemaVersion: metadata.schemaVersion,
    id: metadata.id ?? record.id,
    occurredAt: metadata.occurredAt,
    data,
    position: record.position,
    recordedAt: metadata.recordedAt,
  };
  if (metadata.$correlationId !== undefined) written['correlationId'] = metadata.$correlationId;
  if (metadata.$causationId !== undefined) written['causationId'] = metadata.$causationId;
  if (metadata.traceparent !== undefined) written['traceparent'] = metadata.traceparent;
  if (sensitive !== undefined) written['sensitive'] = sensitive;
  const event = upcast(written, record.type, metadata.schemaVersion);
  if (!isEventData(event)) throw errors.LOG_UNKNOWN_VERSION({ what: `The event ${record.id}`, version: 0 });
  return Object.assign(event, { stream: metadata.stream ?? usualStream(event) });
}

/** The envelope is checked above; the data was checked in full before it was written, and is by `log verify --deep`. */
function isEventData(value: Record<string, unknown>): value is StoredEvent & Record<string, unknown> {
  return isPlainObject(value['data']);
}

/** The record's id: the event's when that is a UUID, else one that is made from it, so that it is always the same. */
export function recordId(eventId: string): string {
  if (uuid.test(eventId)) return eventId;
  const hex = createHash('sha256').update('hindcast event id\0').update(eventId).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

function jsonBytes(value: object): number {
  return Buffer.byteLength(JSON.stringify(value));
}
