import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { errors } from '../../platform/errors.js';
import { type LogFolder, writeFully } from './file-system.js';
import { hashBytes, readInt64, writeInt64 } from './frame.js';

/*
 * Where the log begins, once retention has dropped segments; there is no such file before. It is the last word on it:
 * segments before that position are no part of the log any more, whether or not they were removed yet. Two copies of
 * 96 bytes, at 0 and 512, so that damage to one loses nothing. Little-endian:
 *
 *   offset  bytes
 *        0  4   magic: "HCST"
 *        4  4   CRC-32 of offsets 8 to 96
 *        8  8   position of the first event that is kept: the name of a segment
 *       16  8   recordedAt of the last event dropped, microseconds UTC
 *       24  8   when it was dropped, microseconds UTC
 *       32  8   segments dropped since the log began
 *       40  8   bytes of segments dropped since the log began
 *       48  32  hash of the last frame dropped, which the first one kept chains on
 *       80  16  zero
 */
export interface LogStart {
  readonly firstPosition: number;
  readonly recordedAt: number;
  readonly droppedAt: number;
  readonly segmentsDropped: number;
  readonly bytesDropped: number;
  readonly hash: Uint8Array;
}

/** `damaged`: a copy does not hold what was written. */
export interface StartFileState {
  readonly start: LogStart;
  readonly damaged: boolean;
}

export const startName = 'start';
const magic = 0x54_53_43_48;
const copyBytes = 96;
const copyOffsets = [0, 512] as const;
const fileBytes = 1024;

/** What the file says; undefined when nothing was ever dropped. Throws LOG_CORRUPT when neither copy is sound. */
export async function readStartFile(directory: string): Promise<StartFileState | undefined> {
  let bytes: Buffer;
  try {
    bytes = await readFile(join(directory, startName));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  const copies = copyOffsets.map((at) => decodeCopy(bytes.subarray(at, at + copyBytes)));
  const start = copies.find((copy) => copy !== undefined);
  if (start === undefined) {
    throw errors.LOG_CORRUPT({
      segment: startName,
      offset: 0,
      position: '0',
      problem: 'both copies of where the log begins are damaged',
    });
  }
  return { start, damaged: !bytes.equals(encodeFile(start)) };
}

/** Position of the first event that is kept. Throws LOG_CORRUPT. */
export async function firstKept(directory: string): Promise<number> {
  return (await readStartFile(directory))?.start.firstPosition ?? 0;
}

/** Durable, and the last word, when it resolves; a crash before leaves what was there. */
export async function writeStartFile({ directory, fileSystem }: LogFolder, start: LogStart): Promise<void> {
  const path = join(directory, startName);
  const part = `${path}.part`;
  const file = await fileSystem.open(part, 'new');
  try {
    await writeFully(file, encodeFile(start), 0);
    await file.sync();
  } finally {
    await file.close();
  }
  await fileSystem.rename(part, path);
  await fileSystem.syncDirectory(directory);
}

function encodeFile(start: LogStart): Buffer {
  const copy = Buffer.alloc(copyBytes);
  copy.writeUInt32LE(magic, 0);
  writeInt64(copy, start.firstPosition, 8);
  writeInt64(copy, start.recordedAt, 16);
  writeInt64(copy, start.droppedAt, 24);
  writeInt64(copy, start.segmentsDropped, 32);
  writeInt64(copy, start.bytesDropped, 40);
  copy.set(start.hash, 48);
  copy.writeUInt32LE(crc32(copy.subarray(8)), 4);
  const bytes = Buffer.alloc(fileBytes);
  for (const at of copyOffsets) copy.copy(bytes, at);
  return bytes;
}

function decodeCopy(copy: Buffer): LogStart | undefined {
  if (copy.length < copyBytes || copy.readUInt32LE(0) !== magic) return undefined;
  if (copy.readUInt32LE(4) !== crc32(copy.subarray(8))) return undefined;
  return {
    firstPosition: readInt64(copy, 8),
    recordedAt: readInt64(copy, 16),
    droppedAt: readInt64(copy, 24),
    segmentsDropped: readInt64(copy, 32),
    bytesDropped: readInt64(copy, 40),
    hash: Buffer.from(copy.subarray(48, 48 + hashBytes)),
  };
}
