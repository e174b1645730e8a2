import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { type LogFile, type LogFolder, writeFullyNow } from './file-system.js';
import { hashBytes, readInt64, writeInt64 } from './frame.js';

/*
 * The head tells readers where the durable log ends. Two slots of 96 bytes, at 0 and 512, are written in turn, so
 * that a torn write never takes the last good one; the greater sequence counts. Little-endian:
 *
 *   offset  bytes
 *        0  4   magic: "HCHD"
 *        4  4   CRC-32 of offsets 8 to 96
 *        8  8   sequence, one more with each write
 *       16  8   first position of the segment that the log ends in
 *       24  8   offset in that segment where the next frame will begin
 *       32  8   position that the next event will get
 *       40  8   recordedAt of the last event, microseconds UTC; 0 when there is none
 *       48  32  hash of the last frame; zeros when there is none
 *       80  8   offset of the last frame in that segment; 0 when it has none yet
 *       88  8   zero
 *
 * It is written after the frame is durable and not synced itself: it survives the process, and what a power failure
 * takes of it is found again by scanning the frames that follow the head that is left.
 */
export interface Head {
  readonly segment: number;
  readonly offset: number;
  readonly nextPosition: number;
  readonly recordedAt: number;
  readonly hash: Uint8Array;
  /** Where the last frame begins; 0 when the segment has none. */
  readonly lastOffset: number;
}

/** `damaged`: a slot holds something that is no head. */
export interface HeadFileState {
  readonly head: Head | undefined;
  readonly sequence: number;
  readonly damaged: boolean;
}

export const headName = 'head';
const magic = 0x44_48_43_48;
const slotBytes = 96;
const slotOffsets = [0, 512] as const;
const fileBytes = 1024;

/** What the head file says now; undefined when there is none. */
export function readHeadFile(directory: string): HeadFileState | undefined {
  const file = openExisting(join(directory, headName));
  if (file === undefined) return undefined;
  try {
    return readOpenHeadFile(file);
  } finally {
    closeSync(file);
  }
}

export function readOpenHeadFile(file: number): HeadFileState {
  const bytes = Buffer.alloc(fileBytes);
  readSync(file, bytes, 0, fileBytes, 0);
  let state: HeadFileState = { head: undefined, sequence: 0, damaged: false };
  let damaged = false;
  for (const at of slotOffsets) {
    const slot = bytes.subarray(at, at + slotBytes);
    const found = decodeSlot(slot);
    if (found === undefined) {
      if (slot.some((byte) => byte !== 0)) damaged = true;
    } else if (found.sequence > state.sequence) state = { ...found, damaged: false };
  }
  return { ...state, damaged };
}

/** Writes heads in turn into the two slots. A class because it holds an open file. */
export class HeadWriter {
  readonly #file: LogFile;
  #sequence: number;
  readonly #slot = Buffer.alloc(slotBytes);

  private constructor(file: LogFile, sequence: number) {
    this.#file = file;
    this.#sequence = sequence;
  }

  /** Writes `head` into both slots, so that what was damaged is whole again. `sequence`: the greatest in the file. */
  static async open(
    { directory, fileSystem }: LogFolder,
    { sequence, head }: { readonly sequence: number; readonly head: Head },
  ): Promise<HeadWriter> {
    const file = await fileSystem.open(join(directory, headName), 'kept');
    try {
      const writer = new HeadWriter(file, sequence);
      writer.write(head);
      writer.write(head);
      await writer.sync();
      // The name of a new file.
      await fileSystem.syncDirectory(directory);
      return writer;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** In the page cache when it returns: visible to every process, and safe from the end of this one. */
  write(head: Head): void {
    this.#sequence += 1;
    const slot = this.#slot;
    slot.writeUInt32LE(magic, 0);
    writeInt64(slot, this.#sequence, 8);
    writeInt64(slot, head.segment, 16);
    writeInt64(slot, head.offset, 24);
    writeInt64(slot, head.nextPosition, 32);
    writeInt64(slot, head.recordedAt, 40);
    slot.set(head.hash, 48);
    writeInt64(slot, head.lastOffset, 80);
    slot.writeUInt32LE(crc32(slot.subarray(8)), 4);
    writeFullyNow(this.#file, slot, slotOffsets[this.#sequence % 2] ?? 0);
  }

  async sync(): Promise<void> {
    await this.#file.sync();
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

function decodeSlot(slot: Buffer): { head: Head; sequence: number } | undefined {
  if (slot.readUInt32LE(0) !== magic || slot.readUInt32LE(4) !== crc32(slot.subarray(8))) return undefined;
  return {
    sequence: readInt64(slot, 8),
    head: {
      segment: readInt64(slot, 16),
      offset: readInt64(slot, 24),
      nextPosition: readInt64(slot, 32),
      recordedAt: readInt64(slot, 40),
      hash: Buffer.from(slot.subarray(48, 48 + hashBytes)),
      lastOffset: readInt64(slot, 80),
    },
  };
}

function openExisting(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
