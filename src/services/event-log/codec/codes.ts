import type { ByteSink, ByteSource } from './byte-sink.js';
import { MalformedPayload } from './packed.js';

/** A dictionary has at most this many entries: a code has two bytes. */
export const distinctMax = 65_536;

/** One code a row: 1 byte with up to 256 entries, else 2, little-endian. */
export function writeCodes(codes: readonly number[], distinct: number, sink: ByteSink): void {
  const wide = distinct > 256;
  const room = sink.reserve(wide ? codes.length * 2 : codes.length);
  const { buffer } = room;
  let { at } = room;
  for (const code of codes) {
    buffer[at] = code;
    at += 1;
    if (wide) {
      buffer[at] = code >> 8;
      at += 1;
    }
  }
}

/** The entries that the rows' codes name. */
export function readCodes(distinct: readonly unknown[], count: number, source: ByteSource): unknown[] {
  const wide = distinct.length > 256;
  const at = source.take(wide ? count * 2 : count);
  const { bytes } = source;
  const values: unknown[] = [];
  for (let row = 0; row < count; row += 1) {
    const code = wide
      ? (bytes[at + row * 2] ?? 0) | ((bytes[at + row * 2 + 1] ?? 0) << 8)
      : (bytes[at + row] ?? 0);
    if (code >= distinct.length) throw new MalformedPayload('a code is not in the dictionary');
    values.push(distinct[code]);
  }
  return values;
}
