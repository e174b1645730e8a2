import type { Packed } from './packed.js';

/** Writes MessagePack, value after value, into a buffer of its own that grows and is used again. */
export interface MessagePackWriter {
  /** Forgets what was written. */
  reset(): void;
  /** Begins a list; as many values follow. */
  list(length: number): void;
  value(packed: Packed): void;
  /** Bytes as one value. */
  bytes(bytes: Uint8Array): void;
  /** Bytes that are MessagePack already, as they are. */
  raw(bytes: Uint8Array): void;
  /** A view of what was written; valid until the next reset. */
  written(): Buffer;
}

const firstBytes = 16 * 1024;
const keptBytesMax = 4 * 1024 * 1024;
/** Up to this length a loop over the characters is faster than a call into the engine. */
const loopedCharactersMax = 48;

export function createMessagePackWriter(): MessagePackWriter {
  let buffer: Buffer = Buffer.allocUnsafeSlow(firstBytes);
  let at = 0;

  function reserve(bytes: number): void {
    if (at + bytes <= buffer.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(at + bytes, buffer.length * 2));
    buffer.copy(grown, 0, 0, at);
    buffer = grown;
  }

  /** One byte that says the kind, then a number of 1, 2 or 4 bytes, big-endian as all of MessagePack. */
  function sized(value: number, [kind8, kind16, kind32]: readonly [number, number, number]): void {
    reserve(5);
    if (value < 256) {
      buffer[at] = kind8;
      buffer[at + 1] = value;
      at += 2;
    } else if (value < 65_536) {
      buffer[at] = kind16;
      at = buffer.writeUInt16BE(value, at + 1);
    } else {
      buffer[at] = kind32;
      at = buffer.writeUInt32BE(value, at + 1);
    }
  }

  function list(length: number): void {
    if (length < 16) {
      reserve(1);
      buffer[at] = 0x90 | length;
      at += 1;
    } else if (length < 65_536) {
      reserve(3);
      buffer[at] = 0xdc;
      at = buffer.writeUInt16BE(length, at + 1);
    } else {
      reserve(5);
      buffer[at] = 0xdd;
      at = buffer.writeUInt32BE(length, at + 1);
    }
  }

  function text(value: string): void {
    if (value.length <= loopedCharactersMax && shortAscii(value)) return;
    const bytes = Buffer.byteLength(value);
    if (bytes < 32) {
      reserve(1);
      buffer[at] = 0xa0 | bytes;
      at += 1;
    } else sized(bytes, textKinds);
    reserve(bytes);
    at += buffer.write(value, at);
  }

  /** False, with nothing written, when a character is not ASCII. */
  function shortAscii(value: string): boolean {
    const { length } = value;
    reserve(2 + loopedCharactersMax);
    const start = at + (length < 32 ? 1 : 2);
    for (let index = 0; index < length; index += 1) {
      const code = value.charCodeAt(index);
      if (code > 127) return false;
      buffer[start + index] = code;
    }
    if (length < 32) buffer[at] = 0xa0 | length;
    else {
      buffer[at] = textKinds[0];
      buffer[at + 1] = length;
    }
    at = start + length;
    return true;
  }

  function number(value: number): void {
    if (Number.isInteger(value) && value >= -(2 ** 31) && value < 2 ** 32 && !Object.is(value, -0)) {
      if (value >= 128) sized(value, unsignedKinds);
      else if (value >= -32) {
        reserve(1);
        buffer[at] = value;
        at += 1;
      } else {
        reserve(5);
        buffer[at] = 0xd2;
        at = buffer.writeInt32BE(value, at + 1);
      }
      return;
    }
    // Also integers of more than 32 bits: exact to 2^53, and no reader makes another type of them.
    reserve(9);
    buffer[at] = 0xcb;
    at = buffer.writeDoubleBE(value, at + 1);
  }

  function raw(bytes: Uint8Array): void {
    reserve(bytes.byteLength);
    buffer.set(bytes, at);
    at += bytes.byteLength;
  }

  function bytes(value: Uint8Array): void {
    sized(value.byteLength, byteKinds);
    raw(value);
  }

  function value(packed: Packed): void {
    if (typeof packed === 'string') text(packed);
    else if (typeof packed === 'number') number(packed);
    else if (packed === null || typeof packed === 'boolean') {
      reserve(1);
      buffer[at] = packed === null ? 0xc0 : packed ? 0xc3 : 0xc2;
      at += 1;
    } else if (packed instanceof Uint8Array) bytes(packed);
    else {
      list(packed.length);
      for (const item of packed) value(item);
    }
  }

  return {
    reset() {
      at = 0;
      if (buffer.length > keptBytesMax) buffer = Buffer.allocUnsafeSlow(firstBytes);
    },
    list,
    value,
    bytes,
    raw,
    written: () => buffer.subarray(0, at),
  };
}

const textKinds = [0xd9, 0xda, 0xdb] as const;
const byteKinds = [0xc4, 0xc5, 0xc6] as const;
const unsignedKinds = [0xcc, 0xcd, 0xce] as const;
