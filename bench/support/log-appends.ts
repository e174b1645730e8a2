import { closeSync, constants, fsyncSync, openSync, writeSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { PredictionServed } from '../../src/schemas/events.js';
import { encodeEvents } from '../../src/services/event-log/event-codec.js';
import { frameHeaderBytes } from '../../src/services/event-log/segment-log/frame.js';
import { openSegmentLog } from '../../src/services/event-log/segment-log/segment-log.js';
import { systemClock } from '../../src/services/platform/clock.js';
import { batchesOf } from './log-batches.js';
import { median } from './statistics.js';

export interface AppendResult {
  readonly size: number;
  /** Appends under way at a time, each of `size` events. */
  readonly callers: number;
  readonly eventsPerSecond: number;
  readonly bareEventsPerSecond: number;
  /** Median over the rounds of ours ÷ bare, measured one right after the other. */
  readonly ratio: number;
  /** Median of one append, and of one bare write. */
  readonly p50Micros: number;
  readonly bareP50Micros: number;
}

const bareFileBytes = 64 * 1024 * 1024;

/**
 * Appends to a log, against a synchronous loop that writes as many bytes in the same batches with the same sync into
 * a file that was prepared in the same way.
 */
export async function measureAppends(options: {
  readonly directory: string;
  readonly events: readonly PredictionServed[];
  readonly size: number;
  readonly callers: number;
  readonly rounds: number;
  readonly seconds: number;
}): Promise<AppendResult> {
  const { size, callers, rounds, seconds } = options;
  const batches = batchesOf(options.events, size);
  const frames = batches
    .slice(0, 64)
    .map((batch) => Buffer.alloc(encodeEvents(batch).byteLength + frameHeaderBytes, 1));
  const directory = join(options.directory, `log-${size}-${callers}`);
  const barePath = join(options.directory, 'bare');
  prepareBare(barePath);
  const log = await openSegmentLog({ directory, clock: systemClock });
  const ours: Measured[] = [];
  const bare: Measured[] = [];
  for (let round = 0; round < rounds; round += 1) {
    bare.push(bareLoop(barePath, frames, { size, seconds }));
    ours.push(await appendLoop(batches, { callers, seconds }, async (batch) => await log.append(batch)));
  }
  await log.close();
  await rm(directory, { recursive: true });
  return {
    size,
    callers,
    eventsPerSecond: median(ours.map((measured) => measured.perSecond)),
    bareEventsPerSecond: median(bare.map((measured) => measured.perSecond)),
    ratio: median(ours.map((measured, round) => measured.perSecond / (bare[round]?.perSecond ?? Infinity))),
    p50Micros: median(ours.map((measured) => measured.p50Micros)),
    bareP50Micros: median(bare.map((measured) => measured.p50Micros)),
  };
}

interface Measured {
  readonly perSecond: number;
  readonly p50Micros: number;
}

async function appendLoop(
  batches: readonly (readonly PredictionServed[])[],
  { callers, seconds }: { callers: number; seconds: number },
  append: (batch: readonly PredictionServed[]) => Promise<unknown>,
): Promise<Measured> {
  const micros: number[] = [];
  let done = 0;
  let next = 0;
  const start = performance.now();
  const caller = async () => {
    while (performance.now() - start < seconds * 1000) {
      const batch = batches[next % batches.length] ?? [];
      next += 1;
      const before = performance.now();
      await append(batch);
      micros.push((performance.now() - before) * 1000);
      done += batch.length;
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  return { perSecond: (done / (performance.now() - start)) * 1000, p50Micros: median(micros) };
}

function prepareBare(path: string): void {
  const file = openSync(path, 'w');
  const zeros = Buffer.alloc(4 * 1024 * 1024);
  for (let at = 0; at < bareFileBytes; at += zeros.length) writeSync(file, zeros);
  fsyncSync(file);
  closeSync(file);
}

function bareLoop(
  path: string,
  frames: readonly Buffer[],
  { size, seconds }: { size: number; seconds: number },
): Measured {
  const file = openSync(path, constants.O_RDWR | constants.O_DSYNC);
  const micros: number[] = [];
  let offset = 0;
  const start = performance.now();
  while (performance.now() - start < seconds * 1000) {
    const bytes = frames[micros.length % frames.length] ?? Buffer.alloc(1);
    if (offset + bytes.length > bareFileBytes) offset = 0;
    const before = performance.now();
    writeSync(file, bytes, 0, bytes.length, offset);
    micros.push((performance.now() - before) * 1000);
    offset += bytes.length;
  }
  const elapsed = performance.now() - start;
  closeSync(file);
  return { perSecond: ((micros.length * size) / elapsed) * 1000, p50Micros: median(micros) };
}
