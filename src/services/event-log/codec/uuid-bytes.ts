import type { ByteSink, ByteSource } from './byte-sink.js';

const dash = 45;
const hexDigits = '0123456789abcdef';
const valueOfCharacter = new Int8Array(128).fill(-1);
for (let value = 0; value < 16; value += 1) valueOfCharacter[hexDigits.charCodeAt(value)] = value;
const charactersOfByte = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
const highCharacter = Uint8Array.from(charactersOfByte, (pair) => pair.charCodeAt(0));
const lowCharacter = Uint8Array.from(charactersOfByte, (pair) => pair.charCodeAt(1));

export const uuidBytes = 16;
/** Where the bytes stand in the text: the index of each one's first digit. */
const digitOffsets = Uint8Array.of(0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34);
const textLength = 36;

/** Lower-case UUIDs as 16 bytes each; false, with nothing taken from the sink, when one is none. */
export function encodeUuids(texts: readonly unknown[], sink: ByteSink): boolean {
  if (!texts.every(isUuid)) return false;
  const room = sink.reserve(texts.length * uuidBytes);
  const { buffer } = room;
  let { at } = room;
  for (const text of texts) {
    for (let index = 0; index < uuidBytes; index += 1) {
      const offset = digitOffsets[index] ?? 0;
      const high = valueOfCharacter[text.charCodeAt(offset)] ?? 0;
      buffer[at] = (high << 4) | (valueOfCharacter[text.charCodeAt(offset + 1)] ?? 0);
      at += 1;
    }
  }
  return true;
}

function isUuid(text: unknown): text is string {
  if (typeof text !== 'string' || text.length !== textLength) return false;
  if (text.charCodeAt(8) !== dash || text.charCodeAt(13) !== dash) return false;
  if (text.charCodeAt(18) !== dash || text.charCodeAt(23) !== dash) return false;
  for (let index = 0; index < uuidBytes; index += 1) {
    const offset = digitOffsets[index] ?? 0;
    // Beyond ASCII the table has no entry, and the comparison is false.
    if (!((valueOfCharacter[text.charCodeAt(offset)] ?? -1) >= 0)) return false;
    if (!((valueOfCharacter[text.charCodeAt(offset + 1)] ?? -1) >= 0)) return false;
  }
  return true;
}

// One text is made for several UUIDs, of which each is a slice: cheaper, and who keeps one keeps at most so many.
const textsPerSlice = 32;
const scratch = Buffer.alloc(textsPerSlice * textLength, dash);

export function decodeUuids(count: number, source: ByteSource): string[] {
  const start = source.take(count * uuidBytes);
  const texts: string[] = [];
  for (let first = 0; first < count; first += textsPerSlice) {
    const rows = Math.min(textsPerSlice, count - first);
    for (let row = 0; row < rows; row += 1) {
      const from = start + (first + row) * uuidBytes;
      for (let index = 0; index < uuidBytes; index += 1) {
        const byte = source.bytes[from + index] ?? 0;
        const offset = row * textLength + (digitOffsets[index] ?? 0);
        scratch[offset] = highCharacter[byte] ?? 0;
        scratch[offset + 1] = lowCharacter[byte] ?? 0;
      }
    }
    const text = scratch.toString('latin1', 0, rows * textLength);
    for (let row = 0; row < rows; row += 1) {
      texts.push(text.substring(row * textLength, (row + 1) * textLength));
    }
  }
  return texts;
}
