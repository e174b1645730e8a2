import { mkdir, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { rewrittenName } from './compress-segment.js';
import { type LogFile, type LogFolder, writeFully } from './file-system.js';
import { removeDropped } from './drop-segments.js';
import { corrupt } from './frames-in-range.js';
import { frameHash, storedHash, zeroHash } from './frame.js';
import type { Head } from './head-file.js';
import { keptSegments } from './kept-segments.js';
import { DamagedFrame, scanFrames } from './scan-frames.js';
import { preparedName, readSegmentStart, segmentHeaderBytes, segmentName } from './segment-file.js';
import { readStartFile, writeStartFile } from './start-file.js';

/** What opening found beyond the head that was last written. */
export interface Recovery {
  /** Events that were durable, and so perhaps acknowledged, after the head that was on disk. */
  readonly eventsAfterHead: number;
  /** Bytes that were no whole frame; kept in `keptIn`, and cut from the log. */
  readonly tornTail:
    | {
        readonly segment: string;
        readonly offset: number;
        readonly bytes: number;
        readonly problem: string;
        readonly keptIn: string;
      }
    | undefined;
  /** A slot of the head file was no head; it was written anew. */
  readonly headDamaged: boolean;
}

/**
 * Finds where the log ends: reads forward from the head (from the first segment when no head is left), keeps every
 * sound frame, since it may have been acknowledged, and cuts off what follows. Throws LOG_CORRUPT when frames stand
 * after the damage, which no torn write leaves.
 */
export async function recoverEnd(
  folder: LogFolder,
  written: Head | undefined,
): Promise<{ end: Head | undefined } & Pick<Recovery, 'eventsAfterHead' | 'tornTail'>> {
  const { directory } = folder;
  const { segments, first: firstPosition } = await keptSegments(directory);
  const first = segments[0];
  if (first === undefined) {
    if (firstPosition > 0) {
      throw corrupt(firstPosition, 0, firstPosition, 'the segment that the log begins with is missing');
    }
    if (written !== undefined && written.nextPosition > 0) {
      throw corrupt(written.segment, 0, written.segment, 'the segment that the head names is missing');
    }
    return { end: undefined, eventsAfterHead: 0, tornTail: undefined };
  }
  let end = written ?? (await startOf(directory, first));
  const before = end.nextPosition;
  if (!segments.includes(end.segment)) {
    throw corrupt(end.segment, 0, end.segment, 'the segment that the head names is missing');
  }
  if (written !== undefined) await checkLastFrame(directory, written);
  let tornTail: Recovery['tornTail'];
  for (const segment of segments.filter((candidate) => candidate >= end.segment)) {
    if (segment !== end.segment) {
      if (segment !== end.nextPosition)
        throw corrupt(end.segment, end.offset, end.nextPosition, 'frames are missing');
      end = { ...(await startOf(directory, segment)), hash: end.hash, recordedAt: end.recordedAt };
    }
    const scanned = await scanFrom(directory, end);
    end = scanned.end;
    if (segment === segments.at(-1)) tornTail = await cutTail(folder, end, scanned.problem);
    else if (scanned.problem !== undefined) {
      throw corrupt(segment, end.offset, end.nextPosition, scanned.problem);
    }
  }
  return { end, eventsAfterHead: end.nextPosition - before, tornTail };
}

/** What is appended after a damaged frame could never be read, so the last acknowledged one is looked at first. */
async function checkLastFrame(directory: string, head: Head): Promise<void> {
  if (head.lastOffset === 0) return;
  const range = { fromOffset: head.lastOffset, untilOffset: head.offset };
  let found: string | undefined;
  try {
    for await (const frame of scanFrames(directory, head.segment, range)) {
      found = Buffer.from(storedHash(frame.bytes)).equals(head.hash)
        ? 'sound'
        : 'the hash is not the one that the head names';
    }
  } catch (error) {
    if (!(error instanceof DamagedFrame)) throw error;
    found = error.problem;
  }
  if (found === 'sound') return;
  throw corrupt(head.segment, head.lastOffset, head.nextPosition, found ?? 'the last frame is missing');
}

async function startOf(directory: string, segment: number): Promise<Head> {
  const start = await readSegmentStart(directory, segment);
  if (start === undefined) throw corrupt(segment, 0, segment, "the segment's header is damaged");
  return {
    segment,
    offset: segmentHeaderBytes,
    nextPosition: segment,
    recordedAt: start.recordedAt,
    hash: segment === 0 ? zeroHash : start.previousHash,
    lastOffset: 0,
  };
}

async function scanFrom(directory: string, from: Head): Promise<{ end: Head; problem: string | undefined }> {
  let end = from;
  try {
    for await (const frame of scanFrames(directory, from.segment, { fromOffset: from.offset })) {
      const { header, offset, bytes } = frame;
      if (header.firstPosition !== end.nextPosition) {
        return { end, problem: `the frame begins at position ${header.firstPosition}` };
      }
      if (!frameHash(bytes, end.hash).equals(storedHash(bytes))) {
        return { end, problem: 'the hash does not chain on the frame before' };
      }
      end = {
        segment: from.segment,
        offset: offset + header.length,
        nextPosition: header.firstPosition + header.count,
        recordedAt: header.recordedAt,
        hash: Buffer.from(storedHash(bytes)),
        lastOffset: offset,
      };
    }
  } catch (error) {
    if (!(error instanceof DamagedFrame)) throw error;
    return { end, problem: error.problem };
  }
  return { end, problem: undefined };
}

/** Keeps aside and zeroes whatever was written after the end; a torn write may leave holes before its later parts. */
async function cutTail(
  folder: LogFolder,
  end: Head,
  problem = 'bytes after the last frame',
): Promise<Recovery['tornTail']> {
  const { directory, fileSystem } = folder;
  const name = segmentName(end.segment);
  const path = join(directory, name);
  const last = await lastWritten(path, end.offset);
  if (last < end.offset) return undefined;
  const bytes = last + 1 - end.offset;
  await mkdir(join(directory, tornName), { recursive: true, mode: 0o700 });
  await fileSystem.syncDirectory(directory);
  const keptIn = await freeName(directory, end);
  const aside = await fileSystem.open(join(directory, keptIn), 'new');
  try {
    await copyBytes(path, aside, { from: end.offset, bytes });
    await aside.sync();
  } finally {
    await aside.close();
  }
  await fileSystem.syncDirectory(join(directory, tornName));
  const file = await fileSystem.open(path, 'durable');
  try {
    // From the back: what is left after a crash in the middle is still seen as written.
    for (let until = end.offset + bytes; until > end.offset; until -= pieceBytes) {
      const start = Math.max(end.offset, until - pieceBytes);
      await writeFully(file, zeros.subarray(0, until - start), start);
    }
  } finally {
    await file.close();
  }
  return { segment: name, offset: end.offset, bytes, problem, keptIn };
}

/** What was cut here before stays. */
async function freeName(directory: string, end: Head): Promise<string> {
  const taken = await readdir(join(directory, tornName));
  for (let attempt = 1; ; attempt += 1) {
    const name = `${end.segment}-${end.offset}${attempt === 1 ? '' : `-${attempt}`}.bin`;
    if (!taken.includes(name)) return join(tornName, name);
  }
}

const tornName = 'torn';
const pieceBytes = 1024 * 1024;
const zeros = Buffer.alloc(pieceBytes);

/** The offset of the last byte that is not zero, −1 when all from `from` on are. */
async function lastWritten(path: string, from: number): Promise<number> {
  const file = await open(path, 'r');
  try {
    const piece = Buffer.allocUnsafe(pieceBytes);
    const { size } = await file.stat();
    for (let end = size; end > from; end -= pieceBytes) {
      const start = Math.max(from, end - pieceBytes);
      const { bytesRead } = await file.read(piece, 0, end - start, start);
      const found = piece.subarray(0, bytesRead);
      if (found.equals(zeros.subarray(0, bytesRead))) continue;
      for (let at = bytesRead - 1; at >= 0; at -= 1) if (found[at] !== 0) return start + at;
    }
    return -1;
  } finally {
    await file.close();
  }
}

async function copyBytes(
  path: string,
  into: LogFile,
  { from, bytes }: { from: number; bytes: number },
): Promise<void> {
  const file = await open(path, 'r');
  try {
    const piece = Buffer.allocUnsafe(Math.min(pieceBytes, bytes));
    for (let copied = 0; copied < bytes;) {
      const { bytesRead } = await file.read(piece, 0, Math.min(piece.length, bytes - copied), from + copied);
      if (bytesRead === 0) throw new Error(`${path} became shorter while it was read`);
      await writeFully(into, piece.subarray(0, bytesRead), copied);
      copied += bytesRead;
    }
  } finally {
    await file.close();
  }
}

/**
 * Tidies what a crash left: files that were never given their name (they may be half written), segments that are
 * dropped already, a start file with a damaged copy.
 */
export async function removeLeftovers(folder: LogFolder): Promise<void> {
  const { directory, fileSystem } = folder;
  await fileSystem.remove(join(directory, preparedName));
  await fileSystem.remove(join(directory, rewrittenName));
  const state = await readStartFile(directory);
  if (state === undefined) return;
  if (state.damaged) await writeStartFile(folder, state.start);
  await removeDropped(folder);
}
