import { setTimeout as delay } from 'node:timers/promises';
import type { LogReader } from '../../services/event-log/event-log.js';
import { systemClock, type Clock } from '../../services/platform/clock.js';
import { HindcastError } from '../../services/platform/errors.js';
import { hasNoRoom } from '../../services/platform/no-room.js';
import { projectAvailable, type ProjectionResult } from './project-available.js';

const pauseMsMin = 1_000;
const busyPauseMs = 5_000;
/** Of its time, a projector that follows works at most a tenth: queries see the tail anyway. */
const idleFactor = 9;

/**
 * Keeps the datasets close behind the log until the signal aborts. Another process's projector is waited for, so that one
 * takes over when the other ends, and so are a cluster that is away and a disk without room. Rejects with whatever else
 * `projectAvailable` throws.
 */
export async function runProjector(options: {
  readonly dataDirectory: string;
  readonly reader: LogReader;
  readonly signal: AbortSignal;
  /** After each pass: everything before `position` is in parts. */
  readonly onProgress?: (position: number) => void;
  /** There is no room on the disk; told once, until a pass succeeds again. */
  readonly onNoRoom?: (error: Error) => void;
  readonly clock?: Clock;
  /** For a test: at most this long between two passes. */
  readonly pauseMsMax?: number;
}): Promise<void> {
  const { signal, reader } = options;
  let position = 0;
  let hadRoom = true;
  while (!signal.aborted) {
    const startedAt = performance.now();
    const result = await unlessPassing(
      projectAvailable({
        dataDirectory: options.dataDirectory,
        reader,
        signal,
        clock: options.clock ?? systemClock,
        onProgress: (progress) => options.onProgress?.(progress.position),
      }),
    );
    if (result.kind === 'projected') {
      position = result.position;
      options.onProgress?.(position);
    }
    if (result.kind === 'no-room' && hadRoom) options.onNoRoom?.(result.error);
    if (result.kind !== 'busy') hadRoom = result.kind !== 'no-room';
    const workMs = performance.now() - startedAt;
    const pauseMs = result.kind !== 'projected' ? busyPauseMs : Math.max(pauseMsMin, workMs * idleFactor);
    await quietly(
      delay(Math.min(pauseMs, options.pauseMsMax ?? Number.POSITIVE_INFINITY), undefined, { signal }),
      signal,
    );
    if (result.kind === 'projected') await somethingNew(reader, position, signal);
  }
}

type Passing =
  | { readonly kind: 'away' }
  | {
      readonly kind: 'no-room';
      readonly error: Error;
    };

/** What passes by itself is tried again after the pause; what was projected before is in force. */
async function unlessPassing(work: Promise<ProjectionResult>): Promise<ProjectionResult | Passing> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof HindcastError && error.code === 'LOG_UNAVAILABLE') return { kind: 'away' };
    if (error instanceof Error && hasNoRoom(error)) return { kind: 'no-room', error };
    throw error;
  }
}

/** Waits until the log has an event at or after the position. */
async function somethingNew(reader: LogReader, fromPosition: number, signal: AbortSignal): Promise<void> {
  for await (const batch of reader.tail({ fromPosition, signal })) {
    if (batch.length > 0) return;
  }
}

async function quietly(work: Promise<unknown>, signal: AbortSignal): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
