import { MalformedPayload } from './packed.js';

/** Collects the raw bytes of a frame's columns, one after the other. */
export interface ByteSink {
  /** Room for `length` bytes at the end; what is written at `at` of `buffer` is valid until the next call. */
  reserve(length: number): { readonly buffer: Buffer; readonly at: number };
  readonly length: number;
  /** Takes back what was reserved since the sink had so many bytes. */
  release(length: number): void;
  /** A view of everything so far. */
  bytes(): Buffer;
}

const firstBytes = 64 * 1024;
// Encoding is synchronous and never nested, so all frames can be built in one buffer; it grows to the largest frame.
let shared: Buffer = Buffer.allocUnsafeSlow(firstBytes);
const sharedBytesMax = 4 * 1024 * 1024;

export function createByteSink(): ByteSink {
  let buffer = shared;
  let length = 0;
  return {
    reserve(wanted) {
      const at = length;
      if (at + wanted > buffer.length) {
        const grown = Buffer.allocUnsafeSlow(Math.max(at + wanted, buffer.length * 2));
        buffer.copy(grown, 0, 0, at);
        buffer = grown;
        if (grown.length <= sharedBytesMax) shared = grown;
      }
      length += wanted;
      return { buffer, at };
    },
    get length() {
      return length;
    },
    release(to) {
      length = to;
    },
    bytes: () => buffer.subarray(0, length),
  };
}

/** Gives the raw bytes back in the order in which they were written. */
export interface ByteSource {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** The offset of the next `length` bytes, which are thereby taken. Throws MalformedPayload when there are fewer. */
  take(length: number): number;
}

export function createByteSource(bytes: Uint8Array): ByteSource {
  let next = 0;
  return {
    bytes,
    view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    take(length) {
      const at = next;
      next += length;
      if (next > bytes.byteLength) throw new MalformedPayload('a column ends too early');
      return at;
    },
  };
}
