import { createHash, hash } from 'node:crypto';
import { crc32, inflateRawSync } from 'node:zlib';
import { limits } from '../../platform/limits.js';
import { MalformedPayload } from '../codec/packed.js';

/*
 * A frame is one group commit: a header of 88 bytes, then the payload. All numbers are little-endian.
 *
 *   offset  bytes
 *        0  4   magic: "HCF1" (48 43 46 31)
 *        4  4   CRC-32 (as zlib's) of everything that follows, offset 8 to the end of the frame
 *        8  4   length of the whole frame, header included
 *       12  1   codec of the payload: 1 (event-codec.ts)
 *       13  1   flags: bit 0: the payload is compressed; readers refuse flags that they do not know
 *       14  2   zero
 *       16  8   position of the first event, unsigned
 *       24  8   recordedAt of every event, microseconds UTC, signed
 *       32  8   smallest occurredAt, microseconds UTC, signed
 *       40  8   largest occurredAt, microseconds UTC, signed
 *       48  4   number of events, at least 1
 *       52  4   bytes of the payload before it was compressed; zero when it is not
 *       56  32  SHA-256 of: the previous frame's hash (32 zero bytes before the first), offsets 8 to 56, the payload
 *       88  …   payload
 *
 * A compressed payload (raw DEFLATE) has the hash that the frame had before: that of its plain form, with the plain
 * length, flags 0 and offset 52 zero. So compressing changes no hash, and the chain, and every hash kept elsewhere, stay.
 */
export const frameHeaderBytes = 88;
export const hashBytes = 32;
export const zeroHash: Uint8Array = new Uint8Array(hashBytes);

const magic = 0x31_46_43_48;
/** The bytes that every frame begins with. */
export const frameMagic = Buffer.from('HCF1', 'latin1');
const codecEvents = 1;
const flagCompressed = 1;
const offsets = {
  crc: 4,
  length: 8,
  codec: 12,
  flags: 13,
  zeros: 14,
  firstPosition: 16,
  recordedAt: 24,
  occurredMin: 32,
  occurredMax: 40,
  count: 48,
  plainBytes: 52,
  hash: 56,
} as const;

export interface FrameHeader {
  readonly length: number;
  readonly firstPosition: number;
  readonly count: number;
  readonly recordedAt: number;
  readonly occurredMin: number;
  readonly occurredMax: number;
}

export interface FrameContent {
  readonly firstPosition: number;
  readonly count: number;
  readonly recordedAt: number;
  readonly occurredMin: number;
  readonly occurredMax: number;
  readonly payload: Uint8Array;
}

/** The bytes of a frame and its hash, which the next frame chains on. */
export function encodeFrame(
  content: FrameContent,
  previousHash: Uint8Array,
): { readonly bytes: Buffer; readonly hash: Buffer } {
  const length = frameHeaderBytes + content.payload.byteLength;
  const bytes = Buffer.allocUnsafe(length);
  bytes.writeUInt32LE(magic, 0);
  bytes.writeUInt32LE(length, offsets.length);
  bytes[offsets.codec] = codecEvents;
  bytes[offsets.flags] = 0;
  bytes.writeUInt16LE(0, offsets.zeros);
  writeInt64(bytes, content.firstPosition, offsets.firstPosition);
  writeInt64(bytes, content.recordedAt, offsets.recordedAt);
  writeInt64(bytes, content.occurredMin, offsets.occurredMin);
  writeInt64(bytes, content.occurredMax, offsets.occurredMax);
  bytes.writeUInt32LE(content.count, offsets.count);
  bytes.writeUInt32LE(0, offsets.plainBytes);
  bytes.set(content.payload, frameHeaderBytes);
  const chained = hashAndRestore(bytes, previousHash);
  bytes.set(chained, offsets.hash);
  bytes.writeUInt32LE(crc32(bytes.subarray(offsets.length)), offsets.crc);
  return { bytes, hash: chained };
}

const covered = Buffer.alloc(offsets.hash - offsets.length);

/**
 * As `frameHash`, for a frame of one's own that has no hash yet: what the hash covers is put side by side in the room
 * that header and hash take, so that one call does it; a hash made in parts takes three times as long for a small
 * frame.
 */
function hashAndRestore(bytes: Buffer, previousHash: Uint8Array): Buffer {
  bytes.copy(covered, 0, offsets.length, offsets.hash);
  bytes.set(previousHash, offsets.length);
  bytes.set(covered, offsets.length + hashBytes);
  const digest = hash('sha256', bytes.subarray(offsets.length), 'buffer');
  bytes.set(covered, offsets.length);
  return digest;
}

/** The hash that a whole frame must carry. Throws MalformedPayload when it cannot be decompressed. */
export function frameHash(frame: Buffer, previousHash: Uint8Array): Buffer {
  const payload = payloadOf(frame);
  const header = Buffer.from(frame.subarray(offsets.length, offsets.hash));
  if (isCompressed(frame)) {
    header.writeUInt32LE(frameHeaderBytes + payload.byteLength, 0);
    header[offsets.flags - offsets.length] = 0;
    header.writeUInt32LE(0, offsets.plainBytes - offsets.length);
  }
  return createHash('sha256').update(previousHash).update(header).update(payload).digest();
}

/** The same frame with another payload: the compressed form of its own. Its hash stays. */
export function withCompressedPayload(frame: Buffer, compressed: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(frameHeaderBytes + compressed.byteLength);
  frame.copy(bytes, 0, 0, frameHeaderBytes);
  bytes.writeUInt32LE(bytes.byteLength, offsets.length);
  bytes[offsets.flags] = flagCompressed;
  bytes.writeUInt32LE(frame.byteLength - frameHeaderBytes, offsets.plainBytes);
  bytes.set(compressed, frameHeaderBytes);
  bytes.writeUInt32LE(crc32(bytes.subarray(offsets.length)), offsets.crc);
  return bytes;
}

export function isCompressed(frame: Uint8Array): boolean {
  return frame[offsets.flags] === flagCompressed;
}

/** The hash that a frame carries. */
export function storedHash(frame: Uint8Array): Uint8Array {
  return frame.subarray(offsets.hash, frameHeaderBytes);
}

/**
 * What a frame that begins at `at` says of its length. `empty`: nothing was written here (zeros). Undefined: these
 * bytes begin no frame. `bytes` holds at least 12 bytes from `at` on.
 */
export function frameLengthAt(bytes: Buffer, at: number): number | 'empty' | undefined {
  const found = bytes.readUInt32LE(at);
  const length = bytes.readUInt32LE(at + offsets.length);
  if (found === 0 && length === 0 && bytes.readUInt32LE(at + offsets.crc) === 0) return 'empty';
  return found === magic && length > frameHeaderBytes ? length : undefined;
}

/** The header of a whole frame when its CRC holds, else what is wrong. */
export function checkFrame(frame: Buffer): FrameHeader | { readonly problem: string } {
  if (frame.readUInt32LE(offsets.crc) !== crc32(frame.subarray(offsets.length))) {
    return { problem: 'the CRC does not match' };
  }
  const codec = frame[offsets.codec];
  const flags = frame[offsets.flags];
  if (codec !== codecEvents) return { problem: `codec ${codec} is not known to this release` };
  if (flags !== 0 && flags !== flagCompressed)
    return { problem: `flags ${flags} are not known to this release` };
  return {
    length: frame.byteLength,
    firstPosition: readInt64(frame, offsets.firstPosition),
    count: frame.readUInt32LE(offsets.count),
    recordedAt: readInt64(frame, offsets.recordedAt),
    occurredMin: readInt64(frame, offsets.occurredMin),
    occurredMax: readInt64(frame, offsets.occurredMax),
  };
}

/** The payload in its plain form. Throws MalformedPayload when it cannot be decompressed. */
export function payloadOf(frame: Buffer): Buffer {
  const stored = frame.subarray(frameHeaderBytes);
  if (!isCompressed(frame)) return stored;
  const plainBytes = frame.readUInt32LE(offsets.plainBytes);
  if (plainBytes > limits.frameBytesMax)
    throw new MalformedPayload(`a payload cannot have ${plainBytes} bytes`);
  try {
    const plain = inflateRawSync(stored, { maxOutputLength: Math.max(1, plainBytes) });
    if (plain.byteLength === plainBytes) return plain;
  } catch (error) {
    throw new MalformedPayload('the payload cannot be decompressed', { cause: error });
  }
  throw new MalformedPayload('the payload has another length than its header says');
}

/** Integers to ±2^53 as 64 bits, without the detour over BigInt. */
export function writeInt64(bytes: Buffer, value: number, at: number): void {
  const high = Math.floor(value / 2 ** 32);
  bytes.writeUInt32LE(value - high * 2 ** 32, at);
  bytes.writeInt32LE(high, at + 4);
}

export function readInt64(bytes: Buffer, at: number): number {
  return bytes.readInt32LE(at + 4) * 2 ** 32 + bytes.readUInt32LE(at);
}
