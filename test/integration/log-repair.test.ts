import { cp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { StoredEvent } from '../../src/schemas/events.js';
import { cutLog } from '../../src/services/event-log/repair/cut-log.js';
import { logStatistics } from '../../src/services/event-log/repair/log-statistics.js';
import { planCut } from '../../src/services/event-log/repair/plan-cut.js';
import { replaceSegment } from '../../src/services/event-log/repair/replace-segment.js';
import { surveyDamage } from '../../src/services/event-log/repair/survey-damage.js';
import { scanFrames } from '../../src/services/event-log/segment-log/scan-frames.js';
import { listSegments, segmentName } from '../../src/services/event-log/segment-log/segment-file.js';
import { openSegmentLogReader } from '../../src/services/event-log/segment-log/segment-log-reader.js';
import { openSegmentLog } from '../../src/services/event-log/segment-log/segment-log.js';
import { type Damage, verifyLog } from '../../src/services/event-log/verify-log.js';
import { manualClock } from '../../src/services/platform/clock.js';
import { samplePredictions, sampleStartMicros } from '../support/sample-events.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const clock = manualClock(sampleStartMicros);
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
  for await (const { offset, header } of scanFrames(directory, segment)) {
    if (header.firstPosition !== position) continue;
    const path = join(directory, segmentName(segment));
    const bytes = await readFile(path);
    bytes[offset + 100] = (bytes[offset + 100] ?? 0) ^ 4;
    await writeFile(path, bytes);
    return { segment, offset };
  }
  throw new Error(`no frame begins at ${position}`);
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
      const following = segments.filter((candidate) => candidate > segment);
      expect(readable).toEqual(following.length === 0 ? [] : [{ from: following[0], until: events.length }]);
      for (const { from, until } of readable) {
        const read = await readFrom(from, until);
        expect(read.map((event) => event.id)).toEqual(events.slice(from, until).map((event) => event.id));
      }
    },
  );

  it('names every sound stretch when it is damaged in two places', async () => {
    const [, second = 0, third = 0, fourth = 0] = segments;
    await damageFrame(second + eventsPerFrame);
    await damageFrame(fourth);
    const damage = await damageOf();
    const readable = await surveyDamage(directory, damage);
    expect(readable).toEqual([
      { from: third, until: fourth },
      { from: segments[4], until: events.length },
    ]);
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
