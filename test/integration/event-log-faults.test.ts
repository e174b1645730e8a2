import { cp, mkdtemp, open, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { NewEvent, StoredEvent } from '../../src/schemas/events.js';
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
  return hash;
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

  it('sees a tail that was cut off only by a hash kept elsewhere', async () => {
    const directory = await temporaryFolder();
    const hash = await writeLog(directory, [samplePredictions(3)], 8_192);
    expect((await verifyLog({ directory, expectHash: hash })).damage).toBeUndefined();
    const other = await verifyLog({ directory, expectHash: 'f'.repeat(64) });
    expect(other.damage?.problem).toContain('the last hash is not');
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

    for (let cut = start; cut < end; cut += 1) {
      const torn = Buffer.concat([whole.subarray(0, cut), Buffer.alloc(whole.length - cut)]);
      const differs = !torn.equals(whole);
      const directory = await mkdtemp(join(folder, 'torn-'));
      await writeFile(join(directory, name), torn);
      await writeFile(join(directory, 'head'), headBefore);
      const log = await openSegmentLog({ directory, clock, segmentBytes: 4_096 });
      if (differs) {
        expect((await log.head()).nextPosition).toBe(4);
        const kept = log.recovery.tornTail;
        if (cut === start) expect(kept).toBeUndefined();
        else {
          expect(kept).toMatchObject({ segment: name, offset: start });
          const aside = await readFile(join(directory, kept?.keptIn ?? ''));
          expect(aside.equals(torn.subarray(start, start + aside.length))).toBe(true);
        }
      } else expect(log.recovery).toMatchObject({ eventsAfterHead: 2, tornTail: undefined });
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
      }
      await rm(directory, { recursive: true });
    }
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

describe('segment log: flipped bits', () => {
  it('finds each of 200 at seeded places, and never returns anything wrong', async () => {
    const directory = await temporaryFolder();
    const original = await temporaryFolder();
    const events = samplePredictions(300);
    await writeLog(
      original,
      Array.from({ length: 30 }, (_, i) => events.slice(i * 10, i * 10 + 10)),
      16_384,
    );
    const whole = (await readUntilError(original)).events;
    expect(whole).toHaveLength(300);
    const places = await meaningfulBytes(original);
    const total = places.reduce((sum, place) => sum + place.length, 0);
    const random = seededRandom(99);
    let found = 0;
    for (let round = 0; round < 200; round += 1) {
      await cp(original, directory, { recursive: true, force: true });
      let left = Math.floor(random() * total);
      const place = places.find((candidate) => {
        if (left < candidate.length) return true;
        left -= candidate.length;
        return false;
      });
      if (place === undefined) throw new Error('a place is needed');
      // Every tenth goes into the head or an index, which are small.
      const chosen =
        round % 10 === 0
          ? (places.filter((candidate) => !candidate.name.endsWith('.segment'))[round % 3] ?? place)
          : place;
      const at = chosen.start + (left % chosen.length);
      await flipBit(join(directory, chosen.name), at, Math.floor(random() * 8));
      const where = `${chosen.name} byte ${at}`;
      const verified = await verifyLog({ directory });
      if (verified.damage !== undefined) found += 1;
      else throw new Error(`not found by verify: ${where}`);
      const { events: read, code } = await readUntilError(directory);
      expect(read, where).toEqual(whole.slice(0, read.length));
      if (chosen.name.endsWith('.index'))
        expect({ code, read: read.length }).toEqual({ code: undefined, read: 300 });
      else expect(code, where).toBe('LOG_CORRUPT');
    }
    expect(found).toBe(200);
  });
});

/** The parts of files that say something; the zeros after a segment's last frame, or around a head's slots, do not. */
async function meaningfulBytes(
  directory: string,
): Promise<{ name: string; start: number; length: number }[]> {
  const places = [
    { name: 'head', start: 0, length: 96 },
    { name: 'head', start: 512, length: 96 },
  ];
  for (const name of await readdir(directory)) {
    if (name.endsWith('.index'))
      places.push({ name, start: 0, length: (await readFile(join(directory, name))).length });
    if (!/^\d+\.segment$/.test(name)) continue;
    const bytes = await readFile(join(directory, name));
    let end = bytes.length;
    while (end > 0 && bytes[end - 1] === 0) end -= 1;
    places.push({ name, start: 0, length: end });
  }
  return places;
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
