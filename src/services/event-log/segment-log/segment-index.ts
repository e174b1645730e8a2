import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { errors } from '../../platform/errors.js';
import { hasNoRoom } from '../../platform/no-room.js';
import { type LogFolder, writeFully } from './file-system.js';
import { type FrameHeader, readInt64, writeInt64 } from './frame.js';
import { scanFrames } from './scan-frames.js';
import { segmentHeaderBytes } from './segment-file.js';

/*
 * What lets a reader step over parts of a sealed segment: one entry for each run of frames of at least 256 KiB. It
 * can be deleted at any time; without it a reader scans. Little-endian:
 *
 *   offset  bytes
 *        0  4   magic: "HCIX"
 *        4  4   CRC-32 of offset 8 to the end
 *        8  8   position after the segment's last event
 *       16  8   offset after the segment's last frame
 *       24  32  one entry: position of its first event, offset of its first frame, smallest and largest occurredAt
 *       56  …   further entries
 */
export interface IndexBlock {
  readonly position: number;
  readonly offset: number;
  readonly occurredMin: number;
  readonly occurredMax: number;
}

export interface SegmentIndex {
  readonly blocks: readonly IndexBlock[];
  readonly endPosition: number;
  readonly endOffset: number;
}

const magic = 0x58_49_43_48;
const headerBytes = 24;
const entryBytes = 32;
const blockBytesMin = 256 * 1024;

/** Gathers the index of a segment, frame by frame from its first. */
export interface IndexBuilder {
  add(offset: number, header: FrameHeader): void;
  finish(): SegmentIndex;
}

export function createIndexBuilder(firstPosition: number): IndexBuilder {
  const blocks: { position: number; offset: number; occurredMin: number; occurredMax: number }[] = [];
  let endPosition = firstPosition;
  let endOffset = segmentHeaderBytes;
  return {
    add(offset, header) {
      const last = blocks.at(-1);
      if (last === undefined || offset - last.offset >= blockBytesMin) {
        const { firstPosition: position, occurredMin, occurredMax } = header;
        blocks.push({ position, offset, occurredMin, occurredMax });
      } else {
        last.occurredMin = Math.min(last.occurredMin, header.occurredMin);
        last.occurredMax = Math.max(last.occurredMax, header.occurredMax);
      }
      endPosition = header.firstPosition + header.count;
      endOffset = offset + header.length;
    },
    finish: () => ({ blocks, endPosition, endOffset }),
  };
}

/** The index as its frames give it. Throws DamagedFrame. */
export async function buildSegmentIndex(directory: string, segment: number): Promise<SegmentIndex> {
  const builder = createIndexBuilder(segment);
  for await (const frame of scanFrames(directory, segment)) builder.add(frame.offset, frame.header);
  return builder.finish();
}

/** Written aside and renamed, so that a reader finds the whole of it or none. Throws LOG_DISK_FULL. */
export async function writeSegmentIndex(
  { directory, fileSystem }: LogFolder,
  segment: number,
  index: SegmentIndex,
): Promise<void> {
  const bytes = Buffer.alloc(headerBytes + index.blocks.length * entryBytes);
  bytes.writeUInt32LE(magic, 0);
  writeInt64(bytes, index.endPosition, 8);
  writeInt64(bytes, index.endOffset, 16);
  index.blocks.forEach((block, row) => {
    const at = headerBytes + row * entryBytes;
    writeInt64(bytes, block.position, at);
    writeInt64(bytes, block.offset, at + 8);
    writeInt64(bytes, block.occurredMin, at + 16);
    writeInt64(bytes, block.occurredMax, at + 24);
  });
  bytes.writeUInt32LE(crc32(bytes.subarray(8)), 4);
  const path = join(directory, indexName(segment));
  const part = `${path}.part`;
  try {
    const file = await fileSystem.open(part, 'new');
    try {
      await writeFully(file, bytes, 0);
      // Otherwise a power failure may leave the name without the content, which verification has to call damage.
      await file.sync();
    } finally {
      await file.close();
    }
    await fileSystem.rename(part, path);
  } catch (error) {
    if (!hasNoRoom(error)) throw error;
    await fileSystem.remove(part);
    throw errors.LOG_DISK_FULL({ directory, bytes: bytes.byteLength }, error);
  }
}

/** `missing`: none was written, or it was deleted. `damaged`: not to be used. */
export async function readSegmentIndex(
  directory: string,
  segment: number,
): Promise<SegmentIndex | 'missing' | 'damaged'> {
  let bytes: Buffer;
  try {
    bytes = await readFile(join(directory, indexName(segment)));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return 'missing';
    throw error;
  }
  if (bytes.length < headerBytes || (bytes.length - headerBytes) % entryBytes !== 0) return 'damaged';
  if (bytes.readUInt32LE(0) !== magic || bytes.readUInt32LE(4) !== crc32(bytes.subarray(8))) return 'damaged';
  const blocks: IndexBlock[] = [];
  for (let at = headerBytes; at < bytes.length; at += entryBytes) {
    blocks.push({
      position: readInt64(bytes, at),
      offset: readInt64(bytes, at + 8),
      occurredMin: readInt64(bytes, at + 16),
      occurredMax: readInt64(bytes, at + 24),
    });
  }
  return { blocks, endPosition: readInt64(bytes, 8), endOffset: readInt64(bytes, 16) };
}

export function indexName(segment: number): string {
  return `${String(segment).padStart(20, '0')}.index`;
}
