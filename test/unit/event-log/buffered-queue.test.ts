import { describe, expect, it } from 'vitest';
import type { NewEvent, PredictionServed } from '../../../src/schemas/events.js';
import { BufferedQueue, type LostEvents } from '../../../src/services/event-log/buffered-queue.js';
import { manualClock } from '../../../src/services/platform/clock.js';
import { errors } from '../../../src/services/platform/errors.js';
import { limits } from '../../../src/services/platform/limits.js';
import { handTimers } from '../../support/hand-timers.js';
import { samplePredictions, sampleStartMicros } from '../../support/sample-events.js';

const windowMs = 200;
const retryMs = 1_000;

/** Predictions that say of themselves that they may be acknowledged first. */
function buffered(count: number, seed = 1): PredictionServed[] {
  return samplePredictions(count, seed).map((event) => ({
    ...event,
    data: { ...event.data, durability: 'buffered', bufferWindowMs: windowMs },
  }));
}

interface Frame {
  readonly events: readonly NewEvent[];
  readonly recordedAt: number;
}

/** A queue over a disk that the test holds back, and lets fail. */
function makeQueue() {
  const clock = manualClock(sampleStartMicros);
  const timers = handTimers([windowMs, retryMs]);
  const frames: Frame[] = [];
  const begun: Frame[] = [];
  const lost: LostEvents[] = [];
  let nextPosition = 100;
  let recordedAt = 0;
  let disk: Promise<void> = Promise.resolve();
  const queue = new BufferedQueue({
    commitFrame: async (events, _payload, at) => {
      begun.push({ events, recordedAt: at });
      await disk;
      frames.push({ events, recordedAt: at });
      nextPosition += events.length;
      recordedAt = at;
    },
    end: () => ({ nextPosition, recordedAt }),
    windowMs,
    clock,
    timers,
    onLost: (some) => lost.push(some),
  });
  return {
    queue,
    clock,
    timers,
    frames,
    begun,
    lost,
    /** The next commit waits until it is told how it ends. */
    holdDisk: () => {
      let end: { write: () => void; fail: (error: Error) => void } | undefined;
      disk = new Promise<void>((write, fail) => {
        end = { write, fail };
      });
      // The commit meets it; before one begins nobody does.
      disk.catch(() => undefined);
      return {
        write: () => end?.write(),
        fail: (error: Error) => end?.fail(error),
      };
    },
    freeDisk: () => {
      disk = Promise.resolve();
    },
  };
}

async function turns(count = 5): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** Whether a promise is settled by now. */
async function settled(promise: Promise<unknown>): Promise<boolean> {
  let isSettled = false;
  const settle = () => {
    isSettled = true;
  };
  promise.then(settle, settle);
  await turns();
  return isSettled;
}

describe('BufferedQueue', () => {
  it('acknowledges at once with the positions to come, and commits all of it as one frame when the window ends', async () => {
    const { queue, timers, frames } = makeQueue();
    const [a, b, c] = buffered(3);
    if (!a || !b || !c) throw new Error('samples are needed');
    expect(await queue.append([a])).toEqual({ firstPosition: 100, recordedAt: sampleStartMicros });
    expect((await queue.append([b, c])).firstPosition).toBe(101);
    await turns();
    expect(frames).toEqual([]);
    expect(queue.acknowledgedEvents).toBe(3);
    expect(timers.fire(windowMs)).toBe(1);
    await turns();
    expect(frames.map((frame) => frame.events)).toEqual([[a, b, c]]);
    expect(queue.acknowledgedEvents).toBe(0);
    await queue.close();
  });

  it('stores the recordedAt that it told, which is when the window began', async () => {
    const { queue, clock, timers, frames } = makeQueue();
    const [a, b] = buffered(2);
    if (!a || !b) throw new Error('samples are needed');
    const first = await queue.append([a]);
    clock.advance(150_000);
    const second = await queue.append([b]);
    expect(second.recordedAt).toBe(first.recordedAt);
    timers.fire(windowMs);
    await turns();
    expect(frames[0]?.recordedAt).toBe(sampleStartMicros);
    clock.set(0);
    expect((await queue.append(buffered(1, 4))).recordedAt).toBe(sampleStartMicros);
    await queue.close();
  });

  it('acknowledges nothing while a commit runs, so that no window ends behind a slow one', async () => {
    const { queue, timers, frames, begun, holdDisk, freeDisk } = makeQueue();
    await queue.append(buffered(1));
    const disk = holdDisk();
    timers.fire(windowMs);
    await turns();
    const during = queue.append(buffered(2, 2));
    expect(await settled(during)).toBe(false);
    expect(timers.fire(windowMs)).toBe(0);
    disk.write();
    freeDisk();
    expect((await during).firstPosition).toBe(101);
    expect(begun).toHaveLength(1);
    expect(timers.fire(windowMs)).toBe(1);
    await turns();
    expect(frames.map((frame) => frame.events.length)).toEqual([1, 2]);
    await queue.close();
  });

  it('answers what does not say that it is buffered when it is durable, and takes along what was', async () => {
    const { queue, frames, holdDisk } = makeQueue();
    const disk = holdDisk();
    await queue.append(buffered(2));
    const durable = queue.append(samplePredictions(1, 5));
    const mixed = queue.append([...buffered(1, 6), ...samplePredictions(1, 6)]);
    const behind = queue.append(buffered(1, 7));
    for (const answer of [durable, mixed, behind]) expect(await settled(answer)).toBe(false);
    disk.write();
    const positions = await Promise.all(
      [durable, mixed, behind].map(async (one) => (await one).firstPosition),
    );
    expect(positions).toEqual([102, 103, 105]);
    expect(frames.map((frame) => frame.events.length)).toEqual([6]);
    await queue.close();
  });

  it('commits before the window ends when enough is buffered', async () => {
    const { queue, begun } = makeQueue();
    const small = buffered(limits.bufferedEventsMax / 2).map((event) => ({ ...event, sensitive: {} }));
    await queue.append(small);
    await queue.append(small);
    expect(begun).toHaveLength(0);
    const over = queue.append(buffered(1));
    await turns();
    expect(begun.map((frame) => frame.events.length)).toEqual([limits.bufferedEventsMax]);
    expect((await over).firstPosition).toBe(100 + limits.bufferedEventsMax);
    const note = 'x'.repeat(4_096);
    const large = small.map((event) => ({ ...event, sensitive: { inputs: { note } } }));
    const more = queue.append(large);
    await turns();
    expect(begun.map((frame) => frame.events.length)).toEqual([limits.bufferedEventsMax, 1]);
    expect((await more).firstPosition).toBe(101 + limits.bufferedEventsMax);
    await queue.close();
    expect(begun).toHaveLength(3);
  });

  it('answers LOG_BUSY instead of holding more than the queue does', async () => {
    const { queue, holdDisk, timers } = makeQueue();
    const part = buffered(limits.bufferedEventsMax);
    await queue.append(part);
    const disk = holdDisk();
    timers.fire(windowMs);
    await turns();
    const held = Array.from({ length: limits.appendQueueEventsMax / part.length - 1 }, () =>
      queue.append(part),
    );
    await expect(queue.append(buffered(1))).rejects.toMatchObject({ code: 'LOG_BUSY' });
    disk.write();
    await Promise.all(held);
    await queue.close();
  });

  it('refuses at once, and alone, what cannot be encoded', async () => {
    const { queue, timers, frames } = makeQueue();
    const [sound, broken] = buffered(2);
    if (!sound || !broken) throw new Error('samples are needed');
    await queue.append([sound]);
    const lone = { ...broken, sensitive: { inputs: { text: '\uD800' } } };
    await expect(queue.append([lone])).rejects.toMatchObject({ code: 'LOG_EVENT_INVALID' });
    timers.fire(windowMs);
    await turns();
    expect(frames.map((frame) => frame.events)).toEqual([[sound]]);
    await queue.close();
  });

  it('refuses everything for good after a failed sync, and tells how many acknowledged events are lost', async () => {
    const { queue, timers, lost, holdDisk } = makeQueue();
    await queue.append(buffered(3));
    const disk = holdDisk();
    timers.fire(windowMs);
    await turns();
    const waiting = queue.append(buffered(2, 2));
    const durable = queue.append(samplePredictions(1));
    disk.fail(new Error('EIO: the disk is gone'));
    const failed = { code: 'LOG_WRITE_FAILED', message: expect.stringContaining('EIO') };
    await expect(waiting).rejects.toMatchObject(failed);
    await expect(durable).rejects.toMatchObject(failed);
    expect(lost).toMatchObject([{ events: 3, error: failed }]);
    await expect(queue.append(buffered(1))).rejects.toMatchObject(failed);
    expect(queue.acknowledgedEvents).toBe(0);
    await expect(queue.close()).rejects.toMatchObject(failed);
    expect(lost).toHaveLength(1);
  });

  it('keeps what it acknowledged while the disk is full, refuses more, and goes on when there is room', async () => {
    const { queue, timers, lost, frames, holdDisk, freeDisk } = makeQueue();
    await queue.append(buffered(3));
    const durable = queue.append(samplePredictions(1));
    const disk = holdDisk();
    disk.fail(errors.LOG_DISK_FULL({ directory: 'log', bytes: 1 }));
    await expect(durable).rejects.toMatchObject({ code: 'LOG_DISK_FULL' });
    await expect(queue.append(buffered(1, 3))).rejects.toMatchObject({ code: 'LOG_DISK_FULL' });
    timers.fire(retryMs);
    await turns();
    expect(queue.acknowledgedEvents).toBe(3);
    freeDisk();
    expect(timers.fire(retryMs)).toBe(1);
    await turns();
    expect(frames.map((frame) => frame.events.length)).toEqual([3]);
    expect((await queue.append(buffered(1, 3))).firstPosition).toBe(103);
    expect(lost).toEqual([]);
    await queue.close();
  });

  it('makes everything durable before it is closed, and says so when it cannot', async () => {
    const { queue, frames, timers } = makeQueue();
    await queue.append(buffered(2));
    const late = queue.append(samplePredictions(1));
    await queue.close();
    expect((await late).firstPosition).toBe(102);
    expect(frames).toHaveLength(1);
    expect(timers.fire(windowMs)).toBe(0);
    await expect(queue.append(buffered(1))).rejects.toMatchObject({ code: 'LOG_CLOSED' });

    const full = makeQueue();
    await full.queue.append(buffered(2));
    full.holdDisk().fail(errors.LOG_DISK_FULL({ directory: 'log', bytes: 1 }));
    await expect(full.queue.close()).rejects.toMatchObject({ code: 'LOG_DISK_FULL' });
    expect(full.lost).toMatchObject([{ events: 2 }]);
  });
});
