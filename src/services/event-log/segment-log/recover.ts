import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { corrupt } from './frames-in-range.js';
import { frameHash, storedHash, zeroHash } from './frame.js';
import type { Head } from './head-file.js';
import { DamagedFrame, scanFrames } from './scan-frames.js';
import {
  listSegments,
  openForCommits,
  readSegmentStart,
  segmentHeaderBytes,
  segmentName,
  syncDirectory,
  writeFully,
} from './segment-file.js';

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
  directory: string,
  written: Head | undefined,
): Promise<{ end: Head | undefined } & Pick<Recovery, 'eventsAfterHead' | 'tornTail'>> {
  const segments = await listSegments(directory);
  const first = segments[0];
  if (first === undefined) {
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
    if (segment === segments.at(-1)) tornTail = await cutTail(directory, end, scanned.problem);
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
  directory: string,
  end: Head,
  problem = 'bytes after the last frame',
): Promise<Recovery['tornTail']> {
  const name = segmentName(end.segment);
  const file = await openForCommits(join(directory, name));
  try {
    const { size } = await file.stat();
    const rest = Buffer.alloc(Math.max(0, size - end.offset));
    let read = 0;
    while (read < rest.length) {
      const { bytesRead } = await file.read(rest, read, rest.length - read, end.offset + read);
      if (bytesRead === 0) break;
      read += bytesRead;
    }
    const last = lastWritten(rest);
    if (last < 0) return undefined;
    const torn = rest.subarray(0, last + 1);
    const keptIn = join('torn', `${end.segment}-${end.offset}.bin`);
    await keepAside(directory, keptIn, torn);
    await writeFully(file, Buffer.alloc(torn.length), end.offset);
    return { segment: name, offset: end.offset, bytes: torn.length, problem, keptIn };
  } finally {
    await file.close();
  }
}

function lastWritten(bytes: Buffer): number {
  const zeros = Buffer.alloc(64 * 1024);
  for (let end = bytes.length; end > 0; end -= zeros.length) {
    const start = Math.max(0, end - zeros.length);
    const part = bytes.subarray(start, end);
    if (part.equals(zeros.subarray(0, part.length))) continue;
    for (let at = part.length - 1; at >= 0; at -= 1) if (part[at] !== 0) return start + at;
  }
  return -1;
}

async function keepAside(directory: string, name: string, bytes: Buffer): Promise<void> {
  const path = join(directory, name);
  await mkdir(join(directory, 'torn'), { recursive: true, mode: 0o700 });
  const file = await open(path, 'w', 0o600);
  try {
    await writeFully(file, bytes, 0);
    await file.sync();
  } finally {
    await file.close();
  }
  await syncDirectory(join(directory, 'torn'));
}

/** A prepared segment that was never started is made anew: it may be half written. */
export async function removeLeftovers(directory: string): Promise<void> {
  await rm(join(directory, 'prepared.segment'), { force: true });
}
