import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openKurrentLog } from '../../src/services/event-log/kurrent-log/kurrent-log.js';
import { systemClock } from '../../src/services/platform/clock.js';
import { limits } from '../../src/services/platform/limits.js';
import {
  everyEvent,
  idsOf,
  kurrentLogs,
  readIdleMsMax,
  registration,
  tailed,
} from '../support/kurrent-logs.js';
import { root } from '../support/run-command.js';
import { samplePredictions } from '../support/sample-events.js';

/** The ten things that the client or the server do and nobody expects; each must not reach the log's users. */
describe('KurrentDB log: the traps of its client', () => {
  const { server: startServer, log: openLog } = kurrentLogs();

  it('1: keeps the appends of one connection apart from the errors of another in the same process', async () => {
    const [mine, theirs] = [await startServer(), await startServer()];
    const [log, other] = [await openLog(mine), await openLog(theirs)];
    await log.append([registration()]);
    await other.append([registration()]);
    let release = (): void => {};
    mine.faults.appendsHeld = new Promise((resolve) => (release = resolve));
    const waiting = log.append(samplePredictions(3));
    theirs.faults.unavailable = true;
    await expect(other.append(samplePredictions(1))).rejects.toMatchObject({ code: 'LOG_UNAVAILABLE' });
    release();
    await waiting;
    expect(await everyEvent(log)).toHaveLength(4);
    const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      dependencies: Record<string, string>;
    };
    expect(dependencies['@kurrent/kurrentdb-client']).toMatch(/^1\.(?:[3-9]|\d\d)\.\d+$/);
  });

  it.each([
    ['2', 'throwOnAppendFailure=false', 'throwonappendfailure=false'],
    ['8', 'tlsVerifyCert=false', 'tlsCaFile'],
    ['as well', 'nodePreference=follower', 'acknowledged'],
  ])('%s: refuses a connection string with %s, and says what to set', async (_trap, setting, said) => {
    const connectionString = `kurrentdb://admin:secret@127.0.0.1:2113?tls=true&${setting}`;
    const opened = openKurrentLog({ connectionString, clock: systemClock });
    await expect(opened).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining(said),
    });
    await expect(opened).rejects.not.toMatchObject({ message: expect.stringContaining('secret') });
  });

  it('3: takes the plain gRPC error of a server that is down for what it is', async () => {
    const server = await startServer();
    const log = await openLog(server);
    server.goAway();
    await expect(log.append([registration()])).rejects.toMatchObject({
      code: 'LOG_UNAVAILABLE',
      status: 503,
    });
    await expect(log.head()).rejects.toMatchObject({ code: 'LOG_UNAVAILABLE' });
    await expect(everyEvent(log)).rejects.toMatchObject({ code: 'LOG_UNAVAILABLE' });
    // What a command says that begins with a read: which cluster, and no password.
    const connectionString = `kurrentdb://admin:secret@127.0.0.1:${server.port}?tls=false`;
    const reading = (await openLog(server, { connectionString })).head();
    await expect(reading).rejects.toMatchObject({
      code: 'LOG_UNAVAILABLE',
      message: expect.stringContaining(`no answer from 127.0.0.1:${server.port} `),
    });
    await expect(reading).rejects.not.toMatchObject({ message: expect.stringContaining('secret') });
  });

  it('4: appends in batches with credentials too, which stand in the connection string', async () => {
    const server = await startServer();
    const connectionString = `kurrentdb://admin:changeit@127.0.0.1:${server.port}?tls=false`;
    const log = await openLog(server, { connectionString });
    await log.append([registration()]);
    await log.append(samplePredictions(5));
    expect(server.counts).toEqual({ appends: 0, batchAppends: 2 });
  });

  it('5: goes on with a tail by itself after it broke, each event once, from where it was', async () => {
    const server = await startServer();
    const log = await openLog(server);
    const events = samplePredictions(200);
    await log.append([registration()]);
    await log.append(events.slice(0, 50));
    let appended = 50;
    const seen = await tailed(log, {
      count: 201,
      each: async () => {
        if (appended >= 200) return;
        // What is subscribed now breaks in the middle of what comes, and what is begun then once more.
        server.faults.readsBroken = { count: 2, afterEvents: 13 };
        await log.append(events.slice(appended, appended + 50));
        appended += 50;
      },
    });
    expect(idsOf(seen)).toEqual(idsOf([registration(), ...events]));
  });

  it('6: keeps its own place, not the checkpoints of the server, which run ahead', async () => {
    const server = await startServer();
    const log = await openLog(server);
    await log.append([registration()]);
    const events = samplePredictions(40);
    server.faults.checkpointsAhead = true;
    let appended = 0;
    const seen = await tailed(log, {
      count: 41,
      each: async () => {
        if (appended >= 40) return;
        server.goAway();
        await server.comeBack();
        await appendUntilThere(log, events.slice(appended, appended + 10));
        appended += 10;
      },
    });
    expect(idsOf(seen)).toEqual(idsOf([registration(), ...events]));
  });

  it('7: lets a slow consumer finish before the next batch, and slows the sender meanwhile', async () => {
    const server = await startServer();
    const log = await openLog(server);
    await log.append([registration()]);
    const events = samplePredictions(2_500);
    const stop = new AbortController();
    const seen: string[] = [];
    let working = 0;
    for await (const batch of log.tail({ fromPosition: 0, signal: stop.signal })) {
      working += 1;
      expect(working).toBe(1);
      expect(batch.length).toBeLessThanOrEqual(limits.clusterBufferRecordsMax);
      seen.push(...idsOf(batch));
      if (seen.length === 2) {
        const before = server.reads.sent;
        for (let at = 1; at < events.length; at += 400) await log.append(events.slice(at, at + 400));
        for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
        expect(server.reads.sent - before).toBeLessThan(2_000);
      }
      if (seen.length === 1) await log.append(events.slice(0, 1));
      if (seen.length === events.length + 1) stop.abort();
      working -= 1;
    }
    expect(seen).toEqual(idsOf([registration(), ...events]));
  });

  it('9: gives up a read in which nothing comes, and the same reader reads on later', async () => {
    const server = await startServer();
    const log = await openLog(server);
    await log.append([registration(), ...samplePredictions(3)]);
    const end = (await log.head()).nextPosition;
    server.faults.readsStalled = true;
    const reading = everyEvent(log, { untilPosition: end });
    const outcome = expect(reading).rejects.toMatchObject({ code: 'LOG_UNAVAILABLE' });
    let over = false;
    void outcome.finally(() => (over = true));
    for (; !over; await new Promise((resolve) => setImmediate(resolve))) log.timers.fire(readIdleMsMax);
    await outcome;
    server.faults.readsStalled = false;
    log.timers.fire(readIdleMsMax);
    expect(await everyEvent(log, { untilPosition: end })).toHaveLength(4);
  });

  it('10: gives out once what the cluster holds twice or sends twice, also to one who starts in between', async () => {
    const server = await startServer();
    const log = await openLog(server);
    await log.append([registration()]);
    const events = samplePredictions(60);
    server.faults.appendsStoredTwice = 3;
    for (let at = 0; at < 60; at += 20) await log.append(events.slice(at, at + 20));
    expect(server.store.all).toHaveLength(121);
    server.faults.eventsSentTwice = true;
    const whole = await everyEvent(log);
    expect(idsOf(whole)).toEqual(idsOf([registration(), ...events]));
    expect(idsOf(await tailed(log, { count: 61 }))).toEqual(idsOf(whole));
    for (const from of [1, 15, 21, 40, 60]) {
      const fromPosition = (whole[from]?.position ?? 0) + 1;
      expect(idsOf(await everyEvent(log, { fromPosition }))).toEqual(idsOf(whole.slice(from + 1)));
    }
    const range = { occurredFrom: 0, occurredUntil: Number.MAX_SAFE_INTEGER };
    expect(idsOf(await everyEvent(log, { ...range, types: ['PredictionServed'] }))).toEqual(idsOf(events));
  });
});

/** The server is listening again; the log finds out by itself. */
async function appendUntilThere(
  log: { append: (events: ReturnType<typeof samplePredictions>) => Promise<unknown> },
  events: ReturnType<typeof samplePredictions>,
): Promise<void> {
  for (;;) {
    try {
      await log.append(events);
      return;
    } catch (error) {
      expect(error).toMatchObject({ code: 'LOG_UNAVAILABLE' });
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}
