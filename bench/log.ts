import { closeSync, constants, fsyncSync, openSync, writeSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
// The rival that the codec is measured against.
import { Packr } from 'msgpackr';
import type { PredictionServed } from '../src/schemas/events.js';
import { decodeEvents, encodeEvents } from '../src/services/event-log/event-codec.js';
import { frameHeaderBytes } from '../src/services/event-log/segment-log/frame.js';
import { openSegmentLogReader } from '../src/services/event-log/segment-log/segment-log-reader.js';
import { openSegmentLog } from '../src/services/event-log/segment-log/segment-log.js';
import { verifyLog } from '../src/services/event-log/verify-log.js';
import { systemClock } from '../src/services/platform/clock.js';
import { samplePredictions } from '../test/support/sample-events.js';

const batchSizes = [1, 64, 256, 1_024] as const;
const appendSeconds = 1.5;
const bareFileBytes = 64 * 1024 * 1024;
const codecSeconds = 1;

/**
 * Measures, in about 30 s: appends a second by batch size against a bare synchronous loop that writes the same bytes
 * with the same sync; codec and scan rates against msgpackr's records; bytes an event against JSON lines.
 */
export async function runLogBench(): Promise<string> {
  // Beside the working folder: a temporary folder may be in memory, where a sync costs nothing.
  const directory = await mkdtemp(resolve('.bench-log-'));
  const lines: string[] = [];
  try {
    const events = samplePredictions(64 * 1_024);
    lines.push(
      'batch   log events/s   bare write events/s   ratio   bare encode+write   ratio   p50 µs   bare p50 µs',
    );
    for (const size of batchSizes) lines.push(await appendLine(directory, events, size));
    lines.push('', ...codecLines(events), '', ...(await scanLines(directory, events)));
  } finally {
    await rm(directory, { recursive: true });
  }
  return ['```', ...lines, '```'].join('\n');
}

async function appendLine(
  directory: string,
  events: readonly PredictionServed[],
  size: number,
): Promise<string> {
  const batches = batchesOf(events, size);
  const log = await openSegmentLog({ directory: join(directory, `log-${size}`), clock: systemClock });
  const ours = await measure(batches, async (batch) => await log.append(batch));
  await log.close();
  const payloads = batches
    .slice(0, 64)
    .map((batch) => Buffer.alloc(encodeEvents(batch).byteLength + frameHeaderBytes, 1));
  const bare = await bareLoop(
    directory,
    batches,
    (index) => payloads[index % payloads.length] ?? Buffer.alloc(1),
  );
  const encoded = await bareLoop(directory, batches, (index) =>
    encodeEvents(batches[index % batches.length] ?? []),
  );
  return [
    String(size).padStart(5),
    ours.perSecond.toFixed(0).padStart(14),
    bare.perSecond.toFixed(0).padStart(21),
    (ours.perSecond / bare.perSecond).toFixed(2).padStart(7),
    encoded.perSecond.toFixed(0).padStart(19),
    (ours.perSecond / encoded.perSecond).toFixed(2).padStart(7),
    ours.medianMicros.toFixed(0).padStart(8),
    bare.medianMicros.toFixed(0).padStart(13),
  ].join(' ');
}

async function bareLoop(
  directory: string,
  batches: readonly (readonly PredictionServed[])[],
  bytesOf: (index: number) => Uint8Array,
): Promise<Measured> {
  const path = join(directory, 'bare');
  const prepared = openSync(path, 'w');
  const zeros = Buffer.alloc(4 * 1024 * 1024);
  for (let at = 0; at < bareFileBytes; at += zeros.length) writeSync(prepared, zeros);
  fsyncSync(prepared);
  closeSync(prepared);
  const file = openSync(path, constants.O_RDWR | constants.O_DSYNC);
  let offset = 0;
  let index = 0;
  const measured = await measure(batches, () => {
    const bytes = bytesOf(index);
    index += 1;
    if (offset + bytes.length > bareFileBytes) offset = 0;
    writeSync(file, bytes, 0, bytes.length, offset);
    offset += bytes.length;
    return undefined;
  });
  closeSync(file);
  return measured;
}

interface Measured {
  readonly perSecond: number;
  readonly medianMicros: number;
}

async function measure(
  batches: readonly (readonly PredictionServed[])[],
  work: (batch: readonly PredictionServed[]) => Promise<unknown> | undefined,
): Promise<Measured> {
  const micros: number[] = [];
  let done = 0;
  const start = performance.now();
  for (let index = 0; performance.now() - start < appendSeconds * 1000; index += 1) {
    const batch = batches[index % batches.length] ?? [];
    const before = performance.now();
    const result = work(batch);
    if (result !== undefined) await result;
    micros.push((performance.now() - before) * 1000);
    done += batch.length;
  }
  const seconds = (performance.now() - start) / 1000;
  micros.sort((a, b) => a - b);
  return { perSecond: done / seconds, medianMicros: micros[micros.length >> 1] ?? 0 };
}

function codecLines(events: readonly PredictionServed[]): string[] {
  const lines = [
    'frame   encode/s   decode/s   bytes/event   of JSON lines   msgpackr records: encode/s  decode/s  bytes/event',
  ];
  const packr = new Packr();
  for (const size of [1, 64, 1_024]) {
    const frames = batchesOf(events.slice(0, 16_384), size);
    const payloads = frames.map((frame) => Buffer.from(encodeEvents(frame)));
    const records = frames.map((frame) => Buffer.from(packr.pack(frame)));
    const json = events.slice(0, 16_384).reduce((sum, event, index) => {
      return (
        sum + JSON.stringify({ ...event, position: String(index), recordedAt: event.occurredAt }).length + 1
      );
    }, 0);
    const bytes = payloads.reduce((sum, payload) => sum + payload.length, 0);
    const context = { firstPosition: 0, recordedAt: 0 };
    lines.push(
      [
        String(size).padStart(5),
        rate(frames, size, (frame) => encodeEvents(frame)).padStart(10),
        rate(payloads, size, (payload) => decodeEvents(payload, context)).padStart(10),
        (bytes / 16_384).toFixed(0).padStart(13),
        (bytes / json).toFixed(3).padStart(15),
        rate(frames, size, (frame) => packr.pack(frame)).padStart(28),
        rate(records, size, (record) => packr.unpack(record)).padStart(9),
        (records.reduce((sum, record) => sum + record.length, 0) / 16_384).toFixed(0).padStart(12),
      ].join(' '),
    );
  }
  return lines;
}

function rate<Item>(items: readonly Item[], size: number, work: (item: Item) => unknown): string {
  let done = 0;
  const start = performance.now();
  while (performance.now() - start < codecSeconds * 1000) {
    for (const item of items) work(item);
    done += items.length * size;
  }
  return ((done / (performance.now() - start)) * 1000).toFixed(0);
}

async function scanLines(directory: string, events: readonly PredictionServed[]): Promise<string[]> {
  const path = join(directory, 'scan');
  const log = await openSegmentLog({ directory: path, clock: systemClock });
  for (let round = 0; round < 8; round += 1) {
    for (const batch of batchesOf(events, 256)) await log.append(batch);
  }
  await log.close();
  const reader = await openSegmentLogReader({ directory: path });
  let read = 0;
  let start = performance.now();
  for await (const batch of reader.read()) read += batch.length;
  const scanSeconds = (performance.now() - start) / 1000;
  start = performance.now();
  await verifyLog({ directory: path });
  const verifySeconds = (performance.now() - start) / 1000;
  start = performance.now();
  await (await openSegmentLog({ directory: path, clock: systemClock })).close();
  return [
    `scan, CRC checked and decoded: ${(read / scanSeconds).toFixed(0)} events/s of ${read} in frames of 256`,
    `verify, whole chain: ${(read / verifySeconds).toFixed(0)} events/s`,
    `open and close: ${(performance.now() - start).toFixed(1)} ms`,
  ];
}

function batchesOf(events: readonly PredictionServed[], size: number): PredictionServed[][] {
  const batches: PredictionServed[][] = [];
  for (let at = 0; at + size <= events.length; at += size) batches.push(events.slice(at, at + size));
  return batches;
}
