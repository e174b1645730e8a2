import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { nodeFileSystem } from '../../services/event-log/segment-log/file-system.js';
import {
  type Head,
  HeadWriter,
  headName,
  readHeadFile,
} from '../../services/event-log/segment-log/head-file.js';
import { keptSegments } from '../../services/event-log/segment-log/kept-segments.js';
import { segmentName } from '../../services/event-log/segment-log/segment-file.js';
import { startName } from '../../services/event-log/segment-log/start-file.js';
import { errors } from '../../services/platform/errors.js';

const attemptsMax = 100;

/**
 * Copies one file of the log: `bytesMax` of it at most; `sealedBytes`: its size when it will never change. Rejects with
 * ENOENT when it is gone.
 */
export type CopyLogFile = (
  name: string,
  size: { readonly bytesMax: number; readonly sealedBytes?: number },
) => Promise<void>;

export interface CopiedLog {
  readonly firstPosition: number;
  readonly nextPosition: number;
  readonly hash: string;
  /** Names of the files of which the copy consists. */
  readonly names: readonly string[];
}

/**
 * Copies the log as far as its head when this begins, while it is written to and while retention drops segments: sealed
 * segments never change, and of the last one only what is durable is taken. Indexes are left out: they can be made again. Throws LOG_NOT_FOUND, LOG_CORRUPT.
 */
export async function copyLog(options: {
  readonly from: string;
  readonly to: string;
  readonly copy: CopyLogFile;
  /** Bytes that will be copied, as far as is known. */
  readonly onTotal: (bytes: number) => void;
}): Promise<CopiedLog> {
  const { from, to, copy } = options;
  const head = await currentHead(from);
  const done = new Set<string>();
  const once: CopyLogFile = async (name, size) => {
    if (done.has(name)) return;
    await copy(name, size);
    done.add(name);
  };
  for (let attempt = 1; ; attempt += 1) {
    try {
      const names = await copyAll({ from, head, copy: once, onTotal: options.onTotal });
      await writeHead(to, head);
      const firstPosition = Number.parseInt(names.find((name) => name.endsWith('.segment')) ?? '', 10);
      return {
        firstPosition,
        nextPosition: head.nextPosition,
        hash: Buffer.from(head.hash).toString('hex'),
        names: [...names, headName],
      };
    } catch (error) {
      // Retention dropped a segment between the look and the copy: the next look does not show it.
      if (!isGone(error) || attempt === attemptsMax) throw error;
      done.delete(startName);
    }
  }
}

async function copyAll(options: {
  readonly from: string;
  readonly head: Head;
  readonly copy: CopyLogFile;
  readonly onTotal: (bytes: number) => void;
}): Promise<readonly string[]> {
  const { from, head, copy } = options;
  const { segments: kept } = await keptSegments(from);
  const segments = kept.filter((segment) => segment <= head.segment);
  if (segments.at(-1) !== head.segment)
    throw errors.LOG_CORRUPT({
      segment: segmentName(head.segment),
      offset: 0,
      position: String(head.segment),
      problem: 'the segment that the head names is missing',
    });
  const sealed = segments.filter((segment) => segment !== head.segment);
  const sizes = await Promise.all(
    sealed.map(async (segment) => (await stat(join(from, segmentName(segment)))).size),
  );
  options.onTotal(sizes.reduce((sum, size) => sum + size, head.offset));
  // Before the segments: whatever it names as the first one is then among them, or gone and looked for again.
  const hasStart = await isThere(join(from, startName));
  if (hasStart) await copy(startName, { bytesMax: Infinity });
  // The one that is written to is first: its offsets are those of the head only until it is sealed and rewritten.
  await copy(segmentName(head.segment), { bytesMax: head.offset });
  for (const [index, segment] of sealed.entries())
    await copy(segmentName(segment), { bytesMax: Infinity, sealedBytes: sizes[index] ?? 0 });
  return [...(hasStart ? [startName] : []), ...segments.map(segmentName)];
}

async function currentHead(directory: string): Promise<Head> {
  const state = readHeadFile(directory);
  if (state === undefined) throw errors.LOG_NOT_FOUND({ directory });
  // A slot that is being written this moment counts as damaged; the other one holds the head before.
  if (state.head !== undefined) return state.head;
  throw errors.LOG_CORRUPT({
    segment: headName,
    offset: 0,
    position: '0',
    problem: 'no slot of the head file is sound; opening the log for writing mends it',
  });
}

async function writeHead(directory: string, head: Head): Promise<void> {
  const folder = { directory, fileSystem: nodeFileSystem };
  await (await HeadWriter.open(folder, { sequence: 0, head })).close();
}

async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (isGone(error)) return false;
    throw error;
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
