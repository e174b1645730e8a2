const dash = 45;
const hexDigits = '0123456789abcdef';
const valueOfCharacter = new Int8Array(128).fill(-1);
for (let value = 0; value < 16; value += 1) valueOfCharacter[hexDigits.charCodeAt(value)] = value;

/** Where the 16 bytes stand in the text, the index of each byte's first digit. */
const digitOffsets = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];
const textLength = 36;

/** 16 bytes each, or undefined when one of them is not a lower-case UUID (which would not come back the same). */
export function uuidsToBytes(texts: readonly unknown[]): Uint8Array | undefined {
  if (!looksLikeUuid(texts[0])) return undefined;
  const bytes = Buffer.allocUnsafe(texts.length * 16);
  let at = 0;
  for (const text of texts) {
    if (!looksLikeUuid(text)) return undefined;
    for (let index = 0; index < 16; index += 1) {
      const offset = digitOffsets[index] ?? 0;
      const high = valueOfCharacter[text.charCodeAt(offset)] ?? -1;
      const low = valueOfCharacter[text.charCodeAt(offset + 1)] ?? -1;
      if (high < 0 || low < 0) return undefined;
      bytes[at] = (high << 4) | low;
      at += 1;
    }
  }
  return bytes;
}

function looksLikeUuid(text: unknown): text is string {
  return (
    typeof text === 'string' &&
    text.length === textLength &&
    text.charCodeAt(8) === dash &&
    text.charCodeAt(13) === dash &&
    text.charCodeAt(18) === dash &&
    text.charCodeAt(23) === dash
  );
}

const scratch = Buffer.alloc(textLength, dash);

/** `count` lower-case UUIDs from 16 bytes each. */
export function uuidsFromBytes(bytes: Uint8Array, count: number): string[] {
  const texts: string[] = [];
  for (let row = 0; row < count; row += 1) {
    for (let index = 0; index < 16; index += 1) {
      const byte = bytes[row * 16 + index] ?? 0;
      const offset = digitOffsets[index] ?? 0;
      scratch[offset] = hexDigits.charCodeAt(byte >> 4);
      scratch[offset + 1] = hexDigits.charCodeAt(byte & 15);
    }
    texts.push(scratch.toString('latin1'));
  }
  return texts;
}
