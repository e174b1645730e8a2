import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { PredictionServed, StoredEvent } from '../../src/schemas/events.js';
import type { LostEvents } from '../../src/services/event-log/buffered-queue.js';
import type { LogReader } from '../../src/services/event-log/event-log.js';
import { openSegmentLogReader } from '../../src/services/event-log/segment-log/segment-log-reader.js';
import { openSegmentLog } from '../../src/services/event-log/segment-log/segment-log.js';
import { verifyLog } from '../../src/services/event-log/verify-log.js';
import { manualClock } from '../../src/services/platform/clock.js';
import { faultyFileSystem } from '../support/faulty-file-system.js';
import { handTimers } from '../support/hand-timers.js';
import { samplePredictions, sampleStartMicros, seededRandom } from '../support/sample-events.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const script = fileURLToPath(new URL('../support/log-child.mjs', import.meta.url));
const windowMs = 200;
const durability = { mode: 'buffered', windowMs } as const;
const killRounds = Number(process.env['HINDCAST_BUFFERED_KILL_ROUNDS'] ?? 5);

function buffered(count: number, seed = 1): PredictionServed[] {
  return samplePredictions(count, seed).map((event) => ({
    ...event,
    data: { ...event.data, durability: 'buffered', bufferWindowMs: windowMs },
  }));
}

async function read(reader: LogReader): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  for await (const batch of reader.read()) events.push(...batch);
  return events;
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

describe('segment log with buffered durability', () => {
  it('shows nothing to any reader before it is durable, and all of it after', async () => {
    const directory = await temporaryFolder();
    const timers = handTimers([windowMs]);
    const log = await openSegmentLog({
      directory,
      clock: manualClock(sampleStartMicros),
      durability,
      timers,
    });
    const other = await openSegmentLogReader({ directory });
    const seen: number[] = [];
    const stopped = new AbortController();
    const tailing = (async () => {
      for await (const batch of log.tail({ fromPosition: 0, signal: stopped.signal })) {
        seen.push(...batch.map((event) => event.position));
      }
    })();
    expect((await log.append(buffered(3))).firstPosition).toBe(0);
    expect((await log.append(buffered(2, 2))).firstPosition).toBe(3);
    await turns();
    for (const reader of [log, other]) {
      expect((await reader.head()).nextPosition).toBe(0);
      expect(await read(reader)).toEqual([]);
    }
    expect(seen).toEqual([]);
    expect(log.acknowledgedEvents()).toBe(5);
    timers.fire(windowMs);
    // What says that it is durable is answered when all before it is.
    expect((await log.append(samplePredictions(1, 3))).firstPosition).toBe(5);
    for (const reader of [log, other]) expect(await read(reader)).toHaveLength(6);
    while (seen.length < 6) await turns();
    stopped.abort();
    await tailing;
    const [first] = await read(other);
    expect(first?.type === 'PredictionServed' && first.data).toMatchObject({
      durability: 'buffered',
      bufferWindowMs: windowMs,
    });
    await other.close();
    await log.close();
  });

  it('writes what is buffered when it is closed', async () => {
    const directory = await temporaryFolder();
    const clock = manualClock(sampleStartMicros);
    const log = await openSegmentLog({ directory, clock, durability, timers: handTimers([windowMs]) });
    await log.append(buffered(7));
    await log.close();
    const reader = await openSegmentLogReader({ directory });
    expect(await read(reader)).toHaveLength(7);
    await reader.close();
    expect((await verifyLog({ directory, deep: true })).damage).toBeUndefined();
  });

  it('refuses for good after a failed write, counts what is lost, and opens again without it', async () => {
    const directory = await temporaryFolder();
    const clock = manualClock(sampleStartMicros);
    const timers = handTimers([windowMs]);
    const lost: LostEvents[] = [];
    let isBroken = false;
    const fileSystem = faultyFileSystem(({ operation, path }) =>
      isBroken && operation === 'write' && path.endsWith('.segment')
        ? { kind: 'fail', code: 'EIO', doneShare: 0.5 }
        : undefined,
    );
    const log = await openSegmentLog({
      directory,
      clock,
      durability,
      timers,
      fileSystem,
      onLost: (some) => lost.push(some),
    });
    await log.append(samplePredictions(2));
    await log.append(buffered(4));
    isBroken = true;
    const failed = { code: 'LOG_WRITE_FAILED', message: expect.stringContaining('EIO') };
    await expect(log.append(samplePredictions(1, 5))).rejects.toMatchObject(failed);
    expect(lost).toMatchObject([{ events: 4, error: failed }]);
    await expect(log.append(buffered(1))).rejects.toMatchObject(failed);
    await expect(log.close()).rejects.toMatchObject(failed);
    isBroken = false;
    const again = await openSegmentLog({ directory, clock, durability, timers });
    expect(await read(again)).toHaveLength(2);
    expect((await again.append(buffered(1, 9))).firstPosition).toBe(2);
    await again.close();
  });

  it('gives the positions again that a kill within the window took, to nobody’s surprise: none of them was seen', async () => {
    const directory = await temporaryFolder();
    const child = spawn(process.execPath, [script, 'buffered', directory, '10000'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(child, 'exit');
    let acknowledged = 0;
    let seen = 0;
    for await (const line of createInterface({ input: child.stdout })) {
      expect(Number(line.split(' ')[1])).toBe(acknowledged);
      acknowledged += 1;
      if (acknowledged % 20 === 0) {
        const reader = await openSegmentLogReader({ directory });
        seen += (await read(reader)).length;
        await reader.close();
      }
      if (acknowledged === 100) child.kill('SIGKILL');
    }
    await ended;
    expect(seen).toBe(0);
    const log = await openSegmentLog({ directory, clock: manualClock(sampleStartMicros), durability });
    expect(log.recovery.eventsAfterHead).toBe(0);
    expect((await log.append(buffered(1))).firstPosition).toBe(0);
    await log.close();
  });

  it(`loses to kill -9 only what is younger than the window, in ${killRounds} rounds of 50 (HINDCAST_BUFFERED_KILL_ROUNDS)`, async () => {
    const directory = await temporaryFolder();
    const random = seededRandom(17);
    const killWindowMs = 50;
    // What a busy machine may delay a timer by; far less than the second for which events are acknowledged before.
    const lateMsMax = 500;
    const sum = { acknowledged: 0, lost: 0, seenBeforeTheKill: 0 };
    let from = 0;
    for (let round = 0; round < killRounds; round += 1) {
      const child = spawn(process.execPath, [script, 'buffered', directory, String(killWindowMs)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const ended = once(child, 'exit');
      const acknowledged: { id: string; position: number; at: number }[] = [];
      const seen = new Set<string>();
      const stopped = new AbortController();
      let watching: Promise<void> | undefined;
      let killedAt = Infinity;
      const aliveMicros = (1_000 + random() * 500) * 1_000;
      for await (const line of createInterface({ input: child.stdout })) {
        const [id = '', position, at] = line.split(' ');
        acknowledged.push({ id, position: Number(position), at: Number(at) });
        watching ??= watch(directory, from, { seen, signal: stopped.signal });
        const first = acknowledged[0]?.at ?? 0;
        if (killedAt === Infinity && Number(at) - first > aliveMicros) {
          killedAt = Date.now() * 1_000;
          child.kill('SIGKILL');
        }
      }
      await ended;
      stopped.abort();
      await watching;
      const log = await openSegmentLog({ directory, clock: { nowMicros: () => Date.now() * 1_000 } });
      const stored = new Map<number, string>();
      for await (const batch of log.read({ fromPosition: from })) {
        for (const event of batch) stored.set(event.position, event.id);
      }
      const lost = acknowledged.filter(({ id, position }) => stored.get(position) !== id);
      for (const { at } of lost) expect(killedAt - at).toBeLessThan((killWindowMs + lateMsMax) * 1_000);
      // What is lost is the end of it, and nobody has seen it.
      expect(acknowledged.slice(acknowledged.length - lost.length)).toEqual(lost);
      const kept = new Set(stored.values());
      expect([...seen].filter((id) => !kept.has(id))).toEqual([]);
      sum.acknowledged += acknowledged.length;
      sum.lost += lost.length;
      sum.seenBeforeTheKill += seen.size;
      from = (await log.head()).nextPosition;
      await log.close();
    }
    expect((await verifyLog({ directory })).damage).toBeUndefined();
    expect(sum.seenBeforeTheKill).toBeGreaterThan(sum.acknowledged / 2);
    process.stdout.write(`buffered kill -9: ${JSON.stringify({ rounds: killRounds, ...sum })}\n`);
  });

  async function watch(
    directory: string,
    fromPosition: number,
    { seen, signal }: { seen: Set<string>; signal: AbortSignal },
  ): Promise<void> {
    const reader = await openSegmentLogReader({ directory });
    for await (const batch of reader.tail({ fromPosition, signal })) {
      for (const event of batch) seen.add(event.id);
    }
    await reader.close();
  }
});
