import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { StoredEvent } from '../../src/schemas/events.js';
import { openSegmentLogReader } from '../../src/services/event-log/segment-log/segment-log-reader.js';
import { type SegmentLog, openSegmentLog } from '../../src/services/event-log/segment-log/segment-log.js';
import { verifyLog } from '../../src/services/event-log/verify-log.js';
import { manualClock } from '../../src/services/platform/clock.js';
import { HindcastError } from '../../src/services/platform/errors.js';
import { type Call, type Fault, faultyFileSystem } from '../support/faulty-file-system.js';
import { describeWith } from '../support/optional.js';
import { samplePredictions, sampleStartMicros } from '../support/sample-events.js';
import { mountSmallDisk, smallDisks } from '../support/small-disk.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const clock = manualClock(sampleStartMicros);
const segmentBytes = 4_096;
const events = samplePredictions(24);
const appends = Array.from({ length: 8 }, (_, index) => events.slice(index * 3, index * 3 + 3));

/** What one life of a log came to: which appends it acknowledged, and the error of each that it refused. */
interface Life {
  readonly acknowledged: readonly string[];
  readonly refused: readonly HindcastError[];
  readonly opened: boolean;
}

/** Opens a log, appends, closes; every error must be one of the catalogue. */
async function live(directory: string, faultFor: (call: Call) => Fault | undefined): Promise<Life> {
  const acknowledged: string[] = [];
  const refused: HindcastError[] = [];
  let log: SegmentLog;
  try {
    log = await openSegmentLog({ directory, clock, segmentBytes, fileSystem: faultyFileSystem(faultFor) });
  } catch (error) {
    return { acknowledged, refused: [fromCatalogue(error)], opened: false };
  }
  for (const append of appends) {
    try {
      await log.append(append);
      acknowledged.push(...append.map((event) => event.id));
    } catch (error) {
      refused.push(fromCatalogue(error));
    }
    // What a reader sees is what was acknowledged, also after a failure.
    expect((await readIds(log)).join()).toBe(acknowledged.join());
  }
  await log.close().catch(fromCatalogue);
  return { acknowledged, refused, opened: true };
}

function fromCatalogue(error: unknown): HindcastError {
  if (error instanceof HindcastError) return error;
  throw error;
}

async function readIds(reader: {
  read(): AsyncIterable<readonly StoredEvent[]>;
}): Promise<readonly string[]> {
  const ids: string[] = [];
  for await (const batch of reader.read()) ids.push(...batch.map((event) => event.id));
  return ids;
}

/** After whatever happened: the acknowledged are there, in order, once; nothing is torn; the log goes on. */
async function expectSoundAfter(directory: string, life: Life, where: string): Promise<void> {
  const log = await openSegmentLog({ directory, clock, segmentBytes });
  const stored = await readIds(log);
  expect(
    stored.filter((id) => life.acknowledged.includes(id)).join(),
    `${where}: acknowledged events are there in order`,
  ).toBe(life.acknowledged.join());
  // What was refused may be there all the same, whole appends only, each once.
  expect(new Set(stored).size, where).toBe(stored.length);
  expect(stored.length % 3, where).toBe(0);
  const [first] = samplePredictions(1, 77);
  if (first === undefined) throw new Error('a sample is needed');
  expect((await log.append([first])).firstPosition, where).toBe(stored.length);
  await log.close();
  const verified = await verifyLog({ directory, deep: true });
  expect(verified, where).toMatchObject({ events: stored.length + 1, damage: undefined });
}

const faults: readonly (readonly [string, Fault])[] = [
  ['fails before anything is done', { kind: 'fail', code: 'EIO', doneShare: 0 }],
  ['fails when half is done', { kind: 'fail', code: 'EIO', doneShare: 0.5 }],
  ['fails when all is done: the sync', { kind: 'fail', code: 'EIO', doneShare: 1 }],
  ['finds the disk full', { kind: 'fail', code: 'ENOSPC', doneShare: 0.5 }],
];

describe('segment log: a disk that fails', () => {
  for (const [name, fault] of faults) {
    it(`acknowledges nothing that is not durable when any one call to the disk ${name}`, async () => {
      const folder = await temporaryFolder();
      const probe = faultyFileSystem(() => undefined);
      const sound = await openSegmentLog({
        directory: join(folder, 'sound'),
        clock,
        segmentBytes,
        fileSystem: probe,
      });
      for (const append of appends) await sound.append(append);
      await sound.close();
      const callsMade = probe.calls.length;
      const seen = { refusedForGood: 0, recovered: 0, refusedToOpen: 0, unharmed: 0 };
      for (let index = 0; index < callsMade; index += 1) {
        const directory = join(folder, `at-${index}`);
        let where = '';
        const life = await live(directory, (call) => {
          if (call.index !== index) return undefined;
          where = `${call.operation} ${call.path.slice(folder.length)} (call ${index})`;
          return fault;
        });
        const codes = new Set(life.refused.map((error) => error.code));
        if (!life.opened) seen.refusedToOpen += 1;
        else if (codes.has('LOG_WRITE_FAILED')) {
          seen.refusedForGood += 1;
          // Sticky: from the first refusal on, everything is.
          expect(life.acknowledged.length + life.refused.length * 3, where).toBe(events.length);
          expect(life.acknowledged.join(), where).toBe(
            events
              .slice(0, life.acknowledged.length)
              .map((event) => event.id)
              .join(),
          );
        } else if (codes.has('LOG_DISK_FULL')) {
          seen.recovered += 1;
          expect(life.refused, where).toHaveLength(1);
        } else {
          seen.unharmed += 1;
          expect(life.acknowledged, where).toHaveLength(events.length);
        }
        await expectSoundAfter(directory, life, where);
        await rm(directory, { recursive: true });
      }
      console.log(`${name}: ${callsMade} calls, each failed once: ${JSON.stringify(seen)}`);
      expect(seen.refusedForGood).toBeGreaterThan(5);
      if (fault.kind === 'fail' && fault.code === 'ENOSPC') expect(seen.recovered).toBeGreaterThan(1);
    });
  }

  it('goes on after short writes, at every call', async () => {
    const directory = await temporaryFolder();
    const life = await live(directory, () => ({ kind: 'short', share: 0.3 }));
    expect(life).toMatchObject({ refused: [], acknowledged: events.map((event) => event.id) });
    await expectSoundAfter(directory, life, 'short writes');
  });

  it('refuses for good, with the reason, when a sync failed, and does not try again', async () => {
    const directory = await temporaryFolder();
    let failing = false;
    const fileSystem = faultyFileSystem((call) =>
      failing && call.operation === 'write' ? { kind: 'fail', code: 'EIO', doneShare: 1 } : undefined,
    );
    const log = await openSegmentLog({ directory, clock, segmentBytes, fileSystem });
    await log.append(events.slice(0, 3));
    failing = true;
    const failed = { code: 'LOG_WRITE_FAILED', status: 503, message: expect.stringContaining('EIO') };
    await expect(log.append(events.slice(3, 6))).rejects.toMatchObject(failed);
    failing = false;
    const calls = fileSystem.calls.length;
    await expect(log.append(events.slice(6, 9))).rejects.toMatchObject(failed);
    expect(fileSystem.calls).toHaveLength(calls);
    expect(await readIds(log)).toHaveLength(3);
    await log.close();
    // The bytes reached the disk after all; nobody was told so, and nothing contradicts it.
    const reader = await openSegmentLogReader({ directory });
    expect(await readIds(reader)).toHaveLength(3);
    await reader.close();
    const again = await openSegmentLog({ directory, clock, segmentBytes });
    expect(again.recovery).toMatchObject({ eventsAfterHead: 3, tornTail: undefined });
    await again.close();
  });
});

describe('segment log: a disk that is slow', () => {
  it('never holds up the thread for a frame, however lone', async () => {
    const directory = await temporaryFolder();
    const fileSystem = faultyFileSystem(({ operation, path }) => {
      if (operation === 'write' && path.endsWith('.segment')) spend(1);
      return undefined;
    });
    const log = await openSegmentLog({ directory, clock, segmentBytes, fileSystem });
    for (const append of appends) await log.append(append);
    await log.close();
    const frames = fileSystem.calls.filter(
      (call) => call.operation === 'write' && call.path.endsWith('.segment'),
    );
    expect(frames.length).toBeGreaterThanOrEqual(appends.length);
    expect(frames.filter((call) => call.inPlace)).toEqual([]);
  });
});

/** Keeps the thread busy: the disk is slow by at least this much, whatever else the machine does. */
function spend(millis: number): void {
  const start = performance.now();
  while (performance.now() - start < millis) continue;
}

const diskBytes = 2 * 1024 * 1024;

describeWith(smallDisks, 'segment log: a disk that is full', () => {
  it('refuses appends while there is no room, keeps everything readable, and goes on by itself with room again', async () => {
    const disk = mountSmallDisk(diskBytes);
    if (disk === undefined) throw new Error('this user may not mount a tmpfs; run the tests as root');
    try {
      const directory = join(disk.folder, 'log');
      const filler = join(disk.folder, 'filler');
      await writeFile(filler, Buffer.alloc(diskBytes / 2));
      const log = await openSegmentLog({ directory, clock, segmentBytes: 64 * 1024 });
      const batches = Array.from({ length: 400 }, (_, index) => samplePredictions(50, index + 1));
      const acknowledged: string[] = [];
      let refused = 0;
      for (const batch of batches) {
        try {
          await log.append(batch);
          acknowledged.push(...batch.map((event) => event.id));
        } catch (error) {
          expect(error).toMatchObject({
            code: 'LOG_DISK_FULL',
            status: 503,
            message: expect.stringContaining(`needed in ${directory}`),
          });
          refused += 1;
          expect(await readIds(log)).toEqual(acknowledged);
          if (refused === 3) break;
        }
      }
      expect(refused).toBe(3);
      expect((await verifyLog({ directory, deep: true })).damage).toBeUndefined();
      await rm(filler);
      for (const batch of batches.slice(0, 50)) {
        await log.append(batch);
        acknowledged.push(...batch.map((event) => event.id));
      }
      await log.close();
      const again = await openSegmentLog({ directory, clock, segmentBytes: 64 * 1024 });
      expect(again.recovery).toEqual({ eventsAfterHead: 0, tornTail: undefined, headDamaged: false });
      expect(await readIds(again)).toEqual(acknowledged);
      await again.close();
      expect((await verifyLog({ directory, deep: true })).damage).toBeUndefined();
    } finally {
      disk.unmount();
    }
  });

  it('says so when there is no room to begin with', async () => {
    const disk = mountSmallDisk(256 * 1024);
    if (disk === undefined) throw new Error('this user may not mount a tmpfs; run the tests as root');
    try {
      const directory = join(disk.folder, 'log');
      await expect(openSegmentLog({ directory, clock })).rejects.toMatchObject({ code: 'LOG_DISK_FULL' });
      const log = await openSegmentLog({ directory, clock, segmentBytes: 64 * 1024 });
      await log.append(events);
      await log.close();
    } finally {
      disk.unmount();
    }
  });
});
