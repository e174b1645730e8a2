import { cp, mkdtemp, open, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { NewEvent, StoredEvent } from '../../src/schemas/events.js';
import { readHeadFile } from '../../src/services/event-log/segment-log/head-file.js';
import { openSegmentLogReader } from '../../src/services/event-log/segment-log/segment-log-reader.js';
import { openSegmentLog } from '../../src/services/event-log/segment-log/segment-log.js';
import { verifyLog } from '../../src/services/event-log/verify-log.js';
import { manualClock } from '../../src/services/platform/clock.js';
import { HindcastError } from '../../src/services/platform/errors.js';
import {
  sampleOfEveryType,
  samplePredictions,
  sampleStartMicros,
  seededRandom,
} from '../support/sample-events.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const clock = manualClock(sampleStartMicros);

/** What can be read, and the error that ended the reading. */
async function readUntilError(
  directory: string,
): Promise<{ events: StoredEvent[]; code: string | undefined }> {
  const events: StoredEvent[] = [];
  try {
    const reader = await openSegmentLogReader({ directory });
    for await (const batch of reader.read()) events.push(...batch);
    await reader.close();
    return { events, code: undefined };
  } catch (error) {
    if (error instanceof HindcastError) return { events, code: error.code };
    throw error;
  }
}

async function writeLog(
  directory: string,
  frames: readonly NewEvent[][],
  segmentBytes: number,
): Promise<string> {
  const log = await openSegmentLog({ directory, clock, segmentBytes });
  for (const frame of frames) await log.append(frame);
  const { hash } = await log.head();
  await log.close();
  return hash ?? '';
}

describe('segment log: reopening', () => {
  it('goes on where it ended, in the same chain, over many segments', async () => {
    const directory = await temporaryFolder();
    const events = samplePredictions(200);
    for (let at = 0; at < 200; at += 20) {
      const log = await openSegmentLog({ directory, clock, segmentBytes: 8_192 });
      expect(log.recovery).toEqual({ eventsAfterHead: 0, tornTail: undefined, headDamaged: false });
      expect((await log.append(events.slice(at, at + 20))).firstPosition).toBe(at);
      await log.close();
    }
    const { events: read, code } = await readUntilError(directory);
    expect(code).toBeUndefined();
    expect(read.map((event) => event.id)).toEqual(events.map((event) => event.id));
    const verified = await verifyLog({ directory, deep: true });
    expect(verified).toMatchObject({ events: 200, frames: 10, damage: undefined });
    expect(verified.segments).toBeGreaterThan(3);
  });

  it('finds a time range in sealed segments with and without their index', async () => {
    const directory = await temporaryFolder();
    const events = samplePredictions(400);
    await writeLog(
      directory,
      Array.from({ length: 40 }, (_, i) => events.slice(i * 10, i * 10 + 10)),
      8_192,
    );
    const query = { occurredFrom: events[130]?.occurredAt ?? 0, occurredUntil: events[175]?.occurredAt ?? 0 };
    const read = async () => {
      const reader = await openSegmentLogReader({ directory });
      const ids: string[] = [];
      for await (const batch of reader.read(query)) ids.push(...batch.map((event) => event.id));
      return ids;
    };
    const expected = events.slice(130, 175).map((event) => event.id);
    expect(await read()).toEqual(expected);
    const indexes = (await readdir(directory)).filter((name) => name.endsWith('.index'));
    expect(indexes.length).toBeGreaterThan(2);
    for (const name of indexes) await rm(join(directory, name));
    expect(await read()).toEqual(expected);
  });

  it('throws LOG_NOT_FOUND for a folder without a log', async () => {
    const directory = await temporaryFolder();
    await expect(openSegmentLogReader({ directory })).rejects.toMatchObject({ code: 'LOG_NOT_FOUND' });
    await expect(verifyLog({ directory })).rejects.toMatchObject({ code: 'LOG_NOT_FOUND' });
  });

  it('sees a tail that was cut off only by a hash kept elsewhere, also one that the log went on from', async () => {
    const directory = await temporaryFolder();
    const segment = join(directory, '00000000000000000000.segment');
    const noted = await writeLog(directory, [samplePredictions(3)], 8_192);
    const [headBefore, segmentBefore] = [await readFile(join(directory, 'head')), await readFile(segment)];
    const last = await writeLog(directory, [samplePredictions(4, 2)], 8_192);
    const expecting = async (expectHash: string) => {
      const { expectedAt, damage } = await verifyLog({ directory, expectHash });
      return { expectedAt, damage };
    };
    expect(await expecting(noted)).toEqual({ expectedAt: 3, damage: undefined });
    expect(await expecting(last)).toEqual({ expectedAt: 7, damage: undefined });
    expect(await expecting('f'.repeat(64))).toEqual({ expectedAt: undefined, damage: undefined });
    await writeFile(join(directory, 'head'), headBefore);
    await writeFile(segment, segmentBefore);
    expect(await expecting(last)).toEqual({ expectedAt: undefined, damage: undefined });
    expect(await expecting(noted)).toEqual({ expectedAt: 3, damage: undefined });
  });
});

describe('segment log: a torn tail', () => {
  it('keeps what was acknowledged, cuts and keeps aside the rest, at every byte of the last frame', async () => {
    const folder = await temporaryFolder();
    const original = join(folder, 'original');
    const name = '00000000000000000000.segment';
    const small = sampleOfEveryType().slice(5, 7);
    await writeLog(original, [small, small], 4_096);
    const headBefore = await readFile(join(original, 'head'));
    const start = (await verifyLog({ directory: original })).bytes + 64;
    await writeLog(original, [small], 4_096);
    const headAfter = await readFile(join(original, 'head'));
    const end = (await verifyLog({ directory: original })).bytes + 64;
    const whole = await readFile(join(original, name));
    expect(end - start).toBeGreaterThan(200);

    const counted = { offsets: 0, cut: 0, keptWhole: 0, damage: 0 };
    // At the end, too: nothing is torn then.
    for (let cut = start; cut <= end; cut += 1) {
      counted.offsets += 1;
      const torn = Buffer.concat([whole.subarray(0, cut), Buffer.alloc(whole.length - cut)]);
      const differs = !torn.equals(whole);
      const directory = await mkdtemp(join(folder, 'torn-'));
      await writeFile(join(directory, name), torn);
      await writeFile(join(directory, 'head'), headBefore);
      const log = await openSegmentLog({ directory, clock, segmentBytes: 4_096 });
      if (differs) {
        counted.cut += 1;
        expect((await log.head()).nextPosition).toBe(4);
        const kept = log.recovery.tornTail;
        if (cut === start) expect(kept).toBeUndefined();
        else {
          expect(kept).toMatchObject({ segment: name, offset: start });
          const aside = await readFile(join(directory, kept?.keptIn ?? ''));
          expect(aside.equals(torn.subarray(start, start + aside.length))).toBe(true);
        }
      } else {
        counted.keptWhole += 1;
        expect(log.recovery).toMatchObject({ eventsAfterHead: 2, tornTail: undefined });
      }
      const { firstPosition } = await log.append(small);
      expect(firstPosition).toBe(differs ? 4 : 6);
      await log.close();
      expect((await verifyLog({ directory, deep: true })).damage).toBeUndefined();

      if (differs) {
        // The same bytes after the head was written: the frame was acknowledged, so this is damage.
        await writeFile(join(directory, name), torn);
        await writeFile(join(directory, 'head'), headAfter);
        await expect(openSegmentLog({ directory, clock, segmentBytes: 4_096 })).rejects.toMatchObject({
          code: 'LOG_CORRUPT',
          details: { segment: name, offset: start },
        });
        const { events, code } = await readUntilError(directory);
        expect({ read: events.length, code }).toEqual({ read: 4, code: 'LOG_CORRUPT' });
        counted.damage += 1;
      }
      await rm(directory, { recursive: true });
    }
    console.log(`torn frames: ${JSON.stringify(counted)}`);
    expect(counted).toMatchObject({
      offsets: end - start + 1,
      keptWhole: expect.toSatisfy((kept) => kept > 0),
    });
  });

  it('keeps frames that a power failure left without their head, over a rotation too', async () => {
    const directory = await temporaryFolder();
    const events = samplePredictions(60);
    await writeLog(directory, [events.slice(0, 10)], 8_192);
    const head = await readFile(join(directory, 'head'));
    await writeLog(directory, [events.slice(10, 30), events.slice(30, 45), events.slice(45)], 8_192);
    await writeFile(join(directory, 'head'), head);
    const log = await openSegmentLog({ directory, clock, segmentBytes: 8_192 });
    expect(log.recovery).toEqual({ eventsAfterHead: 50, tornTail: undefined, headDamaged: false });
    await log.close();
    expect((await readUntilError(directory)).events.map((event) => event.id)).toEqual(
      events.map((event) => event.id),
    );
  });

  it('finds the end without any head', async () => {
    const directory = await temporaryFolder();
    await writeLog(directory, [samplePredictions(40), samplePredictions(40, 2)], 8_192);
    await rm(join(directory, 'head'));
    const log = await openSegmentLog({ directory, clock, segmentBytes: 8_192 });
    expect((await log.head()).nextPosition).toBe(80);
    await log.close();
    expect((await verifyLog({ directory })).damage).toBeUndefined();
  });
});

const flips = 1_000;

describe('segment log: flipped bits', () => {
  it(`finds each of ${flips} at seeded places, and never returns anything wrong`, async () => {
    const directory = await temporaryFolder();
    const events = samplePredictions(300);
    const frames = Array.from({ length: 30 }, (_, i) => [
      ...events.slice(i * 10, i * 10 + 10),
      ...(i % 6 === 5 ? sampleOfEveryType() : []),
    ]);
    await writeLog(directory, frames, 16_384);
    const whole = (await readUntilError(directory)).events.map((event) => JSON.stringify(event));
    expect(whole).toHaveLength(frames.flat().length);
    const places = await meaningfulPlaces(directory);
    const total = places.reduce((sum, place) => sum + place.length, 0);
    const random = seededRandom(99);
    const found: { [kind: string]: number } = {};
    for (let round = 0; round < flips; round += 1) {
      // Half of them anywhere; the others by turns in the small parts, which would else hardly be met.
      const chosen =
        round % 2 === 0
          ? placeAt(places, Math.floor(random() * total))
          : (places[(round >> 1) % places.length] ?? placeAt(places, 0));
      const at = chosen.start + Math.floor(random() * chosen.length);
      const path = join(directory, chosen.name);
      const bit = Math.floor(random() * 8);
      await flipBit(path, at, bit);
      const where = `${chosen.name} byte ${at} bit ${bit}`;
      const { damage } = await verifyLog({ directory });
      if (damage === undefined) throw new Error(`not found by verify: ${where}`);
      const { events: read, code } = await readUntilError(directory);
      read.forEach((event, index) => {
        if (JSON.stringify(event) !== whole[index]) throw new Error(`${where}: event ${index} is wrong`);
      });
      // An index only saves work; everything else that is damaged stops the reading, and says at which position.
      if (chosen.kind === 'index')
        expect({ code, read: read.length }, where).toEqual({ code: undefined, read: whole.length });
      else expect(code, where).toBe('LOG_CORRUPT');
      if (chosen.kind.endsWith('frame')) expect(damage.position, where).toBe(read.length);
      found[chosen.kind] = (found[chosen.kind] ?? 0) + 1;
      await flipBit(path, at, bit);
    }
    console.log(`flipped bits: ${flips} of ${flips} found: ${JSON.stringify(found)}`);
    expect(Object.keys(found).sort()).toEqual(['frame', 'head', 'index', 'last frame', 'segment header']);
    expect(Object.values(found).reduce((sum, count) => sum + count, 0)).toBe(flips);
    expect((await verifyLog({ directory, deep: true })).damage).toBeUndefined();
  }, 180_000);

  it('opens for writing after a flipped bit in the head file, with everything there, and mends it', async () => {
    const folder = await temporaryFolder();
    const original = join(folder, 'original');
    await writeLog(original, [samplePredictions(10), samplePredictions(10, 2)], 16_384);
    const random = seededRandom(12);
    for (let round = 0; round < 40; round += 1) {
      const directory = join(folder, `round-${round}`);
      await cp(original, directory, { recursive: true });
      await flipBit(join(directory, 'head'), (round % 2) * 512 + Math.floor(random() * 96), round % 8);
      const log = await openSegmentLog({ directory, clock, segmentBytes: 16_384 });
      expect(log.recovery).toMatchObject({ tornTail: undefined, headDamaged: true });
      expect((await log.head()).nextPosition).toBe(20);
      await log.close();
      expect((await verifyLog({ directory })).damage).toBeUndefined();
    }
  });

  it('does not append after a last frame that has a flipped bit', async () => {
    const directory = await temporaryFolder();
    await writeLog(directory, [samplePredictions(10), samplePredictions(10, 2)], 16_384);
    const last = (await meaningfulPlaces(directory)).find((place) => place.kind === 'last frame');
    if (last === undefined) throw new Error('a last frame is needed');
    const random = seededRandom(13);
    for (let round = 0; round < 60; round += 1) {
      const at = last.start + Math.floor(random() * last.length);
      await flipBit(join(directory, last.name), at, round % 8);
      await expect(openSegmentLog({ directory, clock, segmentBytes: 16_384 })).rejects.toMatchObject({
        code: 'LOG_CORRUPT',
        details: { segment: last.name, offset: last.start },
      });
      await flipBit(join(directory, last.name), at, round % 8);
    }
    await (await openSegmentLog({ directory, clock, segmentBytes: 16_384 })).close();
  });
});

interface Place {
  readonly kind: 'head' | 'index' | 'segment header' | 'frame' | 'last frame';
  readonly name: string;
  readonly start: number;
  readonly length: number;
}

/** The parts of files that say something; the zeros after a segment's last frame, or around a head's slots, do not. */
async function meaningfulPlaces(directory: string): Promise<readonly Place[]> {
  const places: Place[] = [
    { kind: 'head', name: 'head', start: 0, length: 96 },
    { kind: 'head', name: 'head', start: 512, length: 96 },
  ];
  const names = await readdir(directory);
  for (const name of names.filter((found) => found.endsWith('.index'))) {
    places.push({ kind: 'index', name, start: 0, length: (await readFile(join(directory, name))).length });
  }
  const segments = names.filter((name) => /^\d+\.segment$/.test(name)).sort();
  const head = readHeadFile(directory)?.head;
  if (head === undefined) throw new Error('a head is needed');
  for (const name of segments) {
    const isLast = name === segments.at(-1);
    const end = isLast ? head.lastOffset : (await readFile(join(directory, name))).length;
    places.push({ kind: 'segment header', name, start: 0, length: 64 });
    if (end > 64) places.push({ kind: 'frame', name, start: 64, length: end - 64 });
    if (isLast) {
      places.push({
        kind: 'last frame',
        name,
        start: head.lastOffset,
        length: head.offset - head.lastOffset,
      });
    }
  }
  return places;
}

function placeAt(places: readonly Place[], byte: number): Place {
  let left = byte;
  for (const place of places) {
    if (left < place.length) return place;
    left -= place.length;
  }
  throw new Error('a place is needed');
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
