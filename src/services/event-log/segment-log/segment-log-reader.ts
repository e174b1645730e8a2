import { setTimeout as delay } from 'node:timers/promises';
import type { StoredEvent } from '../../../schemas/events.js';
import { errors, HindcastError } from '../../platform/errors.js';
import type { LogHead, LogReader, ReadQuery } from '../event-log.js';
import { storedHash } from './frame.js';
import { framesInRange, type ReaderCache } from './frames-in-range.js';
import { type Head, readHeadFile } from './head-file.js';
import { readRange } from './read-range.js';
import { segmentName } from './segment-file.js';
import { firstKept } from './start-file.js';

const pollMsMin = 5;
const pollMsMax = 50;
const headReadsMax = 20;

/** Opens the log in a folder for reading, beside whoever writes it. Throws LOG_NOT_FOUND when there is none. */
export async function openSegmentLogReader({
  directory,
}: {
  readonly directory: string;
}): Promise<LogReader> {
  await currentHead(directory);
  return createReader({
    directory,
    head: () => currentHead(directory),
    changed: async (_head, signal, idleMs) => await wait(idleMs, signal),
  });
}

export interface ReaderSource {
  readonly directory: string;
  /** Where the durable log ends now. */
  head(): Promise<Head>;
  /** Resolves when the head may have moved past `head`, or the signal aborts. `idleMs`: how long to wait at most when that can only be polled. */
  changed(head: Head, signal: AbortSignal, idleMs: number): Promise<void>;
}

/** Reading, over whatever tells where the log ends. */
export function createReader(source: ReaderSource): LogReader {
  const folder: { directory: string; cache: ReaderCache } = {
    directory: source.directory,
    cache: { indexes: new Map(), place: undefined },
  };
  const closed = new AbortController();

  async function* read(query: ReadQuery = {}): AsyncGenerator<readonly StoredEvent[], void, undefined> {
    assertOpen(closed);
    query.signal?.throwIfAborted();
    for await (const batch of readRange(folder, await source.head(), query)) {
      yield batch;
      assertOpen(closed);
    }
  }

  async function* tail(options: {
    readonly fromPosition: number;
    readonly signal: AbortSignal;
  }): AsyncGenerator<readonly StoredEvent[], void, undefined> {
    assertOpen(closed);
    const signal = AbortSignal.any([options.signal, closed.signal]);
    let next = options.fromPosition;
    let idleMs = pollMsMin;
    while (!signal.aborted) {
      const head = await source.head();
      if (head.nextPosition <= next) {
        await source.changed(head, signal, idleMs);
        idleMs = Math.min(pollMsMax, idleMs * 2);
        continue;
      }
      idleMs = pollMsMin;
      for await (const batch of readRange(folder, head, { fromPosition: next })) {
        if (signal.aborted) return;
        next = (batch.at(-1)?.position ?? next) + 1;
        yield batch;
      }
    }
  }

  return {
    read,
    tail,
    async head(): Promise<LogHead> {
      assertOpen(closed);
      const { nextPosition, hash, recordedAt } = await source.head();
      const firstPosition = await firstKept(source.directory);
      return { firstPosition, nextPosition, hash: Buffer.from(hash).toString('hex'), recordedAt };
    },
    async hashAt(position) {
      assertOpen(closed);
      const query = { fromPosition: position, untilPosition: position + 1 };
      try {
        for await (const frame of framesInRange(folder, await source.head(), query)) {
          return Buffer.from(storedHash(frame.bytes)).toString('hex');
        }
        return undefined;
      } catch (error) {
        if (error instanceof HindcastError && error.code === 'LOG_DROPPED') return undefined;
        throw error;
      }
    },
    async startOfLast(events) {
      assertOpen(closed);
      const { nextPosition } = await source.head();
      return Math.max(await firstKept(source.directory), nextPosition - events);
    },
    async close() {
      closed.abort();
    },
  };
}

function assertOpen(closed: AbortController): void {
  if (closed.signal.aborted) throw errors.LOG_CLOSED({});
}

async function currentHead(directory: string): Promise<Head> {
  for (let attempt = 1; ; attempt += 1) {
    const state = readHeadFile(directory);
    if (state === undefined) throw errors.LOG_NOT_FOUND({ directory });
    if (state.head !== undefined && !state.damaged) return state.head;
    if (attempt === headReadsMax) {
      throw errors.LOG_CORRUPT({
        segment: state.head === undefined ? 'head' : `head (of ${segmentName(state.head.segment)})`,
        offset: 0,
        position: String(state.head?.nextPosition ?? 0),
        problem: 'a slot of the head file is damaged; opening the log for writing mends it',
      });
    }
    // A slot that is being written this moment is whole a moment later; damage stays.
    await delay(1);
  }
}

async function wait(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
