import { copyFile, mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../platform/clock.js';
import { nodeFileSystem } from '../segment-log/file-system.js';
import { frameHash, storedHash } from '../segment-log/frame.js';
import { readHeadFile } from '../segment-log/head-file.js';
import { keptSegments } from '../segment-log/kept-segments.js';
import { DamagedFrame, scanFrames } from '../segment-log/scan-frames.js';
import { readSegmentStart, segmentName } from '../segment-log/segment-file.js';
import { indexName } from '../segment-log/segment-index.js';

/**
 * Puts a copy of a damaged segment in its place, when the chain proves that it holds the very same events. The damaged
 * file is kept aside; returns that name, relative to the log. Undefined: the copy does not fit, and nothing was changed.
 * The caller holds the writer's lock, and verifies the log afterwards.
 */
export async function replaceSegment(options: {
  readonly directory: string;
  readonly segment: number;
  /** The folder of a log that has a copy. */
  readonly source: string;
  readonly clock: Clock;
}): Promise<string | undefined> {
  const { directory, segment, source } = options;
  const name = segmentName(segment);
  if (!(await holdsTheSame(directory, segment, source))) return undefined;
  const at = new Date(options.clock.nowMicros() / 1000).toISOString().replaceAll(/[:.]/g, '-');
  const aside = join('cut', `replaced-${at}`);
  const part = join(directory, `${name}.part`);
  await mkdir(join(directory, aside), { recursive: true, mode: 0o700 });
  await copyFile(join(source, name), part);
  const file = await open(part, 'r+');
  try {
    await file.chmod(0o600);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(join(directory, name), join(directory, aside, name));
  await rename(part, join(directory, name));
  await rm(join(directory, indexName(segment)), { force: true });
  await nodeFileSystem.syncDirectory(join(directory, aside));
  await nodeFileSystem.syncDirectory(join(directory, 'cut'));
  await nodeFileSystem.syncDirectory(directory);
  return join(aside, name);
}

/** Whether the copy is sound and its chain ends with the hash on which the log goes on. */
async function holdsTheSame(directory: string, segment: number, source: string): Promise<boolean> {
  const wanted = await endOf(directory, segment);
  try {
    const start = await readSegmentStart(source, segment);
    if (start === undefined || wanted === undefined) return false;
    let hash = start.previousHash;
    let position = segment;
    for await (const { header, bytes } of scanFrames(source, segment)) {
      if (header.firstPosition !== position || !frameHash(bytes, hash).equals(storedHash(bytes)))
        return false;
      hash = Buffer.from(storedHash(bytes));
      position += header.count;
      if (position === wanted.position) return Buffer.from(wanted.hash).equals(hash);
    }
    return false;
  } catch (error) {
    if (error instanceof DamagedFrame) return false;
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw error;
  }
}

/** Where the segment ends, and the hash there, as the next segment or the head tells. */
async function endOf(
  directory: string,
  segment: number,
): Promise<{ readonly position: number; readonly hash: Uint8Array } | undefined> {
  const head = readHeadFile(directory)?.head;
  if (head === undefined) return undefined;
  if (head.segment === segment) return { position: head.nextPosition, hash: head.hash };
  const next = (await keptSegments(directory)).segments.find((candidate) => candidate > segment);
  const start = next === undefined ? undefined : await readSegmentStart(directory, next);
  return start === undefined ? undefined : { position: start.firstPosition, hash: start.previousHash };
}
