import { describe, expect, it } from 'vitest';
import { CommitQueue } from '../../../src/services/event-log/commit-queue.js';
import { samplePredictions } from '../../support/sample-events.js';

describe('CommitQueue', () => {
  it('commits one frame at a time, and makes the next of all that arrived meanwhile', async () => {
    const frames: number[] = [];
    const releases: (() => void)[] = [];
    let running = 0;
    let next = 0;
    const queue = new CommitQueue(async (events) => {
      running += 1;
      expect(running).toBe(1);
      frames.push(events.length);
      const firstPosition = next;
      next += events.length;
      if (frames.length === 1) await new Promise<void>((release) => releases.push(release));
      running -= 1;
      return { firstPosition, recordedAt: 1 };
    });
    const [first, ...others] = samplePredictions(6);
    if (first === undefined) throw new Error('samples are needed');
    const answers = [queue.append([first])];
    while (releases.length === 0) await new Promise((resolve) => setImmediate(resolve));
    for (const event of others) answers.push(queue.append([event]));
    releases[0]?.();
    const receipts = await Promise.all(answers);
    expect(frames).toEqual([1, 5]);
    expect(receipts.map((receipt) => receipt.firstPosition)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('encodes the next frame while one is being written, when much waits, and keeps the order', async () => {
    const frames: string[][] = [];
    const releases: (() => void)[] = [];
    let next = 0;
    const queue = new CommitQueue(async (events) => {
      frames.push(events.map((event) => event.id));
      const firstPosition = next;
      next += events.length;
      await new Promise<void>((release) => releases.push(release));
      return { firstPosition, recordedAt: 1 };
    });
    const events = samplePredictions(400);
    const parts = Array.from({ length: 4 }, (_, index) => events.slice(index * 100, index * 100 + 100));
    const answers = parts.map((part) => queue.append(part));
    let released = 0;
    while (released < 4) {
      await new Promise((resolve) => setImmediate(resolve));
      if (releases.length > released) {
        releases[released]?.();
        released += 1;
        if (frames.flat().length === 400 && released === frames.length) break;
      }
    }
    const receipts = await Promise.all(answers);
    expect(frames.length).toBeGreaterThan(1);
    expect(frames.flat()).toEqual(events.map((event) => event.id));
    expect(receipts.map((receipt) => receipt.firstPosition)).toEqual([0, 100, 200, 300]);
  });

  it('says of a frame that it is lone only when nothing was before it and nothing waits', async () => {
    const lone: boolean[] = [];
    const queue = new CommitQueue(async (events, _payload, { isLone }) => {
      lone.push(isLone);
      return { firstPosition: events.length, recordedAt: 1 };
    });
    const [first, second, third] = samplePredictions(3);
    if (!first || !second || !third) throw new Error('samples are needed');
    await queue.append([first]);
    const both = Promise.all([queue.append([second]), queue.append([third])]);
    await both;
    expect(lone).toEqual([true, false]);
  });

  it('does not let a single caller wait for others of its turn, until others come', async () => {
    const frames: number[] = [];
    const queue = new CommitQueue(async (events) => {
      frames.push(events.length);
      return { firstPosition: 0, recordedAt: 1 };
    });
    const [event] = samplePredictions(1);
    if (!event) throw new Error('a sample is needed');
    for (let index = 0; index < 16; index += 1) {
      const answer = queue.append([event]);
      expect(frames).toHaveLength(index);
      await answer;
    }
    const lone = queue.append([event]);
    expect(frames).toHaveLength(17);
    await lone;
    // Two at a time: the first goes ahead once more, and from then on they share a frame.
    await Promise.all([queue.append([event]), queue.append([event])]);
    expect(frames.slice(17)).toEqual([1, 1]);
    await Promise.all([queue.append([event]), queue.append([event])]);
    expect(frames.slice(19)).toEqual([2]);
    await queue.close();
  });

  it('answers the others when one of those that share a commit cannot be encoded', async () => {
    let next = 0;
    const queue = new CommitQueue(async (events) => {
      next += events.length;
      return { firstPosition: next - events.length, recordedAt: 1 };
    });
    const [first, second, third] = samplePredictions(3);
    if (!first || !second || !third) throw new Error('samples are needed');
    const bad = { ...second, stream: 'lone \ud800' };
    const results = await Promise.allSettled([first, bad, third].map((event) => queue.append([event])));
    expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(results[1]).toMatchObject({ reason: { code: 'LOG_EVENT_INVALID' } });
    expect(next).toBe(2);
    await queue.close();
  });

  it('refuses everything, for good, once a commit failed, and acknowledges nothing of it', async () => {
    let commits = 0;
    const queue = new CommitQueue(async (events) => {
      commits += 1;
      if (commits === 2) throw new Error('EIO: the disk is gone');
      return { firstPosition: events.length - 1, recordedAt: 1 };
    });
    const [first, second, third, fourth] = samplePredictions(4);
    if (!first || !second || !third || !fourth) throw new Error('samples are needed');
    await queue.append([first]);
    const failed = { code: 'LOG_WRITE_FAILED', message: expect.stringContaining('EIO') };
    const results = await Promise.allSettled([queue.append([second]), queue.append([third])]);
    for (const result of results) expect(result).toMatchObject({ status: 'rejected', reason: failed });
    await expect(queue.append([fourth])).rejects.toMatchObject(failed);
    expect(commits).toBe(2);
    await queue.close();
  });
});
