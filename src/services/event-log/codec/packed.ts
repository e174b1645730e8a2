/** What the payload is made of: the plain MessagePack types, no extension, so that any MessagePack reader can open it. */
export type Packed = null | boolean | number | string | Uint8Array | readonly Packed[];

/** What was read is not what this codec writes. The caller knows the place and turns it into LOG_CORRUPT. */
export class MalformedPayload extends Error {
  override readonly name = 'MalformedPayload';
}

export function asList(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new MalformedPayload(`${what} is not a list`);
  return value;
}

export function asCount(value: unknown, what: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    throw new MalformedPayload(`${what} is not a count`);
  }
  return value;
}

export function asNumber(value: unknown, what: string): number {
  if (typeof value !== 'number') throw new MalformedPayload(`${what} is not a number`);
  return value;
}

export function asText(value: unknown, what: string): string {
  if (typeof value !== 'string') throw new MalformedPayload(`${what} is not a text`);
  return value;
}

export function asBytes(value: unknown, what: string): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new MalformedPayload(`${what} is not bytes`);
  return value;
}
