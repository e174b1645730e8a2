import { errors } from '../../services/platform/errors.js';

/*
 * Plain data as JSON text that comes back the same: numbers to the last bit (those that JSON lacks as {"$number": "NaN"}), typed arrays as
 * {"$array": ["Float64Array", base64, little-endian]}, maps as {"$map": [[key, value]…]}. Fields that are undefined are left out.
 */

const arrayTypes = { Float64Array, Uint16Array, Uint8Array } as const;
type ArrayName = keyof typeof arrayTypes;

/** Throws INTERNAL for what has no form here. */
export function encodeState(value: unknown): string {
  return JSON.stringify(encoded(value));
}

/** Throws what JSON.parse throws, and INTERNAL for a form that is unknown; the caller checks the shape. */
export function decodeState(text: string): unknown {
  return decoded(JSON.parse(text));
}

function encoded(value: unknown): unknown {
  if (typeof value === 'number') {
    return Number.isFinite(value) && !Object.is(value, -0) ? value : { $number: numberText(value) };
  }
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(encoded);
  if (value instanceof Map) return { $map: [...value].map(encoded) };
  if (ArrayBuffer.isView(value)) return { $array: [nameOf(value), base64Of(value)] };
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, field]) => field !== undefined)
      .map(([key, field]) => [key, encoded(field)]),
  );
}

function decoded(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(decoded);
  const entries = Object.entries(value);
  const [[key, content] = ['', undefined]] = entries;
  if (entries.length === 1 && key === '$number') return Number(content);
  if (entries.length === 1 && key === '$map' && Array.isArray(content)) return mapOf(content);
  if (entries.length === 1 && key === '$array' && Array.isArray(content)) {
    return arrayOf(String(content[0]), String(content[1]));
  }
  return Object.fromEntries(entries.map(([name, field]) => [name, decoded(field)]));
}

function numberText(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

function nameOf(view: ArrayBufferView): ArrayName {
  for (const name of arrayNames) if (view instanceof arrayTypes[name]) return name;
  throw errors.INTERNAL({ problem: `a ${view.constructor.name} has no form in a part` });
}

const arrayNames = ['Float64Array', 'Uint16Array', 'Uint8Array'] as const satisfies readonly ArrayName[];

function base64Of(view: ArrayBufferView): string {
  return Buffer.from(view.buffer, view.byteOffset, view.byteLength).toString('base64');
}

function arrayOf(name: string, base64: string): Float64Array | Uint16Array | Uint8Array {
  const bytes = new Uint8Array(Buffer.from(base64, 'base64'));
  const known = arrayNames.find((each) => each === name);
  if (known === undefined) throw errors.INTERNAL({ problem: `unknown array type ${name}` });
  return new arrayTypes[known](bytes.buffer);
}

function mapOf(entries: readonly unknown[]): Map<unknown, unknown> {
  return new Map(
    entries.map((entry): [unknown, unknown] => {
      const [key, value]: readonly unknown[] = Array.isArray(entry) ? entry : [];
      return [decoded(key), decoded(value)];
    }),
  );
}
