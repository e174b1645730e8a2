import { describe, expect, it } from 'vitest';
import { HindcastError } from '../../src/services/platform/errors.js';
import { limits } from '../../src/services/platform/limits.js';
import {
  appendMsMax,
  everyEvent,
  idsOf,
  readIdleMsMax,
  kurrentLogs,
  registration,
  tailed,
} from '../support/kurrent-logs.js';
import { endNowAndThen } from '../support/hand-timers.js';
import { RecordStore } from '../support/kurrent-test-server/record-store.js';
import {
  sampleOfEveryType,
  samplePredictions,
  sampleStartMicros,
  seededRandom,
} from '../support/sample-events.js';

/** 400 in the long form. */
const faultRounds = Number(process.env['HINDCAST_FAULT_ROUNDS'] ?? 80);

const unavailable = { code: 'LOG_UNAVAILABLE', status: 503, exitCode: 70 };

describe('KurrentDB log: a cluster that is away, slow, answers twice or changes its leader', () => {
  const { server: startServer, log: openLog } = kurrentLogs();

  it.each([true, false])(
    'stores an append once when the connection breaks after the commit (the server remembers ids: %s)',
    async (remembersIds) => {
      const server = await startServer();
      server.store.remembersIds = remembersIds;
      const log = await openLog(server);
      await log.append([registration()]);
      const events = samplePredictions(100);
      for (let at = 0; at < 100; at += 10) {
        server.faults.appendsStoredUnanswered = at % 30 === 0 ? 2 : 1;
        await log.append(events.slice(at, at + 10));
      }
      expect(server.store.all.map((record) => record.id)).toEqual(idsOf([registration(), ...events]));
      expect(idsOf(await everyEvent(log))).toEqual(idsOf([registration(), ...events]));
    },
  );

  it('finds an append that was stored and never answered, and acknowledges it', async () => {
    const server = await startServer();
    const log = await openLog(server);
    await log.append([registration()]);
    server.faults.appendsNeverAnswered = 1;
    const appending = log.append(samplePredictions(5));
    await log.timers.waits(appendMsMax);
    while (log.timers.fire(appendMsMax) === 0) await log.timers.waits(appendMsMax);
    const { firstPosition } = await appending;
    expect(server.store.all).toHaveLength(6);
    expect((await everyEvent(log)).at(-1)?.position).toBe(firstPosition);
  });

  it('acknowledges nothing before the cluster has answered', async () => {
    const server = await startServer();
    const log = await openLog(server);
    await log.append([registration()]);
    let release = (): void => {};
    server.faults.appendsHeld = new Promise((resolve) => (release = resolve));
    let acknowledged = 0;
    const appends = samplePredictions(20).map(async (event) => {
      await log.append([event]);
      acknowledged += 1;
    });
    for (let turn = 0; turn < 100; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(acknowledged).toBe(0);
    release();
    await Promise.all(appends);
    expect(server.store.all).toHaveLength(21);
  });

  it('follows a leader that changes, and everything acknowledged is stored once, in order', async () => {
    const store = new RecordStore(() => sampleStartMicros);
    const nodes = [await startServer({ store }), await startServer({ store })] as const;
    const log = await openLog(nodes[0]);
    await log.append([registration()]);
    const events = samplePredictions(60);
    for (const [index, event] of events.entries()) {
      if (index % 20 === 10) {
        const [old, next] = index % 40 === 10 ? nodes : [nodes[1], nodes[0]];
        next.faults.leader = undefined;
        old.faults.leader = { host: '127.0.0.1', port: next.port };
      }
      await log.append([event]);
    }
    expect(store.all.map((record) => record.id)).toEqual(idsOf([registration(), ...events]));
    expect(nodes.every((node) => node.counts.batchAppends > 0)).toBe(true);
  });

  it('refuses at once while the cluster is away, and takes events again by itself when it is back', async () => {
    const server = await startServer();
    const log = await openLog(server);
    await log.append([registration()]);
    const events = samplePredictions(400);
    const acknowledged: string[] = [];
    let refused = 0;
    const noMore = endNowAndThen(log.timers, [appendMsMax, readIdleMsMax]);
    for (const [index, event] of events.entries()) {
      if (index % 100 === 30) server.goAway();
      if (index % 100 === 60) await server.comeBack();
      try {
        await log.append([event]);
        acknowledged.push(event.id);
      } catch (error) {
        expect(error).toMatchObject(unavailable);
        refused += 1;
        // Refused without being sent; the cluster is asked in the background.
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    expect(refused).toBeGreaterThanOrEqual(4 * 30);
    await untilThere(async () => await log.append(samplePredictions(1, 99)));
    noMore();
    const stored = server.store.all.map((record) => record.id);
    expect(new Set(stored).size).toBe(stored.length);
    expect(acknowledged.filter((id) => !stored.includes(id))).toEqual([]);
    // What was cut off may be stored although it was refused; nothing else is.
    expect(stored.length).toBeLessThanOrEqual(events.length + 2);
  });

  it(`keeps what it promises through ${faultRounds} seeded faults (400 with HINDCAST_FAULT_ROUNDS), counted`, async () => {
    const random = seededRandom(2_024);
    const server = await startServer();
    const log = await openLog(server);
    await log.append([registration()]);
    const refused = new Set<number>();
    const noMore = endNowAndThen(log.timers, [appendMsMax, readIdleMsMax]);
    const events = samplePredictions(faultRounds * 3);
    for (let at = 0; at < events.length; at += 3) {
      const roll = random();
      if (roll < 0.2) server.faults.appendsStoredUnanswered = 1 + Math.floor(random() * 6);
      else if (roll < 0.4) server.faults.appendsRefused = 1 + Math.floor(random() * 6);
      else if (roll < 0.5) server.faults.appendsStoredTwice = 1;
      else if (roll < 0.6) server.faults.readsBroken = { count: 2, afterEvents: Math.floor(random() * 4) };
      else if (roll < 0.7) server.store.remembersIds = !server.store.remembersIds;
      // One who is refused tries again with the same events, as a caller with deterministic ids does.
      await untilThere(
        async () => await log.append(events.slice(at, at + 3)),
        () => refused.add(at),
      );
    }
    noMore();
    server.faults.readsBroken = { count: 0, afterEvents: 0 };
    const expected = idsOf([registration(), ...events]);
    expect(idsOf(await everyEvent(log))).toEqual(expected);
    expect(idsOf(await tailed(log, { count: expected.length }))).toEqual(expected);
    console.log(
      `KurrentDB faults: ${faultRounds} rolled, ${events.length} events acknowledged and read once, in order; ${refused.size} appends refused at first, ${server.store.all.length - expected.length} copies in the cluster passed over`,
    );
  });

  it('cuts a group commit under what a server takes at once, and no append in two', async () => {
    const server = await startServer();
    const log = await openLog(server);
    await log.append([registration()]);
    const large = samplePredictions(40).map((event) => ({
      ...event,
      sensitive: { inputs: { text: 'x'.repeat(120_000) } },
    }));
    await Promise.all(
      Array.from({ length: 20 }, (_, index) => log.append(large.slice(index * 2, index * 2 + 2))),
    );
    expect(idsOf(await everyEvent(log))).toEqual(idsOf([registration(), ...large]));
    expect(server.counts.batchAppends).toBeGreaterThan(5);
    expect(server.counts.batchAppends).toBeLessThan(12);
    await expect(log.append(large.slice(0, 9))).rejects.toMatchObject({
      code: 'LOG_BATCH_TOO_LARGE',
      message: expect.stringContaining(String(limits.clusterAppendBytesMax)),
    });
    expect(server.store.all).toHaveLength(41);
  });

  it('makes streams only for models that are registered, one a day for predictions and outcomes', async () => {
    const server = await startServer();
    const log = await openLog(server);
    await expect(log.append(samplePredictions(1))).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
    expect(server.store.streams.size).toBe(0);
    await log.append(sampleOfEveryType().filter((event) => event.type.startsWith('Model')));
    const [late, early] = samplePredictions(2);
    if (late === undefined || early === undefined) throw new Error('two samples are needed');
    await log.append([
      { ...early, occurredAt: sampleStartMicros - 1 },
      late,
      ...sampleOfEveryType()
        .filter((event) => !event.type.startsWith('Model') && event.type !== 'StateSnapshotted')
        .slice(1),
    ]);
    expect([...server.store.streams.keys()].toSorted()).toEqual([
      'outcome-flights.20260101',
      'prediction-flights.20251231',
      'prediction-flights.20260101',
      'registry-flights',
      'replay-1',
    ]);
    const again = await openLog(server);
    await again.append(samplePredictions(1, 77));
    expect(await everyEvent(again)).toHaveLength(10);
  });

  it('reads of a time range only the streams of its days, several at once, in the order of positions', async () => {
    const server = await startServer();
    const log = await openLog(server);
    await log.append([registration()]);
    const day = 86_400_000_000;
    const events = samplePredictions(300).map((event, index) => ({
      ...event,
      occurredAt: sampleStartMicros + ((index * 7) % 10) * day + index,
    }));
    for (let at = 0; at < 300; at += 30) await log.append(events.slice(at, at + 30));
    const range = { occurredFrom: sampleStartMicros + 2 * day, occurredUntil: sampleStartMicros + 5 * day };
    const all = await everyEvent(log);
    server.reads.streams.length = 0;
    const found = await everyEvent(log, { ...range, types: ['PredictionServed'], model: 'flights' });
    expect(found).toEqual(
      all.filter(
        (event) =>
          event.type === 'PredictionServed' &&
          event.occurredAt >= range.occurredFrom &&
          event.occurredAt < range.occurredUntil,
      ),
    );
    expect(server.reads.streams.filter((name) => name !== '$all').toSorted()).toEqual(
      ['03', '04', '05'].map((date) => `prediction-flights.202601${date}`),
    );
    // $all is asked once, for where the log ends.
    expect(server.reads.streams.filter((name) => name === '$all')).toHaveLength(1);
    expect(await everyEvent(log, { ...range, types: ['PredictionServed', 'OutcomeObserved'] })).toEqual(
      found,
    );
  });

  it('passes over what others keep in the cluster, and works with a server that takes no batches', async () => {
    const server = await startServer({ batchAppend: false });
    const log = await openLog(server);
    const foreign = { type: 'Registered', contentType: 'application/json', customMetadata: new Uint8Array() };
    const data = Buffer.from('{"who":"somebody"}');
    await log.append([registration()]);
    for (const [index, event] of samplePredictions(10).entries()) {
      const id = `00000000-0000-4000-8000-00000000000${index}`;
      server.store.append('registry-of-somebody-else', 'any', [{ ...foreign, id, data }]);
      server.store.append('orders-1', 'any', [{ ...foreign, id, data }]);
      await log.append([event]);
    }
    expect(await everyEvent(log)).toHaveLength(11);
    expect(await tailed(log, { count: 11 })).toHaveLength(11);
    expect(server.counts).toEqual({ appends: 11, batchAppends: 0 });
  });

  it('says at once that access is refused, and what user is needed', async () => {
    const server = await startServer();
    const log = await openLog(server);
    await log.append([registration()]);
    server.faults.denied = true;
    const refused = { code: 'LOG_ACCESS_DENIED', action: expect.stringContaining('$all') };
    await expect(log.append(samplePredictions(1))).rejects.toMatchObject(refused);
    await expect(log.head()).rejects.toMatchObject(refused);
    await expect(everyEvent(log)).rejects.toMatchObject(refused);
    await expect(tailed(log, { count: 1 })).rejects.toMatchObject(refused);
  });

  it('says that a position is no event’s, instead of reading from somewhere else', async () => {
    const server = await startServer();
    const log = await openLog(server);
    await log.append([registration(), ...samplePredictions(3)]);
    const end = (await log.head()).nextPosition;
    await expect(everyEvent(log, { fromPosition: end - 20 })).rejects.toMatchObject({
      code: 'LOG_POSITION_UNKNOWN',
    });
  });
});

/** Tries until the log has found out that the cluster is back. */
async function untilThere(work: () => Promise<unknown>, onRefusal: () => void = () => {}): Promise<void> {
  for (;;) {
    try {
      await work();
      return;
    } catch (error) {
      if (!(error instanceof HindcastError && error.code === 'LOG_UNAVAILABLE')) throw error;
      onRefusal();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}
