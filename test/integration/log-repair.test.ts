import { cp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { StoredEvent } from '../../src/schemas/events.js';
import { cutLog } from '../../src/services/event-log/repair/cut-log.js';
import { logStatistics } from '../../src/services/event-log/repair/log-statistics.js';
import { planCut } from '../../src/services/event-log/repair/plan-cut.js';
import { replaceSegment } from '../../src/services/event-log/repair/replace-segment.js';
import { surveyDamage } from '../../src/services/event-log/repair/survey-damage.js';
import { encodeEvents } from '../../src/services/event-log/event-codec.js';
import { encodeFrame } from '../../src/services/event-log/segment-log/frame.js';
import { scanFrames } from '../../src/services/event-log/segment-log/scan-frames.js';
import { listSegments, segmentName } from '../../src/services/event-log/segment-log/segment-file.js';
import { openSegmentLogReader } from '../../src/services/event-log/segment-log/segment-log-reader.js';
import { openSegmentLog } from '../../src/services/event-log/segment-log/segment-log.js';
import { type Damage, verifyLog } from '../../src/services/event-log/verify-log.js';
import { manualClock } from '../../src/services/platform/clock.js';
import { samplePredictions, sampleStartMicros } from '../support/sample-events.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const clock = manualClock(sampleStartMicros);
const forgedTimes = {
  count: 1,
  recordedAt: sampleStartMicros,
  occurredMin: sampleStartMicros,
  occurredMax: sampleStartMicros,
};
const eventsPerFrame = 10;
const frames = 60;
const events = samplePredictions(frames * eventsPerFrame);

let directory = '';
let segments: number[] = [];

beforeEach(async () => {
  directory = await temporaryFolder();
  const log = await openSegmentLog({ directory, clock, segmentBytes: 16_384 });
  for (let at = 0; at < events.length; at += eventsPerFrame)
    await log.append(events.slice(at, at + eventsPerFrame));
  await log.close();
  segments = await listSegments(directory);
  expect(segments.length).toBeGreaterThan(5);
});

/** Flips a bit in the payload of the frame that begins at a position. */
async function damageFrame(position: number): Promise<{ segment: number; offset: number }> {
  const segment = segments.findLast((candidate) => candidate <= position) ?? 0;
  const offset = (await offsetsIn(segment)).get(position);
  if (offset === undefined) throw new Error(`no frame begins at ${position}`);
  await flipBit(segment, offset + 100);
  return { segment, offset };
}

/** Where each frame of a sound segment begins, by its first position. */
async function offsetsIn(segment: number): Promise<ReadonlyMap<number, number>> {
  const offsets = new Map<number, number>();
  for await (const { offset, header } of scanFrames(directory, segment))
    offsets.set(header.firstPosition, offset);
  return offsets;
}

async function flipBit(segment: number, at: number): Promise<void> {
  const path = join(directory, segmentName(segment));
  const bytes = await readFile(path);
  bytes[at] = (bytes[at] ?? 0) ^ 4;
  await writeFile(path, bytes);
}

async function damageOf(): Promise<Damage> {
  const { damage } = await verifyLog({ directory });
  if (damage === undefined) throw new Error('a damage is expected');
  return damage;
}

async function readFrom(fromPosition: number, untilPosition: number): Promise<StoredEvent[]> {
  const reader = await openSegmentLogReader({ directory });
  const read: StoredEvent[] = [];
  for await (const batch of reader.read({ fromPosition, untilPosition })) read.push(...batch);
  await reader.close();
  return read;
}

async function appendOne(index: number): Promise<number> {
  const log = await openSegmentLog({ directory, clock, segmentBytes: 16_384 });
  const { firstPosition } = await log.append(samplePredictions(1, 99, index));
  await log.close();
  return firstPosition;
}

describe('a damaged log', () => {
  it.each([0, 1, 2, -1])(
    'says what can still be read behind a damage in segment %i, and it can be',
    async (at) => {
      const segment = segments.at(at) ?? 0;
      const { offset } = await damageFrame(segment + eventsPerFrame);
      const damage = await damageOf();
      expect(damage).toMatchObject({
        segment: segmentName(segment),
        offset,
        position: segment + eventsPerFrame,
      });
      const readable = await surveyDamage(directory, damage);
      expect(readable).toEqual([{ from: segment + 2 * eventsPerFrame, until: events.length }]);
      for (const { from, until } of readable) {
        const read = await readFrom(from, until);
        expect(read.map((event) => event.id)).toEqual(events.slice(from, until).map((event) => event.id));
      }
    },
  );

  it('names every sound stretch when it is damaged in two places', async () => {
    const [, second = 0, , fourth = 0] = segments;
    await damageFrame(second + eventsPerFrame);
    await damageFrame(fourth);
    const damage = await damageOf();
    const readable = await surveyDamage(directory, damage);
    expect(readable).toEqual([
      { from: second + 2 * eventsPerFrame, until: fourth },
      { from: fourth + eventsPerFrame, until: events.length },
    ]);
    for (const { from, until } of readable)
      expect((await readFrom(from, until)).map((event) => event.id)).toEqual(
        events.slice(from, until).map((event) => event.id),
      );
  });

  it('is read on behind a damage only by who asks for nothing in it', async () => {
    const segment = segments.at(-1) ?? 0;
    await damageFrame(segment + eventsPerFrame);
    const behind = segment + 2 * eventsPerFrame;
    expect(await readFrom(behind, events.length)).toHaveLength(events.length - behind);
    for (const from of [0, segment, segment + eventsPerFrame, behind - 1])
      await expect(readFrom(from, events.length)).rejects.toMatchObject({
        code: 'LOG_CORRUPT',
        details: { position: String(segment + eventsPerFrame) },
      });
  });

  it('finds sound frames without indexes too, and where several frames were wiped out', async () => {
    for (const name of (await readdir(directory)).filter((found) => found.endsWith('.index')))
      await rm(join(directory, name));
    const [, segment = 0, following = 0] = segments;
    const offsets = await offsetsIn(segment);
    const wiped = [1, 3].map((frame) => offsets.get(segment + frame * eventsPerFrame) ?? 0);
    const path = join(directory, segmentName(segment));
    const bytes = await readFile(path);
    await writeFile(path, bytes.fill(0, (wiped[0] ?? 0) + 8, (wiped[1] ?? 0) + 30));
    const from = segment + 4 * eventsPerFrame;
    expect(from).toBeLessThan(following);
    expect(await surveyDamage(directory, await damageOf())).toEqual([{ from, until: events.length }]);
    expect(await readFrom(from, events.length)).toHaveLength(events.length - from);
  });

  it('takes no frame for one that a caller put into a value', async () => {
    const [before, between, after] = samplePredictions(3, 77, events.length);
    if (before === undefined || between === undefined || after === undefined)
      throw new Error('samples are needed');
    const first = events.length + 2;
    const forged = encodeFrame(
      { ...forgedTimes, firstPosition: first, payload: encodeEvents([after]) },
      Buffer.alloc(32, 7),
    );
    const second = encodeFrame(
      { ...forgedTimes, firstPosition: first + 1, payload: encodeEvents([after]) },
      forged.hash,
    );
    // A value that only a caller in this process can send: over HTTP there are no bytes.
    Object.assign(between, { sensitive: { inputs: { value: Buffer.concat([forged.bytes, second.bytes]) } } });
    const log = await openSegmentLog({ directory, clock, segmentBytes: 16_384 });
    for (const event of [before, between, after]) await log.append([event]);
    await log.close();
    segments = await listSegments(directory);
    const segment = segments.at(-1) ?? 0;
    const offsets = await offsetsIn(segment);
    await damageFrame(events.length + 1);
    const damage = await damageOf();
    expect(damage.position).toBe(events.length + 1);
    const path = join(directory, damage.segment);
    const bytes = await readFile(path);
    expect(bytes.indexOf(forged.bytes, damage.offset)).toBeGreaterThan(damage.offset);
    expect(await surveyDamage(directory, damage)).toEqual([{ from: first, until: first + 1 }]);
    expect((await readFrom(first, first + 1)).map((event) => event.id)).toEqual([after.id]);
    // Nothing sound behind it: what was forged is not given out either.
    await flipBit(segment, (offsets.get(first) ?? 0) + 100);
    expect(await surveyDamage(directory, damage)).toEqual([]);
    await expect(readFrom(first, first + 1)).rejects.toMatchObject({ code: 'LOG_CORRUPT' });
  });
});

describe('a damaged segment', () => {
  it.each([0, 2, -1])(
    'number %i is replaced by a sound copy, in which the chain is the same, and by no other',
    async (at) => {
      const source = await temporaryFolder();
      await cp(directory, source, { recursive: true });
      const segment = segments.at(at) ?? 0;
      await damageFrame(segment + eventsPerFrame);
      const damaged = await readFile(join(directory, segmentName(segment)));
      const options = { directory, segment, source, clock };
      const path = join(source, segmentName(segment));
      const sound = await readFile(path);
      // The same damage, a copy that ends too early, another segment under its name, and none.
      await writeFile(path, damaged);
      expect(await replaceSegment(options)).toBeUndefined();
      await writeFile(path, sound.subarray(0, 3_000));
      expect(await replaceSegment(options)).toBeUndefined();
      await cp(join(source, segmentName(segments[1] ?? 0)), path);
      expect(await replaceSegment(options)).toBeUndefined();
      await rm(path);
      expect(await replaceSegment(options)).toBeUndefined();
      expect((await readFile(join(directory, segmentName(segment)))).equals(damaged)).toBe(true);

      await writeFile(path, sound);
      const aside = await replaceSegment(options);
      expect((await readFile(join(directory, aside ?? ''))).equals(damaged)).toBe(true);
      expect(await verifyLog({ directory, deep: true })).toMatchObject({
        damage: undefined,
        events: events.length,
      });
      expect(await appendOne(0)).toBe(events.length);
    },
  );
});

describe('cutting a damaged log', () => {
  it.each([
    ['inside the first segment', () => eventsPerFrame],
    ['at its first event', () => 0],
    ['at the first event of a segment', () => segments[2] ?? 0],
    ['inside a segment in the middle', () => (segments[2] ?? 0) + eventsPerFrame],
    ['at the last frame', () => events.length - eventsPerFrame],
  ])(
    '%s leaves a whole log that goes on at that position, and keeps every byte of the rest',
    async (_what, where) => {
      const position = where();
      const before = new Map(
        await Promise.all(
          segments.map(
            async (segment) => [segment, await readFile(join(directory, segmentName(segment)))] as const,
          ),
        ),
      );
      const { segment, offset } = await damageFrame(position);
      const damagedSegment = await readFile(join(directory, segmentName(segment)));
      expect((await damageOf()).position).toBe(position);

      const plan = await planCut(directory, position);
      expect(plan.end.nextPosition).toBe(position);
      expect(plan.headPosition).toBe(events.length);
      const aside = join(directory, await cutLog(plan, { clock }));

      const after = await verifyLog({ directory, deep: true });
      expect(after).toMatchObject({ damage: undefined, events: position });
      expect((await readFrom(0, position)).map((event) => event.id)).toEqual(
        events.slice(0, position).map((event) => event.id),
      );
      // Byte for byte what was there, under names that say what it is.
      const description = JSON.parse(await readFile(join(aside, 'cut.json'), 'utf8'));
      expect(description).toMatchObject({
        fromPosition: String(position),
        untilPosition: String(events.length),
      });
      const kept = await readdir(aside);
      for (const later of plan.segments) {
        const expected = later === segment ? damagedSegment : before.get(later);
        expect((await readFile(join(aside, segmentName(later)))).equals(expected ?? Buffer.alloc(0))).toBe(
          true,
        );
      }
      if (!plan.segments.includes(segment)) {
        const tail = await readFile(join(aside, `${segment}-${offset}.bin`));
        expect(tail.equals(damagedSegment.subarray(offset))).toBe(true);
      }
      expect(kept).toHaveLength(1 + plan.segments.length + (plan.tailBytes > 0 ? 1 : 0));
      expect((await logStatistics(directory)).keptAside).toEqual([`cut/${aside.split('/').at(-1) ?? ''}`]);

      for (let index = 0; index < 30; index += 1) expect(await appendOne(index)).toBe(position + index);
      expect(await verifyLog({ directory, deep: true })).toMatchObject({
        damage: undefined,
        events: position + 30,
      });
    },
  );

  it('can be made again when it stopped at any step, and is then the same', async () => {
    const position = (segments[2] ?? 0) + eventsPerFrame;
    await damageFrame(position);
    const headBytes = await readFile(join(directory, 'head'));
    await cutLog(await planCut(directory, position), { clock });
    // As after a crash before the last step, the new head: the segments are gone, and the head still names them.
    await writeFile(join(directory, 'head'), headBytes);
    expect((await damageOf()).position).toBe(position);
    clock.advance(1_000_000);
    await cutLog(await planCut(directory, position), { clock });
    expect(await verifyLog({ directory })).toMatchObject({ damage: undefined, events: position });
  });

  it('is refused inside a frame, behind the end and where frames before it are damaged', async () => {
    await damageFrame(50);
    await expect(planCut(directory, 45)).rejects.toMatchObject({
      code: 'LOG_CUT_REFUSED',
      message: expect.stringContaining('cut at 40 or 50'),
    });
    await expect(planCut(directory, events.length + 1)).rejects.toMatchObject({ code: 'LOG_CUT_REFUSED' });
    await expect(planCut(directory, 60)).rejects.toMatchObject({
      message: expect.stringContaining('sound up to position 50 only'),
    });
    expect((await damageOf()).position).toBe(50);
  });
});
