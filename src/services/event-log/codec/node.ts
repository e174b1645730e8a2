import { errors } from '../../platform/errors.js';
import type { NameTable } from './name-table.js';
import { type Packed, MalformedPayload, asBytes, asCount, asText } from './packed.js';
import { assertWellFormed } from './well-formed.js';

/** Objects and lists in one another; deeper is refused on append. */
export const nestingMax = 64;

/*
 * One value of any kind as MessagePack. null, booleans, texts and numbers (but −0) stand for themselves; everything
 * else is a list that begins with a tag, so that nothing depends on how a MessagePack library treats maps, keys
 * like __proto__, 64-bit integers or typed arrays:
 */
const tags = {
  /** [0, item…] */
  list: 0,
  /** [1, name index, value, name index, value, …], in key order */
  object: 1,
  /** [2] */
  negativeZero: 2,
  /** [3, decimal text] */
  bigint: 3,
  /** [4, array type, bytes]: little-endian */
  typedArray: 4,
} as const;

const typedArrays = [
  Uint8Array,
  Int8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
] as const;

const bigintMin = -(2n ** 63n);
const bigintMax = 2n ** 64n - 1n;

export function encodeNode(value: unknown, table: NameTable, depth = 0): Packed {
  if (typeof value === 'string') {
    assertWellFormed(value);
    return value;
  }
  if (typeof value === 'number') return Object.is(value, -0) ? [tags.negativeZero] : value;
  if (typeof value === 'boolean' || value === null) return value;
  if (typeof value === 'object') return encodeObject(value, table, depth + 1);
  if (typeof value === 'bigint') {
    if (value < bigintMin || value > bigintMax) throw refused(`the integer ${value}`, 'at most 64 bits');
    return [tags.bigint, value.toString()];
  }
  throw refused(`a value of type ${typeof value}`, 'JSON values, integers of 64 bits or bytes');
}

function encodeObject(value: object, table: NameTable, depth: number): Packed {
  if (depth > nestingMax) throw refused('a value nested too deeply', `at most ${nestingMax} levels`);
  if (Array.isArray(value)) {
    const list: Packed[] = [tags.list];
    for (let index = 0; index < value.length; index += 1) list.push(encodeNode(value[index], table, depth));
    return list;
  }
  if (ArrayBuffer.isView(value)) return encodeTypedArray(value);
  if (!isPlainObject(value)) throw refused(`a ${value.constructor?.name ?? 'object'}`, 'plain objects');
  const packed: Packed[] = [tags.object];
  for (const [key, item] of Object.entries(value)) {
    if (item !== undefined) packed.push(table.indexOf(key), encodeNode(item, table, depth));
  }
  return packed;
}

function encodeTypedArray(value: ArrayBufferView): Packed {
  const code = typedArrays.findIndex((type) => value instanceof type);
  if (code < 0) throw refused(`a ${value.constructor.name}`, 'a typed array');
  return [tags.typedArray, code, Buffer.from(value.buffer, value.byteOffset, value.byteLength)];
}

export function decodeNode(packed: unknown, names: readonly string[], depth = 0): unknown {
  if (!Array.isArray(packed)) {
    if (packed === null || typeof packed !== 'object') return packed;
    throw new MalformedPayload('bytes stand where a value is expected');
  }
  if (depth > nestingMax) throw new MalformedPayload('a value is nested too deeply');
  const node: readonly unknown[] = packed;
  switch (node[0]) {
    case tags.list:
      return node.slice(1).map((item) => decodeNode(item, names, depth + 1));
    case tags.object:
      return decodeObject(node, names, depth);
    case tags.negativeZero:
      return -0;
    case tags.bigint:
      return BigInt(asText(node[1], 'an integer'));
    case tags.typedArray:
      return decodeTypedArray(asCount(node[1], 'an array type'), asBytes(node[2], 'a typed array'));
    default:
      throw new MalformedPayload(`unknown tag ${String(node[0])}`);
  }
}

function decodeObject(node: readonly unknown[], names: readonly string[], depth: number): object {
  const result: Record<string, unknown> = {};
  for (let index = 1; index + 1 < node.length; index += 2) {
    const name = names[asCount(node[index], 'a name')];
    if (name === undefined) throw new MalformedPayload('a name is not in the table');
    setOwn(result, name, decodeNode(node[index + 1], names, depth + 1));
  }
  return result;
}

function decodeTypedArray(code: number, bytes: Uint8Array): unknown {
  const type = typedArrays[code];
  if (type === undefined) throw new MalformedPayload(`unknown array type ${code}`);
  if (bytes.byteLength % type.BYTES_PER_ELEMENT !== 0) throw new MalformedPayload('a typed array is cut');
  // A copy of its own: aligned, and not holding on to the whole frame.
  return new type(new Uint8Array(bytes).buffer);
}

/** Assigns as `JSON.parse` does: the key `__proto__` becomes an own property. */
export function setOwn(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') {
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
  } else {
    target[key] = value;
  }
}

export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function refused(what: string, expected: string): Error {
  return errors.LOG_EVENT_INVALID({ problem: `${what} cannot be stored; expected ${expected}` });
}
