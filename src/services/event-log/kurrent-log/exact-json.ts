import { errors } from '../../platform/errors.js';
import { isPlainObject, nestingMax, setOwn } from '../codec/node.js';
import { assertWellFormed } from '../codec/well-formed.js';

/*
 * JSON carries no NaN, ±∞, −0, 64-bit integers or bytes. Each is written as an object with the one key `$value`, and an
 * object that has that key itself as a list of its keys and values; everything else stands for itself:
 *
 *   {"$value": "NaN" | "Infinity" | "-Infinity" | "-0"}
 *   {"$value": "bigint", "text": "9223372036854775808"}
 *   {"$value": "Float32Array", "base64": "…"}      little-endian; the name is that of any typed array
 *   {"$value": "object", "entries": [[key, value], …]}
 */
const mark = '$value';

const typedArrays = {
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
} as const;

const bigintMin = -(2n ** 63n);
const bigintMax = 2n ** 64n - 1n;

/** `marked`: some value has a form of its own, so that a reader must put it back. */
export interface ExactJson {
  readonly value: unknown;
  readonly marked: boolean;
}

/** A value that JSON carries, from which `fromExactJson` makes the same again. Throws LOG_EVENT_INVALID where none is. */
export function toExactJson(value: unknown): ExactJson {
  const found = { marks: 0 };
  return { value: encode(value, 0, found), marked: found.marks > 0 };
}

/** What `toExactJson` was given. Only for values that it has marked. */
export function fromExactJson(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(fromExactJson);
  if (!isPlainObject(value)) return value;
  if (Object.hasOwn(value, mark)) return special(value);
  const result: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) setOwn(result, key, fromExactJson(item));
  return result;
}

function encode(value: unknown, depth: number, found: { marks: number }): unknown {
  switch (typeof value) {
    case 'string':
      assertWellFormed(value);
      return value;
    case 'number':
      if (Number.isFinite(value) && !Object.is(value, -0)) return value;
      found.marks += 1;
      return { [mark]: Object.is(value, -0) ? '-0' : String(value) };
    case 'boolean':
      return value;
    case 'bigint':
      if (value < bigintMin || value > bigintMax) throw refused(`the integer ${value}`, 'at most 64 bits');
      found.marks += 1;
      return { [mark]: 'bigint', text: value.toString() };
    case 'object':
      return value === null ? null : encodeObject(value, depth + 1, found);
    case 'undefined':
    case 'function':
    case 'symbol':
      throw refused(`a value of type ${typeof value}`, 'JSON values, integers of 64 bits or bytes');
  }
}

function encodeObject(value: object, depth: number, found: { marks: number }): unknown {
  if (depth > nestingMax) throw refused('a value nested too deeply', `at most ${nestingMax} levels`);
  if (Array.isArray(value)) {
    const list: unknown[] = [];
    // By index, so that a hole is refused like undefined.
    for (let index = 0; index < value.length; index += 1) list.push(encode(value[index], depth, found));
    return list;
  }
  if (ArrayBuffer.isView(value)) {
    found.marks += 1;
    return encodeBytes(value);
  }
  if (!isPlainObject(value)) throw refused(`a ${value.constructor?.name ?? 'object'}`, 'plain objects');
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  const result: Record<string, unknown> = {};
  for (const [key, item] of entries) {
    assertWellFormed(key);
    setOwn(result, key, encode(item, depth, found));
  }
  if (!Object.hasOwn(result, mark)) return result;
  found.marks += 1;
  return { [mark]: 'object', entries: Object.entries(result) };
}

function encodeBytes(value: ArrayBufferView): unknown {
  const name = Object.entries(typedArrays).find(([, type]) => value instanceof type)?.[0];
  if (name === undefined) throw refused(`a ${value.constructor.name}`, 'a typed array');
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return { [mark]: name, base64: bytes.toString('base64') };
}

function special(value: Record<string, unknown>): unknown {
  const kind = value[mark];
  switch (kind) {
    case 'NaN':
    case 'Infinity':
    case '-Infinity':
    case '-0':
      return Number(kind);
    case 'bigint':
      return BigInt(String(value['text']));
    case 'object':
      return objectOf(value['entries']);
    default:
      return bytesOf(kind, value['base64']);
  }
}

function objectOf(entries: unknown): object {
  const result: Record<string, unknown> = {};
  const pairs: readonly unknown[] = Array.isArray(entries) ? entries : [];
  for (const pair of pairs) {
    const [key, item]: readonly unknown[] = Array.isArray(pair) ? pair : [];
    setOwn(result, String(key), fromExactJson(item));
  }
  return result;
}

function bytesOf(name: unknown, base64: unknown): unknown {
  const type = Object.entries(typedArrays).find(([known]) => known === name)?.[1];
  if (type === undefined || typeof base64 !== 'string')
    throw errors.LOG_UNKNOWN_VERSION({ what: `A value of the kind ${String(name)}`, version: 1 });
  // A copy of its own: aligned whatever the array's type.
  return new type(new Uint8Array(Buffer.from(base64, 'base64')).buffer);
}

function refused(what: string, expected: string): Error {
  return errors.LOG_EVENT_INVALID({ problem: `${what} cannot be stored; expected ${expected}` });
}
