import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, readdirSync, rmSync } from 'node:fs';
import { cp, readFile, readdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { StoredEvent } from '../../src/schemas/events.js';
import type { LogReader, ReadQuery } from '../../src/services/event-log/event-log.js';
import { planRetention } from '../../src/services/event-log/plan-retention.js';
import { type SegmentFact, segmentFacts } from '../../src/services/event-log/segment-log/segment-facts.js';
import { openSegmentLogReader } from '../../src/services/event-log/segment-log/segment-log-reader.js';
import { type SegmentLog, openSegmentLog } from '../../src/services/event-log/segment-log/segment-log.js';
import { readStartFile } from '../../src/services/event-log/segment-log/start-file.js';
import { verifyLog } from '../../src/services/event-log/verify-log.js';
import { manualClock } from '../../src/services/platform/clock.js';
import { faultyFileSystem } from '../support/faulty-file-system.js';
import { samplePredictions, sampleStartMicros, seededRandom } from '../support/sample-events.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const script = fileURLToPath(new URL('../support/log-child.mjs', import.meta.url));
const hourMicros = 3_600_000_000;
const segmentBytes = 16 * 1024;

/** A log of many small segments, an hour between any two appends of 20 events. */
async function writtenLog(appends = 30): Promise<{ directory: string; ids: string[] }> {
  const directory = await temporaryFolder();
  const clock = manualClock(sampleStartMicros);
  const log = await openSegmentLog({ directory, clock, segmentBytes });
  const events = samplePredictions(appends * 20);
  for (let at = 0; at < events.length; at += 20) {
    await log.append(events.slice(at, at + 20));
    clock.advance(hourMicros);
  }
  await log.close();
  return { directory, ids: events.map((event) => event.id) };
}

async function reopen(
  directory: string,
  options: Partial<Parameters<typeof openSegmentLog>[0]> = {},
): Promise<SegmentLog> {
  return await openSegmentLog({ directory, clock: manualClock(sampleStartMicros), segmentBytes, ...options });
}

async function read(reader: LogReader, query?: ReadQuery): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  for await (const batch of reader.read(query)) events.push(...batch);
  return events;
}

/** First position of a segment in the middle. */
async function middleOf(directory: string): Promise<number> {
  const segments = await segmentFacts(directory);
  expect(segments.length).toBeGreaterThan(5);
  return segments[Math.floor(segments.length / 2)]?.firstPosition ?? 0;
}

describe('retention: dropping whole segments', () => {
  it('lets the log begin later, in one chain with what was dropped, and go on', async () => {
    const { directory, ids } = await writtenLog();
    const before = await verifyLog({ directory });
    const middle = await middleOf(directory);
    const log = await reopen(directory);
    const dropped = await log.dropBefore(middle);
    expect(dropped).toMatchObject({ events: middle });
    expect((await log.head()).firstPosition).toBe(middle);
    const [more] = samplePredictions(1, 9);
    if (more === undefined) throw new Error('a sample is needed');
    expect((await log.append([more])).firstPosition).toBe(ids.length);
    await log.close();

    const again = await reopen(directory);
    expect(again.recovery).toEqual({ eventsAfterHead: 0, tornTail: undefined, headDamaged: false });
    const kept = await read(again);
    expect(kept.map((event) => event.id)).toEqual([...ids.slice(middle), more.id]);
    expect(kept[0]?.position).toBe(middle);
    await again.close();
    const after = await verifyLog({ directory, deep: true });
    expect(after).toMatchObject({
      damage: undefined,
      events: ids.length + 1 - middle,
      dropped: { events: middle, segments: dropped.segments, bytes: dropped.bytes },
    });
    expect(before.segments).toBe(after.segments + dropped.segments);
  });

  it('adds up what several drops took', async () => {
    const { directory } = await writtenLog();
    const log = await reopen(directory);
    const positions = (await segmentFacts(directory)).map((segment) => segment.firstPosition);
    const first = await log.dropBefore(positions[2] ?? 0);
    const second = await log.dropBefore(positions[4] ?? 0);
    expect(await log.dropBefore(positions[4] ?? 0)).toEqual({ segments: 0, bytes: 0, events: 0 });
    await log.close();
    expect((await readStartFile(directory))?.start).toMatchObject({
      firstPosition: positions[4],
      segmentsDropped: 4,
      bytesDropped: first.bytes + second.bytes,
    });
    expect((await verifyLog({ directory })).damage).toBeUndefined();
  });

  it('refuses a position below the first that is kept, and reads a time range from there', async () => {
    const { directory, ids } = await writtenLog();
    const middle = await middleOf(directory);
    const log = await reopen(directory);
    await log.dropBefore(middle);
    const refused = {
      code: 'LOG_DROPPED',
      message: expect.stringContaining(`the first that is kept is ${middle}`),
    };
    for (const reader of [log, await openSegmentLogReader({ directory })]) {
      await expect(read(reader, { fromPosition: 0 })).rejects.toMatchObject(refused);
      await expect(read(reader, { fromPosition: middle - 1 })).rejects.toMatchObject(refused);
      const tail = reader.tail({ fromPosition: middle - 1, signal: new AbortController().signal });
      await expect(tail[Symbol.asyncIterator]().next()).rejects.toMatchObject(refused);
      expect(await read(reader, { fromPosition: middle })).toHaveLength(ids.length - middle);
      const range = await read(reader, { occurredFrom: 0, occurredUntil: sampleStartMicros + 1e15 });
      expect(range.map((event) => event.id)).toEqual(ids.slice(middle));
      expect(await read(reader, { untilPosition: middle })).toEqual([]);
      await reader.close();
    }
  });

  it('never breaks a reader: one without a position goes on with what is kept, one with a position is told', async () => {
    const { directory, ids } = await writtenLog(200);
    const middle = await middleOf(directory);
    const log = await reopen(directory);
    const reader = await openSegmentLogReader({ directory });
    const anywhere = reader.read()[Symbol.asyncIterator]();
    const named = reader.read({ fromPosition: 0 })[Symbol.asyncIterator]();
    const seen = [...((await anywhere.next()).value ?? [])];
    expect((await named.next()).value?.[0]?.position).toBe(0);
    await log.dropBefore(middle);
    for (let next = await anywhere.next(); next.done !== true; next = await anywhere.next())
      seen.push(...next.value);
    // What stood in the file that was open is whole; then comes the first that is kept.
    const positions = seen.map((event) => event.position);
    const gap = positions.findIndex((position, index) => position !== index);
    expect(gap).toBeGreaterThan(0);
    expect(positions.slice(gap)).toEqual(ids.slice(middle).map((_id, index) => middle + index));
    const rest = async () => {
      for (let next = await named.next(); next.done !== true; next = await named.next());
    };
    await expect(rest()).rejects.toMatchObject({ code: 'LOG_DROPPED' });
    await reader.close();
    await log.close();
  });

  it('lets three other processes read on while segments turn, are compressed and are dropped', async () => {
    const { directory } = await writtenLog(60);
    const log = await reopen(directory, { compressSealed: true });
    const reads = 60;
    const children = Array.from({ length: 3 }, () =>
      spawn(process.execPath, [script, 'read', directory, String(reads)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      }),
    );
    const ends = children.map(async (child) => {
      const words: string[] = [];
      const ended = once(child, 'exit');
      for await (const line of createInterface({ input: child.stdout })) words.push(line);
      return [...words, (await ended)[0]] as const;
    });
    let running = true;
    const done = Promise.all(ends).finally(() => {
      running = false;
    });
    let dropped = 0;
    for (let seed = 1; running; seed += 1) {
      for (let append = 0; append < 10; append += 1) await log.append(samplePredictions(20, seed));
      const segments = await segmentFacts(directory);
      const kept = segments[Math.max(0, segments.length - 12)]?.firstPosition ?? 0;
      dropped += (await log.dropBefore(kept)).segments;
      await new Promise((resolve) => setImmediate(resolve));
    }
    for (const [first, seen, code] of await done) {
      expect([first, code]).toEqual(['reading', 0]);
      expect(Number(seen)).toBeGreaterThan(reads * 20);
    }
    expect(dropped).toBeGreaterThan(20);
    await log.close();
    expect((await verifyLog({ directory, deep: true })).damage).toBeUndefined();
  });

  it('is verified from where it begins now when retention drops what is being verified', async () => {
    const { directory, ids } = await writtenLog();
    const middle = await middleOf(directory);
    const after = join(await temporaryFolder(), 'log');
    await cp(directory, after, { recursive: true });
    const log = await reopen(after);
    await log.dropBefore(middle);
    await log.close();
    let calls = 0;
    const found = await verifyLog({
      directory,
      onProgress: () => {
        calls += 1;
        if (calls !== 3) return;
        // In the middle of the first segments, all that the drop does to the folder.
        copyFileSync(join(after, 'start'), join(directory, 'start'));
        for (const name of readdirSync(directory)) {
          if (/^\d{20}\./.test(name) && Number(name.slice(0, 20)) < middle) rmSync(join(directory, name));
        }
      },
    });
    expect(found).toMatchObject({ damage: undefined, events: ids.length - middle });
    expect(found.dropped?.events).toBe(middle);
  });

  it('begins a new segment when asked, and goes on in the last one when there is no room for another', async () => {
    const { directory, ids } = await writtenLog(3);
    let isFull = false;
    const fileSystem = faultyFileSystem(({ operation, path }) =>
      isFull && operation === 'open' && path.endsWith('prepared.segment')
        ? { kind: 'fail', code: 'ENOSPC', doneShare: 0 }
        : undefined,
    );
    const log = await reopen(directory, { fileSystem, segmentBytes: 1024 * 1024 });
    const segments = async () => (await segmentFacts(directory)).map((segment) => segment.firstPosition);
    const before = await segments();
    log.turnSegment();
    await log.append(samplePredictions(1, 7));
    expect(await segments()).toEqual([...before, ids.length]);
    isFull = true;
    log.turnSegment();
    await log.append(samplePredictions(1, 8));
    expect(await segments()).toEqual([...before, ids.length]);
    isFull = false;
    await log.append(samplePredictions(1, 9));
    expect(await segments()).toEqual([...before, ids.length]);
    log.turnSegment();
    log.turnSegment();
    await log.append(samplePredictions(1, 10));
    expect(await segments()).toEqual([...before, ids.length, ids.length + 3]);
    expect(await read(log)).toHaveLength(ids.length + 4);
    await log.close();
    expect((await verifyLog({ directory, deep: true })).damage).toBeUndefined();
  });

  it('says that segments are missing when nothing says that they were dropped', async () => {
    const { directory } = await writtenLog();
    const [first] = (await readdir(directory)).filter((name) => name.endsWith('.segment')).toSorted();
    const copy = join(await temporaryFolder(), 'log');
    await cp(directory, copy, {
      recursive: true,
      filter: (path) => !path.endsWith(first ?? 'none'),
    });
    expect((await verifyLog({ directory: copy })).damage?.problem).toContain(
      'expected the segment to begin at 0',
    );
    await expect(read(await openSegmentLogReader({ directory: copy }))).rejects.toMatchObject({
      code: 'LOG_CORRUPT',
      message: expect.stringContaining('begins with is missing'),
    });
  });
});

describe('retention: a crash between any two steps', () => {
  it('leaves the log as it was or as it was to be, whichever call the crash meets', async () => {
    const { directory, ids } = await writtenLog();
    const middle = await middleOf(directory);
    const counts = { before: 0, after: 0 };
    const probe = join(await temporaryFolder(), 'log');
    await cp(directory, probe, { recursive: true });
    const calls = await callsOfDrop(probe, middle);
    expect(calls).toBeGreaterThan(10);
    for (let call = 0; call < calls; call += 1) {
      for (const doneShare of [0, 0.5, 1]) {
        const copy = join(await temporaryFolder(), 'log');
        await cp(directory, copy, { recursive: true });
        let armed = false;
        let met = 0;
        const fileSystem = faultyFileSystem(() => {
          if (!armed) return undefined;
          met += 1;
          // From the crash on nothing more reaches the disk.
          if (met - 1 < call) return undefined;
          return { kind: 'fail', code: 'EIO', doneShare: met - 1 === call ? doneShare : 0 };
        });
        const log = await reopen(copy, { fileSystem });
        armed = true;
        await expect(log.dropBefore(middle)).rejects.toMatchObject({ code: 'LOG_WRITE_FAILED' });
        armed = false;
        await log.close();

        const reader = await openSegmentLogReader({ directory: copy });
        const { firstPosition } = await reader.head();
        counts[firstPosition === 0 ? 'before' : 'after'] += 1;
        expect([0, middle]).toContain(firstPosition);
        expect((await read(reader)).map((event) => event.id)).toEqual(ids.slice(firstPosition));
        await reader.close();
        expect((await verifyLog({ directory: copy })).damage).toBeUndefined();
        const again = await reopen(copy);
        expect((await again.head()).firstPosition).toBe(firstPosition);
        await again.dropBefore(middle);
        expect((await read(again)).map((event) => event.id)).toEqual(ids.slice(middle));
        await again.close();
        const left = (await readdir(copy)).filter(
          (name) => /^\d{20}\./.test(name) && Number(name.slice(0, 20)) < middle,
        );
        expect(left).toEqual([]);
        expect((await verifyLog({ directory: copy })).damage).toBeUndefined();
      }
    }
    expect(counts.before).toBeGreaterThan(5);
    expect(counts.after).toBeGreaterThan(5);
  });

  async function callsOfDrop(directory: string, firstPosition: number): Promise<number> {
    const fileSystem = faultyFileSystem(() => undefined);
    const log = await reopen(directory, { fileSystem });
    const before = fileSystem.calls.length;
    await log.dropBefore(firstPosition);
    const calls = fileSystem.calls.length - before;
    await log.close();
    return calls;
  }

  it('syncs the head before the beginning moves, and the beginning before a file goes', async () => {
    const { directory } = await writtenLog();
    const middle = await middleOf(directory);
    const fileSystem = faultyFileSystem(() => undefined);
    const log = await reopen(directory, { fileSystem });
    const before = fileSystem.calls.length;
    await log.dropBefore(middle);
    const calls = fileSystem.calls
      .slice(before)
      .map(({ operation, path }) => `${operation} ${basename(path)}`);
    await log.close();
    // Otherwise a power failure could leave a head that names a segment which is gone.
    const head = calls.indexOf('sync head');
    const moved = calls.findIndex((call) => call.endsWith(' start') || call.includes(' start.'));
    const gone = calls.findIndex((call) => call.startsWith('remove ') && call.endsWith('.segment'));
    expect(head).toBeGreaterThanOrEqual(0);
    expect(moved).toBeGreaterThan(head);
    expect(gone).toBeGreaterThan(moved);
  });

  it('opens with the head that was on disk when the drop began', async () => {
    const { directory, ids } = await writtenLog();
    const log = await reopen(directory);
    const sealed = (await segmentFacts(directory)).at(-1)?.firstPosition ?? 0;
    await log.dropBefore(sealed);
    const head = await readFile(join(directory, 'head'));
    await log.append(samplePredictions(300, 3));
    await log.close();
    // As a power failure leaves it: the head file is synced by the drop, and then only now and then.
    await writeFile(join(directory, 'head'), head);
    const again = await reopen(directory);
    expect(again.recovery.eventsAfterHead).toBe(300);
    expect(await read(again)).toHaveLength(ids.length + 300 - sealed);
    await again.close();
    expect((await verifyLog({ directory })).damage).toBeUndefined();
  });
});

describe('retention: the start file', () => {
  it('has every flipped bit found, and none believed', async () => {
    const { directory, ids } = await writtenLog();
    const middle = await middleOf(directory);
    const log = await reopen(directory);
    await log.dropBefore(middle);
    await log.close();
    const path = join(directory, 'start');
    const sound = await readFile(path);
    const random = seededRandom(23);
    const bits = [
      // Every bit of both copies, and some of what stands around them.
      ...Array.from({ length: 96 * 8 }, (_, bit) => bit),
      ...Array.from({ length: 96 * 8 }, (_, bit) => 512 * 8 + bit),
      ...Array.from({ length: 100 }, () => Math.floor(random() * sound.length * 8)),
    ];
    let found = 0;
    for (const bit of bits) {
      const bytes = Buffer.from(sound);
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      await writeFile(path, bytes);
      if ((await verifyLog({ directory })).damage?.segment === 'start') found += 1;
      expect((await readStartFile(directory))?.start.firstPosition).toBe(middle);
    }
    expect(found).toBe(bits.length);
    const mended = await reopen(directory);
    expect(await read(mended)).toHaveLength(ids.length - middle);
    await mended.close();
    expect(await readFile(path)).toEqual(sound);
    await writeFile(path, Buffer.alloc(sound.length));
    expect((await verifyLog({ directory })).damage?.segment).toBe('start');
    await expect(reopen(directory)).rejects.toMatchObject({ code: 'LOG_CORRUPT' });
  });
});

describe('planRetention', () => {
  const segments: readonly SegmentFact[] = [0, 10, 20, 30, 40].map((firstPosition, index) => ({
    firstPosition,
    endPosition: firstPosition + 10,
    recordedAt: index * 1_000,
    previousRecordedAt: Math.max(0, index - 1) * 1_000,
    bytes: 100,
  }));
  const plan = (
    policy: { retainMicros?: number; retainBytes?: number },
    projectedPosition = 50,
    nowMicros = 4_000,
  ) => {
    const { firstPosition, drop, waiting } = planRetention({
      segments,
      policy: { retainMicros: policy.retainMicros, retainBytes: policy.retainBytes },
      projectedPosition,
      nowMicros,
    });
    return [firstPosition, drop.length, waiting.length];
  };

  it('drops what is older, oldest first, and keeps a segment with one event that is not', () => {
    expect(plan({ retainMicros: 2_000 })).toEqual([20, 2, 0]);
    expect(plan({ retainMicros: 1_999 })).toEqual([30, 3, 0]);
    expect(plan({ retainMicros: 4_001 })).toEqual([0, 0, 0]);
  });

  it('drops what there is no room for', () => {
    expect(plan({ retainBytes: 500 })).toEqual([0, 0, 0]);
    expect(plan({ retainBytes: 499 })).toEqual([10, 1, 0]);
    expect(plan({ retainBytes: 250 })).toEqual([30, 3, 0]);
  });

  it('drops what either limit asks for, and never the last segment', () => {
    expect(plan({ retainMicros: 3_000, retainBytes: 250 })).toEqual([30, 3, 0]);
    expect(plan({ retainMicros: 1, retainBytes: 1 }, 50, 1_000_000)).toEqual([40, 4, 0]);
  });

  it('drops nothing that the projector has not taken, and says what waits for it', () => {
    expect(plan({ retainBytes: 1 }, 0)).toEqual([0, 0, 4]);
    expect(plan({ retainBytes: 1 }, 29)).toEqual([20, 2, 2]);
    expect(plan({ retainBytes: 1 }, 30)).toEqual([30, 3, 1]);
  });

  it('asks for another segment when the last has gathered for a sixteenth of the time', () => {
    const lastOf = (nowMicros: number, projectedPosition = 50) => {
      const { isLastDue, isLastExpired } = planRetention({
        segments,
        policy: { retainMicros: 16_000, retainBytes: undefined },
        projectedPosition,
        nowMicros,
      });
      return [isLastDue, isLastExpired];
    };
    expect(lastOf(4_000)).toEqual([false, false]);
    expect(lastOf(4_001)).toEqual([true, false]);
    expect(lastOf(20_001)).toEqual([true, true]);
    expect(lastOf(20_001, 49)).toEqual([true, false]);
  });

  it('drops nothing more when the clock is set back', () => {
    expect(plan({ retainMicros: 2_000 }, 50, -1_000_000)).toEqual([0, 0, 0]);
  });
});
