import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errors } from '../../platform/errors.js';
import { readHeadFile } from '../segment-log/head-file.js';
import { keptSegments } from '../segment-log/kept-segments.js';
import { scanFrames } from '../segment-log/scan-frames.js';
import { segmentName } from '../segment-log/segment-file.js';
import { readStartFile } from '../segment-log/start-file.js';
import { findLockHolder } from '../writer-lock.js';

/** Where a log stands. Times: microseconds UTC. */
export interface LogStatistics {
  readonly firstPosition: number;
  readonly nextPosition: number;
  /** Undefined for an empty log. */
  readonly firstRecordedAt: number | undefined;
  readonly lastRecordedAt: number | undefined;
  readonly segments: number;
  /** Bytes of the segments as far as they are written; not what was only prepared. */
  readonly bytes: number;
  readonly hash: string;
  /** The process that holds the writer's lock. */
  readonly writer: { readonly pid: number; readonly host: string } | undefined;
  /** What retention dropped before `firstPosition`; undefined: nothing. */
  readonly dropped:
    | { readonly segments: number; readonly bytes: number; readonly recordedAt: number }
    | undefined;
  /** What recovery (`torn/`) and repair (`cut/`) cut from the log and kept. */
  readonly keptAside: readonly string[];
}

/** Reads the head file, sizes, and the first frame. Throws LOG_NOT_FOUND, LOG_CORRUPT without a sound head. */
export async function logStatistics(directory: string): Promise<LogStatistics> {
  const state = readHeadFile(directory);
  if (state === undefined) throw errors.LOG_NOT_FOUND({ directory });
  const { head } = state;
  if (head === undefined) {
    const problem = 'no slot of the head file is sound; opening the log for writing mends it';
    throw errors.LOG_CORRUPT({ segment: 'head', offset: 0, position: '0', problem });
  }
  const segments = (await keptSegments(directory)).segments.filter((segment) => segment <= head.segment);
  const sizes = await Promise.all(
    segments.map(async (segment) =>
      segment === head.segment ? head.offset : (await stat(join(directory, segmentName(segment)))).size,
    ),
  );
  const first = segments[0] ?? 0;
  const isEmpty = first === head.nextPosition;
  const holder = await findLockHolder(directory);
  return {
    firstPosition: first,
    nextPosition: head.nextPosition,
    firstRecordedAt: isEmpty ? undefined : await firstRecordedAt(directory, first),
    lastRecordedAt: isEmpty ? undefined : head.recordedAt,
    segments: segments.length,
    bytes: sizes.reduce((sum, bytes) => sum + bytes, 0),
    hash: Buffer.from(head.hash).toString('hex'),
    writer: holder === undefined ? undefined : { pid: holder.pid, host: holder.host },
    dropped: await droppedFrom(directory),
    keptAside: [...(await namesIn(directory, 'torn')), ...(await namesIn(directory, 'cut'))],
  };
}

async function droppedFrom(directory: string): Promise<LogStatistics['dropped']> {
  const start = (await readStartFile(directory))?.start;
  return start === undefined
    ? undefined
    : { segments: start.segmentsDropped, bytes: start.bytesDropped, recordedAt: start.recordedAt };
}

async function firstRecordedAt(directory: string, segment: number): Promise<number | undefined> {
  for await (const { header } of scanFrames(directory, segment)) return header.recordedAt;
  return undefined;
}

async function namesIn(directory: string, folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(join(directory, folder))).toSorted().map((name) => `${folder}/${name}`);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}
