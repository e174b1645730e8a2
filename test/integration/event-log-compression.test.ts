import { cp, open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { StoredEvent } from '../../src/schemas/events.js';
import { compressSegment } from '../../src/services/event-log/segment-log/compress-segment.js';
import { nodeFileSystem } from '../../src/services/event-log/segment-log/file-system.js';
import type { CompressionReport } from '../../src/services/event-log/segment-log/sealed-compressor.js';
import {
  listSegments,
  readSegmentStart,
  segmentName,
} from '../../src/services/event-log/segment-log/segment-file.js';
import { openSegmentLogReader } from '../../src/services/event-log/segment-log/segment-log-reader.js';
import { openSegmentLog } from '../../src/services/event-log/segment-log/segment-log.js';
import { verifyLog } from '../../src/services/event-log/verify-log.js';
import { manualClock } from '../../src/services/platform/clock.js';
import { HindcastError } from '../../src/services/platform/errors.js';
import { type Fault, faultyFileSystem } from '../support/faulty-file-system.js';
import {
  sampleOfEveryType,
  samplePredictions,
  sampleStartMicros,
  seededRandom,
} from '../support/sample-events.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const clock = manualClock(sampleStartMicros);
const segmentBytes = 32 * 1024;
const events = samplePredictions(3_000);
const batches = Array.from({ length: 100 }, (_, index) => [
  ...events.slice(index * 30, index * 30 + 30),
  ...(index % 10 === 9 ? sampleOfEveryType() : []),
]);
const count = batches.flat().length;
const never = new AbortController().signal;

/** A log of several segments, none of them compressed; returns the hash of its last frame. */
async function writePlain(directory: string): Promise<string> {
  const log = await openSegmentLog({ directory, clock, segmentBytes });
  for (const batch of batches) await log.append(batch);
  const { hash } = await log.head();
  await log.close();
  return hash ?? '';
}

async function readTexts(
  directory: string,
  query: Parameters<Awaited<ReturnType<typeof openSegmentLogReader>>['read']>[0] = {},
): Promise<string[]> {
  const reader = await openSegmentLogReader({ directory });
  const texts: string[] = [];
  for await (const batch of reader.read(query)) for (const event of batch) texts.push(JSON.stringify(event));
  await reader.close();
  return texts;
}

describe('segment log: compressed segments', () => {
  it('changes neither events nor hashes, is smaller, and is read by position and time as before', async () => {
    const directory = await temporaryFolder();
    const hash = await writePlain(directory);
    const before = await readTexts(directory);
    const ranges = [
      { fromPosition: 100, untilPosition: 900 },
      { occurredFrom: events[1_000]?.occurredAt ?? 0, occurredUntil: events[1_200]?.occurredAt ?? 0 },
      { types: ['ModelPromoted' as const] },
    ];
    const inRanges = await Promise.all(ranges.map(async (range) => await readTexts(directory, range)));
    const sealed = (await listSegments(directory)).slice(0, -2);
    expect(sealed.length).toBeGreaterThan(4);
    const folder = { directory, fileSystem: nodeFileSystem };
    for (const segment of sealed) {
      const result = await compressSegment(folder, segment, never);
      if (result.kind !== 'compressed') throw new Error(`it was ${result.kind}`);
      expect(result.bytesAfter).toBeLessThan(result.bytesBefore * 0.9);
      expect((await compressSegment(folder, segment, never)).kind).toBe('kept');
    }
    expect(await readTexts(directory)).toEqual(before);
    for (const [index, range] of ranges.entries()) {
      expect(await readTexts(directory, range)).toEqual(inRanges[index]);
    }
    const verified = await verifyLog({ directory, deep: true, expectHash: hash });
    expect(verified).toMatchObject({ events: count, hash, expectedAt: count, damage: undefined });
    const names = await readdir(directory);
    expect(names.filter((name) => name.endsWith('.part') || name.startsWith('rewritten'))).toEqual([]);
    for (const segment of sealed) expect(names).toContain(segmentName(segment).replace('.segment', '.index'));
    // It goes on, and finds its end again without any head.
    await (await openSegmentLog({ directory, clock, segmentBytes })).close();
    await nodeFileSystem.remove(join(directory, 'head'));
    const log = await openSegmentLog({ directory, clock, segmentBytes });
    expect((await log.head()).hash).toBe(hash);
    await log.close();
  });

  it('compresses while it is written to and read, and no reader ever sees a difference', async () => {
    const directory = await temporaryFolder();
    const reports: CompressionReport[] = [];
    const log = await openSegmentLog({
      directory,
      clock,
      segmentBytes: 2 * segmentBytes,
      compressSealed: true,
      onCompression: (report) => reports.push(report),
    });
    let written = 0;
    const append = async (batch: (typeof batches)[number]) => {
      await log.append(batch);
      written += batch.length;
    };
    for (const batch of batches.slice(0, 25)) await append(batch);
    expect(await listSegments(directory)).toHaveLength(2);
    // One that begins now and goes on slowly: the segment that its head names is compressed under its feet.
    const slow = (await openSegmentLogReader({ directory })).read()[Symbol.asyncIterator]();
    const slowUntil = written;
    const first = await slow.next();
    let slowPosition = first.done === true ? 0 : first.value.length;
    expect(slowPosition).toBeLessThan((await listSegments(directory))[1] ?? 0);
    const early = await openSegmentLogReader({ directory });
    let reads = 0;
    let isWriting = true;
    const reading = (async () => {
      while (isWriting) {
        const least = written;
        let position = 0;
        for await (const batch of early.read()) {
          for (const event of batch) {
            if (event.position !== position) throw new Error(`position ${event.position} at ${position}`);
            position += 1;
          }
        }
        expect(position).toBeGreaterThanOrEqual(least);
        reads += 1;
      }
    })();
    for (const batch of batches.slice(25)) {
      await append(batch);
      // Compressing has its turns between appends.
      for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    }
    const wanted = (await listSegments(directory)).slice(0, -2);
    while (reports.length < wanted.length) await new Promise((resolve) => setImmediate(resolve));
    isWriting = false;
    await reading;
    expect(reports.map((report) => report.segment)).toContain(wanted[1]);
    for (let next = await slow.next(); next.done !== true; next = await slow.next()) {
      for (const event of next.value) {
        expect(event.position).toBe(slowPosition);
        slowPosition += 1;
      }
    }
    expect(slowPosition).toBe(slowUntil);
    await early.close();
    await log.close();
    expect(reads).toBeGreaterThan(2);
    expect(new Set(reports.map((report) => report.kind))).toEqual(new Set(['compressed']));
    const verified = await verifyLog({ directory, deep: true });
    expect(verified).toMatchObject({ events: count, damage: undefined });
    console.log(
      `compression: ${reports.length} segments while written and read; ${reads} whole reads meanwhile`,
    );
  });

  it('leaves the two last segments, compresses what an earlier life left, and stops when the log closes', async () => {
    const directory = await temporaryFolder();
    await writePlain(directory);
    const stopped = await openSegmentLog({ directory, clock, segmentBytes, compressSealed: true });
    await stopped.close();
    expect((await verifyLog({ directory })).damage).toBeUndefined();
    expect(await readdir(directory)).not.toContain('rewritten.segment');
    const segments = await listSegments(directory);
    const reports: CompressionReport[] = [];
    const log = await openSegmentLog({
      directory,
      clock,
      segmentBytes,
      compressSealed: true,
      onCompression: (report) => reports.push(report),
    });
    const isCompressed = async (segment: number) =>
      (await readSegmentStart(directory, segment))?.isCompressed === true;
    for (const segment of segments.slice(0, -2)) {
      while (!(await isCompressed(segment))) await new Promise((resolve) => setImmediate(resolve));
    }
    await log.close();
    for (const segment of segments.slice(-2)) expect(await isCompressed(segment)).toBe(false);
    expect((await verifyLog({ directory, deep: true })).damage).toBeUndefined();
  });

  const faults: readonly (readonly [string, Fault])[] = [
    ['fails before anything is done', { kind: 'fail', code: 'EIO', doneShare: 0 }],
    ['fails when all is done', { kind: 'fail', code: 'EIO', doneShare: 1 }],
    ['finds the disk full', { kind: 'fail', code: 'ENOSPC', doneShare: 0.5 }],
  ];
  for (const [name, fault] of faults) {
    it(`has the one form or the other, whole, when any one call to the disk ${name}`, async () => {
      const folder = await temporaryFolder();
      const original = join(folder, 'original');
      const hash = await writePlain(original);
      const texts = await readTexts(original);
      let failed = 0;
      for (let index = 0; ; index += 1) {
        const directory = join(folder, `at-${index}`);
        await cp(original, directory, { recursive: true });
        const fileSystem = faultyFileSystem((call) => (call.index === index ? fault : undefined));
        try {
          await compressSegment({ directory, fileSystem }, 0, never);
        } catch (error) {
          expect(error).toMatchObject({ message: expect.stringContaining('planted') });
          failed += 1;
        }
        expect(await readTexts(directory)).toEqual(texts);
        expect(await verifyLog({ directory })).toMatchObject({ hash, damage: undefined });
        await (await openSegmentLog({ directory, clock, segmentBytes })).close();
        expect(await readdir(directory)).not.toContain('rewritten.segment');
        if (fileSystem.calls.length <= index) break;
      }
      if (fault.kind === 'fail' && fault.code === 'EIO') expect(failed).toBeGreaterThan(5);
    });
  }

  it('finds each of 200 flipped bits in a compressed segment, and puts nothing damaged in place', async () => {
    const directory = await temporaryFolder();
    await writePlain(directory);
    const folder = { directory, fileSystem: nodeFileSystem };
    await compressSegment(folder, 0, never);
    const texts = await readTexts(directory);
    const [, second = 0] = await listSegments(directory);
    const random = seededRandom(4);
    for (let round = 0; round < 200; round += 1) {
      // By turns in the compressed one, and in one that is about to be.
      const segment = round % 2 === 0 ? 0 : second;
      const path = join(directory, segmentName(segment));
      const at = Math.floor(random() * (await readFile(path)).length);
      await flipBit(path, at, round % 8);
      expect((await verifyLog({ directory })).damage, `${segment} at ${at}`).toMatchObject({
        segment: segmentName(segment),
      });
      if (segment === second) {
        expect(await compressSegment(folder, segment, never)).toEqual({ kind: 'damaged' });
      }
      const { read, code } = await readUntilError(directory);
      expect(code).toBe('LOG_CORRUPT');
      read.forEach((event, index) => {
        if (JSON.stringify(event) !== texts[index]) throw new Error(`event ${index} is wrong`);
      });
      await flipBit(path, at, round % 8);
    }
    expect(await readTexts(directory)).toEqual(texts);
  });
});

async function readUntilError(directory: string): Promise<{ read: StoredEvent[]; code: string | undefined }> {
  const read: StoredEvent[] = [];
  const reader = await openSegmentLogReader({ directory });
  try {
    for await (const batch of reader.read()) read.push(...batch);
    return { read, code: undefined };
  } catch (error) {
    if (error instanceof HindcastError) return { read, code: error.code };
    throw error;
  }
}

async function flipBit(path: string, at: number, bit: number): Promise<void> {
  const file = await open(path, 'r+');
  try {
    const byte = Buffer.alloc(1);
    await file.read(byte, 0, 1, at);
    byte[0] = (byte[0] ?? 0) ^ (1 << bit);
    await file.write(byte, 0, 1, at);
  } finally {
    await file.close();
  }
}
