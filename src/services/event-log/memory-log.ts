import type { StoredEvent } from '../../schemas/events.js';
import type { Clock } from '../platform/clock.js';
import { errors } from '../platform/errors.js';
import { limits } from '../platform/limits.js';
import { CommitQueue } from './commit-queue.js';
import { decodeEvents } from './event-codec.js';
import type { EventLog, LogHead, ReadQuery } from './event-log.js';
import { encodeFrame, payloadOf, zeroHash } from './segment-log/frame.js';

interface Frame {
  readonly firstPosition: number;
  readonly count: number;
  readonly recordedAt: number;
  readonly payload: Uint8Array;
  readonly hash: Uint8Array;
}

/** A log that lives as long as the process: the same codec, frames, limits and hashes as the segment log, no disk. */
export function createMemoryLog({ clock }: { readonly clock: Clock }): EventLog {
  const frames: Frame[] = [];
  const waiting = new Set<() => void>();
  const closed = new AbortController();
  let nextPosition = 0;
  let lastRecordedAt = 0;
  let hash: Uint8Array = zeroHash;

  const queue = new CommitQueue(async (events, payload) => {
    const recordedAt = Math.max(clock.nowMicros(), lastRecordedAt);
    const times = events.map((event) => event.occurredAt);
    const frame = encodeFrame(
      {
        firstPosition: nextPosition,
        count: events.length,
        recordedAt,
        occurredMin: times.reduce((a, b) => Math.min(a, b), Infinity),
        occurredMax: times.reduce((a, b) => Math.max(a, b), -Infinity),
        payload,
      },
      hash,
    );
    const firstPosition = nextPosition;
    frames.push({
      firstPosition,
      count: events.length,
      recordedAt,
      payload: payloadOf(frame.bytes),
      hash: frame.hash,
    });
    nextPosition += events.length;
    lastRecordedAt = recordedAt;
    hash = frame.hash;
    for (const wake of Array.from(waiting)) wake();
    return { firstPosition, recordedAt };
  });

  async function* read(query: ReadQuery = {}): AsyncGenerator<readonly StoredEvent[], void, undefined> {
    assertOpen();
    query.signal?.throwIfAborted();
    const until = Math.min(query.untilPosition ?? Infinity, nextPosition);
    const filter = { ...query, untilPosition: until };
    for (let index = frameOf(query.fromPosition ?? 0); index < frames.length; index += 1) {
      const frame = frames[index];
      if (frame === undefined || frame.firstPosition >= until) return;
      query.signal?.throwIfAborted();
      const events = decodeEvents(frame.payload, { ...frame, filter });
      for (let at = 0; at < events.length; at += limits.readBatchEventsMax) {
        yield events.slice(at, at + limits.readBatchEventsMax);
        assertOpen();
      }
    }
  }

  function frameOf(position: number): number {
    let low = 0;
    let high = frames.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const frame = frames[middle];
      if (frame !== undefined && frame.firstPosition + frame.count <= position) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  async function* tail(options: { readonly fromPosition: number; readonly signal: AbortSignal }) {
    assertOpen();
    const signal = AbortSignal.any([options.signal, closed.signal]);
    let next = options.fromPosition;
    while (!signal.aborted) {
      if (nextPosition <= next) {
        await changed(signal);
        continue;
      }
      for await (const batch of read({ fromPosition: next })) {
        if (signal.aborted) return;
        next = (batch.at(-1)?.position ?? next) + 1;
        yield batch;
      }
    }
  }

  async function changed(signal: AbortSignal): Promise<void> {
    await new Promise<void>((done) => {
      const wake = () => {
        waiting.delete(wake);
        signal.removeEventListener('abort', wake);
        done();
      };
      waiting.add(wake);
      signal.addEventListener('abort', wake);
    });
  }

  function assertOpen(): void {
    if (closed.signal.aborted) throw errors.LOG_CLOSED({});
  }

  return {
    capabilities: { densePositions: true, adjacentAppends: true, monotonicRecordedAt: true, durable: false },
    append: async (events) => await queue.append(events),
    read,
    tail,
    async head(): Promise<LogHead> {
      assertOpen();
      return {
        firstPosition: 0,
        nextPosition,
        hash: Buffer.from(hash).toString('hex'),
        recordedAt: lastRecordedAt,
      };
    },
    async hashAt(position) {
      assertOpen();
      const frame = position < 0 ? undefined : frames[frameOf(position)];
      return frame === undefined ? undefined : Buffer.from(frame.hash).toString('hex');
    },
    async startOfLast(events) {
      assertOpen();
      return Math.max(0, nextPosition - events);
    },
    async close() {
      await queue.close();
      closed.abort();
    },
  };
}
