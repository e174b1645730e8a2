import type { ByteSink, ByteSource } from './byte-sink.js';

const dash = 45;
const hexDigits = '0123456789abcdef';
const notDigit = -1;
const valueOfCharacter = new Int8Array(128).fill(notDigit);
for (let value = 0; value < 16; value += 1) valueOfCharacter[hexDigits.charCodeAt(value)] = value;
const charactersOfByte = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
const highCharacter = Uint8Array.from(charactersOfByte, (pair) => pair.charCodeAt(0));
const lowCharacter = Uint8Array.from(charactersOfByte, (pair) => pair.charCodeAt(1));

export const uuidBytes = 16;
/** Where the bytes stand in the text: the index of each one's first digit. */
const digitOffsets = Uint8Array.of(0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34);
const textLength = 36;

/** Lower-case UUIDs as 16 bytes each; false, with nothing left in the sink, when one is none. */
export function encodeUuids(texts: readonly unknown[], sink: ByteSink): boolean {
  // Most columns of texts are told from their first.
  if (!mayBeUuid(texts[0])) return false;
  const before = sink.length;
  const room = sink.reserve(texts.length * uuidBytes);
  const { buffer } = room;
  let { at } = room;
  for (const text of texts) {
    if (!mayBeUuid(text) || !writeUuid(text, buffer, at)) {
      sink.release(before);
      return false;
    }
    at += uuidBytes;
  }
  return true;
}

function mayBeUuid(text: unknown): text is string {
  return (
    typeof text === 'string' &&
    text.length === textLength &&
    text.charCodeAt(8) === dash &&
    text.charCodeAt(13) === dash &&
    text.charCodeAt(18) === dash &&
    text.charCodeAt(23) === dash
  );
}

/** False when a character is no digit. */
function writeUuid(text: string, buffer: Buffer, at: number): boolean {
  let all = 0;
  for (let index = 0; index < uuidBytes; index += 1) {
    const offset = digitOffsets[index] ?? 0;
    // Beyond ASCII the table has no entry.
    const high = valueOfCharacter[text.charCodeAt(offset)] ?? notDigit;
    const low = valueOfCharacter[text.charCodeAt(offset + 1)] ?? notDigit;
    all |= high | low;
    buffer[at + index] = (high << 4) | low;
  }
  return all >= 0;
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
