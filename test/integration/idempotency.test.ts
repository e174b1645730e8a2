import { afterEach, describe, expect, it } from 'vitest';
import type { StoredEvent } from '../../src/schemas/events.js';
import type { EventLog } from '../../src/services/event-log/event-log.js';
import { openSegmentLog } from '../../src/services/event-log/segment-log/segment-log.js';
import { errors } from '../../src/services/platform/errors.js';
import { limits } from '../../src/services/platform/limits.js';
import { flightInputs, flightsApp } from '../support/flights-app.js';
import type { FlightsApp } from '../support/flights-app.js';
import { handTimers } from '../support/hand-timers.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const open: FlightsApp[] = [];

afterEach(async () => {
  for (const { app, models } of open.splice(0)) {
    await app.close();
    await models.close();
  }
});

async function opened(options: Parameters<typeof flightsApp>[0] = {}): Promise<FlightsApp> {
  const made = await flightsApp(options);
  open.push(made);
  return made;
}

async function restarted(before: FlightsApp): Promise<FlightsApp> {
  const made = await before.again();
  open.push(made);
  return made;
}

async function eventsOf(log: EventLog): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  for await (const batch of log.read()) events.push(...batch);
  return events;
}

const served = async (log: EventLog): Promise<number> =>
  (await eventsOf(log)).filter((event) => event.type === 'PredictionServed').length;

const one = { inputs: flightInputs };
const other = { inputs: { ...flightInputs, distance: 700 } };
/** No row at all, a row that breaks the contract, and two that are served. */
const mixed = {
  rows: [
    'no row',
    { inputs: flightInputs, key: 'a' },
    { inputs: { ...flightInputs, distance: 'far' } },
    { inputs: { ...flightInputs, carrier: 'ZZ' } },
  ],
};

const post = (
  { app }: FlightsApp,
  payload: object,
  headers: { readonly [name: string]: string | string[] } = { 'idempotency-key': 'k-1' },
) =>
  app.inject({
    method: 'POST',
    url: '/v1/models/flights/predict',
    headers: { 'content-type': 'application/json', ...headers },
    payload,
  });

describe('Idempotency-Key on predict', () => {
  it('gives a repeated request the recorded answer, whole, and predicts once', async () => {
    const flights = await opened();
    const first = await post(flights, one);
    expect(first.statusCode).toBe(200);
    expect(first.headers['idempotent-replayed']).toBeUndefined();
    const second = await post(flights, one);
    expect(second.statusCode).toBe(200);
    expect(second.headers['idempotent-replayed']).toBe('true');
    expect(second.json()).toEqual(first.json());
    expect(await served(flights.log)).toBe(1);
    const metrics = await flights.app.inject('/metrics');
    expect(metrics.body).toContain('hindcast_requests_replayed_total{model="flights"} 1');
  });

  it('repeats a mixed batch with its refused rows, their places and reasons, also after a restart', async () => {
    const flights = await opened();
    const first = await post(flights, mixed);
    const body = first.json();
    expect(body.predictions.map((row: { row: number }) => row.row)).toEqual([1, 3]);
    expect(body.rejected.map((row: { row: number }) => row.row)).toEqual([0, 2]);
    const second = await post(flights, mixed);
    expect(second.json()).toEqual(body);
    const after = await post(await restarted(flights), mixed);
    expect(after.headers['idempotent-replayed']).toBe('true');
    expect(after.statusCode).toBe(200);
    expect(after.json()).toEqual(body);
    expect(await served(flights.log)).toBe(2);
  });

  it('stores the rows as the caller counts them, so that truth by request and row finds them', async () => {
    const flights = await opened();
    await post(flights, { ...mixed, requestId: 'r-1' }, {});
    const events = await eventsOf(flights.log);
    const rows = events.flatMap((event) => (event.type === 'PredictionServed' ? [event.data.row] : []));
    expect(rows).toEqual([1, 3]);
    const truth = await flights.app.inject({
      method: 'POST',
      url: '/v1/outcomes',
      payload: { requestId: 'r-1', row: 3, truth: 1 },
    });
    expect(truth.json().outcomes[0].matched).toBe(true);
  });

  it('answers 409 when the body is another one, be it by a space', async () => {
    const flights = await opened();
    await post(flights, one);
    for (const app of [flights, await restarted(flights)]) {
      const conflict = await post(app, other);
      expect(conflict.statusCode).toBe(409);
      expect(conflict.json().error.code).toBe('IDEMPOTENCY_KEY_REUSED');
      const spaced = await app.app.inject({
        method: 'POST',
        url: '/v1/models/flights/predict',
        headers: { 'content-type': 'application/json', 'idempotency-key': 'k-1' },
        payload: `${JSON.stringify(one)} `,
      });
      expect(spaced.statusCode).toBe(409);
    }
    expect(await served(flights.log)).toBe(1);
  });

  it('lets requests that come while the first is under way wait for it, and refuses another body at once', async () => {
    let release: () => void = () => undefined;
    let reach: () => void = () => undefined;
    const reached = new Promise<void>((resolve) => {
      reach = resolve;
    });
    const flights = await opened({
      appender: (log) => ({
        append: async (events) => {
          reach();
          await new Promise<void>((resolve) => {
            release = resolve;
          });
          return log.append(events);
        },
      }),
    });
    const first = post(flights, one);
    await reached;
    const second = post(flights, one);
    const conflict = await post(flights, other);
    expect(conflict.statusCode).toBe(409);
    release();
    const answers = await Promise.all([first, second]);
    expect(answers.map((answer) => answer.statusCode)).toEqual([200, 200]);
    expect(answers.map((answer) => answer.headers['idempotent-replayed'])).toEqual([undefined, 'true']);
    expect(answers[1].json()).toEqual(answers[0].json());
    expect(await served(flights.log)).toBe(1);
  });

  it('keeps nothing of a request that failed: all who waited share the error, and the next one is predicted', async () => {
    let busy = true;
    const flights = await opened({
      appender: (log) => ({
        append: async (events) => {
          if (busy) throw errors.LOG_BUSY({ queued: 1 });
          return log.append(events);
        },
      }),
    });
    const answers = await Promise.all([post(flights, one), post(flights, one)]);
    expect(answers.map((answer) => answer.statusCode)).toEqual([503, 503]);
    busy = false;
    const next = await post(flights, one);
    expect(next.statusCode).toBe(200);
    expect(next.headers['idempotent-replayed']).toBeUndefined();
  });

  it('looks in the log before it predicts again when a cluster did not say whether it took the first one', async () => {
    let lost = true;
    const flights = await opened({
      appender: (log) => ({
        append: async (events) => {
          const receipt = await log.append(events);
          // The cluster has it, and the answer to that never arrives.
          if (lost) throw errors.LOG_UNAVAILABLE({ problem: 'no answer in time' });
          return receipt;
        },
      }),
    });
    expect((await post(flights, mixed)).statusCode).toBe(503);
    lost = false;
    const repeated = await post(flights, mixed);
    expect(repeated.statusCode).toBe(200);
    expect(repeated.headers['idempotent-replayed']).toBe('true');
    expect((await post(flights, mixed)).json()).toEqual(repeated.json());
    expect(await served(flights.log)).toBe(2);
    const other = await post(flights, one, { 'idempotency-key': 'k-2' });
    expect((await post(flights, one, { 'idempotency-key': 'k-2' })).json()).toEqual(other.json());
  });

  it('waits until a buffered answer can be read, and gives the same with what was promised of it', async () => {
    const windowMs = 200;
    const durability = { mode: 'buffered', windowMs } as const;
    const timers = handTimers([windowMs]);
    const directory = await temporaryFolder();
    const flights = await opened({
      durability,
      openLog: async (clock) => await openSegmentLog({ directory, clock, durability, timers }),
    });
    const first = await post(flights, one);
    expect(first.json()).toMatchObject({ durability: 'buffered', bufferWindowMs: windowMs });
    const { nextPosition } = await flights.log.head();
    expect(Number(first.json().predictions[0].position)).toBe(nextPosition);
    const second = post(flights, one);
    timers.fire(windowMs);
    expect((await second).json()).toEqual(first.json());
    expect(await served(flights.log)).toBe(1);
    await flights.log.close();
  });

  it('keeps nothing of an answer without a served row: the caller may mend the body under the same key', async () => {
    const flights = await opened();
    const bad = await post(flights, { inputs: { ...flightInputs, distance: 'far' } });
    expect(bad.statusCode).toBe(422);
    const mended = await post(flights, one);
    expect(mended.statusCode).toBe(200);
    expect((await post(flights, one)).json()).toEqual(mended.json());
    await flights.rejections.settled();
    const rejected = (await eventsOf(flights.log)).filter((event) => event.type === 'PredictionRejected');
    expect(rejected).toHaveLength(1);
  });

  it('keeps keys of different access tokens apart', async () => {
    const tokens = ['token-of-the-first-one', 'token-of-the-other-one'];
    const flights = await opened({ tokens });
    const as = (token: string | undefined, payload: object) =>
      post(flights, payload, { 'idempotency-key': 'k-1', authorization: `Bearer ${token ?? ''}` });
    const first = await as(tokens[0], one);
    const second = await as(tokens[1], other);
    expect([first.statusCode, second.statusCode]).toEqual([200, 200]);
    expect((await as(tokens[0], one)).json()).toEqual(first.json());
    expect((await as(tokens[1], other)).json()).toEqual(second.json());
    expect(await served(flights.log)).toBe(2);
  });

  it('forgets a key after ten minutes by the clock, before and after a restart', async () => {
    const flights = await opened();
    const first = await post(flights, one);
    flights.clock.advance(limits.idempotencyKeptMs * 1_000 - 1);
    expect((await post(flights, one)).json()).toEqual(first.json());
    expect((await post(await restarted(flights), one)).json()).toEqual(first.json());
    flights.clock.advance(1);
    const again = await restarted(flights);
    const anew = await post(again, other);
    expect(anew.statusCode).toBe(200);
    expect(anew.headers['idempotent-replayed']).toBeUndefined();
    expect((await post(flights, other)).headers['idempotent-replayed']).toBeUndefined();
  });

  it('knows a key after a restart with the clock set back by an hour', async () => {
    const flights = await opened();
    const first = await post(flights, one);
    flights.clock.advance(-3_600_000_000);
    const again = await restarted(flights);
    expect((await post(again, one)).json()).toEqual(first.json());
    expect((await post(again, other)).statusCode).toBe(409);
    expect(await served(flights.log)).toBe(1);
  });

  it('stores neither key nor token, only digests of 16 bytes, and nothing without the header', async () => {
    const flights = await opened({ tokens: ['a-token-that-is-secret'] });
    const authorization = 'Bearer a-token-that-is-secret';
    await post(flights, one, { 'idempotency-key': 'the-key-itself', authorization });
    await post(flights, one, { authorization });
    const [keyed, plain] = (await eventsOf(flights.log)).slice(-2);
    const text = JSON.stringify(keyed);
    expect(text).not.toContain('a-token-that-is-secret');
    expect(text).not.toContain('the-key-itself');
    expect(keyed?.data).toHaveProperty('idempotencyDigest');
    expect(plain?.data).not.toHaveProperty('idempotencyDigest');
    expect(plain?.data).not.toHaveProperty('bodyDigest');
  });

  it.each([
    ['empty', ''],
    ['too long', 'k'.repeat(limits.idempotencyKeyCharactersMax + 1)],
    ['with a space', 'a b'],
    ['outside ASCII', 'clé'],
  ])('refuses a key that is %s with IDEMPOTENCY_KEY_INVALID', async (_what, key) => {
    const flights = await opened();
    const response = await post(flights, one, { 'idempotency-key': key });
    expect(response.statusCode).toBe(400);
    expect(response.json().error.code).toBe('IDEMPOTENCY_KEY_INVALID');
    expect(response.json().error.message).toContain('1 to 255 visible ASCII');
    expect(await served(flights.log)).toBe(0);
  });

  it('says in OpenAPI what the header does and what the answer carries', async () => {
    const { app } = await opened();
    const document = (await app.inject('/docs/json')).json();
    const operation = document.paths['/v1/models/{model}/predict'].post;
    expect(operation.parameters).toContainEqual(
      expect.objectContaining({ in: 'header', name: 'Idempotency-Key', required: false }),
    );
    expect(operation.responses['200'].headers['Idempotent-Replayed']).toBeDefined();
    expect(operation.description).toContain('409');
  });
});
