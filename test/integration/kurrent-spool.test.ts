import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { KurrentLog } from '../../src/services/event-log/kurrent-log/kurrent-log.js';
import { openSpoolingLog } from '../../src/services/event-log/kurrent-log/spool/spooling-log.js';
import { manualClock } from '../../src/services/platform/clock.js';
import { endNowAndThen, type HandTimers } from '../support/hand-timers.js';
import {
  appendMsMax,
  everyEvent,
  idsOf,
  kurrentLogs,
  readIdleMsMax,
  registration,
} from '../support/kurrent-logs.js';
import { root } from '../support/run-command.js';
import { samplePredictions, sampleStartMicros, seededRandom } from '../support/sample-events.js';
import { temporaryFolder } from '../support/temporary-folder.js';

/** 40 in the long form. */
const killRounds = Number(process.env['HINDCAST_SPOOL_KILL_ROUNDS'] ?? 6);

describe('KurrentDB log: the spool', () => {
  const { server: startServer, log: openLog } = kurrentLogs();

  async function spooling(log: KurrentLog & { readonly timers: HandTimers }, directory?: string) {
    return await openSpoolingLog({
      log,
      directory: directory ?? join(await temporaryFolder(), 'spool'),
      clock: manualClock(sampleStartMicros),
      timers: log.timers,
      onError: (error) => expect(error).toMatchObject({ code: 'LOG_UNAVAILABLE' }),
    });
  }

  it('keeps events while the cluster is away, ships them in order when it is back, and then writes there again', async () => {
    const server = await startServer();
    const log = await openLog(server);
    const spool = await spooling(log);
    await spool.append([registration()]);
    const events = samplePredictions(120);
    const placed: (string | undefined)[] = [];
    let noMore = (): void => {};
    for (let at = 0; at < 120; at += 10) {
      if (at === 30) {
        server.goAway();
        noMore = endNowAndThen(log.timers, [appendMsMax, readIdleMsMax]);
      }
      if (at === 90) await server.comeBack();
      placed.push((await spool.append(events.slice(at, at + 10))).placed);
    }
    expect(placed.slice(0, 3)).toEqual(['at-or-before', 'at-or-before', 'at-or-before']);
    expect(placed.slice(3, 9)).toEqual(Array.from({ length: 6 }, () => 'spooled'));
    while (spool.waitingEvents > 0) await turn();
    noMore();
    expect(server.store.all.map((record) => record.id)).toEqual(idsOf([registration(), ...events]));
    expect((await spool.append(samplePredictions(1, 99))).placed).toBe('at-or-before');
    await spool.close();
  });

  it('stores nothing twice of which it was not known whether it had arrived', async () => {
    const server = await startServer();
    const log = await openLog(server);
    const spool = await spooling(log);
    await spool.append([registration()]);
    const events = samplePredictions(60);
    for (let at = 0; at < 60; at += 20) {
      server.store.remembersIds = at === 20;
      // Stored, and every attempt to find out fails: it has to go into the spool.
      server.faults.appendsStoredUnanswered = 1;
      server.faults.readsBroken = { count: 4, afterEvents: 0 };
      expect((await spool.append(events.slice(at, at + 20))).placed).toBe('spooled');
      while (spool.waitingEvents > 0) await turn();
    }
    expect(server.store.all.map((record) => record.id)).toEqual(idsOf([registration(), ...events]));
    expect(idsOf(await everyEvent(spool))).toEqual(idsOf([registration(), ...events]));
    await spool.close();
  });

  it('goes on shipping where it was when it is opened again, with the cluster away in between', async () => {
    const server = await startServer();
    const directory = join(await temporaryFolder(), 'spool');
    const firstLog = await openLog(server);
    const first = await spooling(firstLog, directory);
    await first.append([registration()]);
    server.goAway();
    const cutOff = endNowAndThen(firstLog.timers, [appendMsMax, readIdleMsMax]);
    const events = samplePredictions(2_000);
    for (let at = 0; at < 2_000; at += 100) await first.append(events.slice(at, at + 100));
    await first.close();
    cutOff();
    const second = await spooling(await openLog(server), directory);
    expect(second.waitingEvents).toBe(2_000);
    await expect(spooling(await openLog(server), directory)).rejects.toMatchObject({ code: 'LOG_IN_USE' });
    await server.comeBack();
    while (second.waitingEvents > 0) await turn();
    expect(idsOf(await everyEvent(second))).toEqual(idsOf([registration(), ...events]));
    await second.close();
  });

  it('refuses what answers an Idempotency-Key, whose answer could not be found again', async () => {
    const server = await startServer();
    const log = await openLog(server);
    const spool = await spooling(log);
    await spool.append([registration()]);
    server.goAway();
    const noMore = endNowAndThen(log.timers, [appendMsMax, readIdleMsMax]);
    const [event] = samplePredictions(1);
    if (event === undefined) throw new Error('a sample is needed');
    const keyed = {
      ...event,
      data: {
        ...event.data,
        idempotencyDigest: '00000000-0000-8000-8000-00000000000a',
        bodyDigest: '00000000-0000-8000-8000-00000000000b',
      },
    };
    await expect(spool.append([keyed])).rejects.toMatchObject({ code: 'LOG_UNAVAILABLE' });
    expect((await spool.append([event])).placed).toBe('spooled');
    noMore();
    await spool.close();
  });

  it(`loses nothing and stores nothing twice through ${killRounds} kills -9 (40 with HINDCAST_SPOOL_KILL_ROUNDS), counted`, async () => {
    const server = await startServer();
    const directory = join(await temporaryFolder(), 'spool');
    const random = seededRandom(7);
    const acknowledged: string[] = [];
    let next = 0;
    for (let round = 0; round < killRounds; round += 1) {
      const dieAfter = 20 + Math.floor(random() * 200);
      const awayAfter = Math.floor(random() * dieAfter);
      const killAfterShipping = random() < 0.5 ? Math.floor(random() * 300) : undefined;
      const child = spawnChild(server.connectionString, directory, next, 400);
      let seen = 0;
      for await (const line of createInterface({ input: child.stdout })) {
        if (line !== 'shipped') acknowledged.push(line);
        seen += 1;
        if (seen === awayAfter) server.goAway();
        if (seen === dieAfter && killAfterShipping === undefined) child.kill('SIGKILL');
        else if (seen === dieAfter) {
          await server.comeBack();
          const goal = server.store.all.length + (killAfterShipping ?? 0);
          const stop = server.store.onChange(() => {
            if (server.store.all.length >= goal) child.kill('SIGKILL');
          });
          child.once('close', stop);
        }
      }
      if (child.exitCode === null && child.signalCode === null) await once(child, 'close');
      await server.comeBack();
      next += 400;
    }
    const last = spawnChild(server.connectionString, directory, next, 0);
    for await (const line of createInterface({ input: last.stdout })) expect(line).toBe('shipped');
    const stored = server.store.all.map((record) => record.id);
    expect(new Set(stored).size).toBe(stored.length);
    expect(acknowledged.filter((id) => !stored.includes(id))).toEqual([]);
    const known = new Set(acknowledged);
    expect(stored.filter((id) => known.has(id))).toEqual(acknowledged);
    console.log(
      `spool: ${killRounds} kills, ${acknowledged.length} acknowledged, ${stored.length} stored (each once), 0 lost`,
    );
  });
});

function spawnChild(connectionString: string, directory: string, first: number, count: number) {
  return spawn(
    process.execPath,
    [
      join(root, 'test', 'support', 'spool-child.mjs'),
      connectionString,
      directory,
      String(first),
      String(count),
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
}
