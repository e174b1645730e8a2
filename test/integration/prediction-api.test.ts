import { afterEach, describe, expect, it } from 'vitest';
import type { StoredEvent } from '../../src/schemas/events.js';
import type { EventLog } from '../../src/services/event-log/event-log.js';
import { errors } from '../../src/services/platform/errors.js';
import { limits } from '../../src/services/platform/limits.js';
import { flightInputs, flightsApp, noon } from '../support/flights-app.js';
import type { FlightsApp } from '../support/flights-app.js';

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

async function eventsOf(log: EventLog): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  for await (const batch of log.read()) events.push(...batch);
  return events;
}

const predict = (app: FlightsApp['app'], payload: string | object, model = 'flights') =>
  app.inject({
    method: 'POST',
    url: `/v1/models/${model}/predict`,
    headers: { 'content-type': 'application/json' },
    payload,
  });

describe('POST /v1/models/{model}/predict', () => {
  it('answers one row with prediction id, outputs, version and position, and the log holds the same', async () => {
    const { app, log } = await opened();
    const response = await predict(app, { key: 'UA1', inputs: { ...flightInputs, tailnum: 'N14228' } });
    expect(response.statusCode).toBe(200);
    const body = response.json();
    expect(body).toMatchObject({ model: 'flights', version: 'v1' });
    const [prediction] = body.predictions;
    expect(prediction.position).toBe('2');
    expect(prediction.outputs.label).toBeTypeOf('number');
    expect(prediction.outputs.score).toBeGreaterThan(0);
    expect(prediction.outputs.score).toBeLessThan(1);
    const event = (await eventsOf(log)).at(-1);
    expect(event).toMatchObject({
      type: 'PredictionServed',
      id: prediction.predictionId,
      position: 2,
      occurredAt: noon,
      data: {
        key: 'UA1',
        outputs: prediction.outputs,
        durability: 'durable',
        provenance: { kind: 'served' },
      },
      sensitive: { inputs: { ...flightInputs, tailnum: 'N14228' } },
    });
  });

  it('does not answer before the event is durable', async () => {
    const order: string[] = [];
    let release: () => void = () => undefined;
    const { app } = await opened({
      appender: (log) => ({
        append: async (events) => {
          await new Promise<void>((resolve) => {
            release = resolve;
            order.push('append called');
          });
          const receipt = await log.append(events);
          order.push('durable');
          return receipt;
        },
      }),
    });
    const answer = predict(app, { inputs: flightInputs }).then((response) => {
      order.push('answered');
      return response;
    });
    while (order.length === 0) await new Promise<void>((resolve) => setImmediate(resolve));
    release();
    expect((await answer).statusCode).toBe(200);
    expect(order).toEqual(['append called', 'durable', 'answered']);
  });

  it('answers many rows in their order, each with its own position', async () => {
    const { app } = await opened();
    const rows = Array.from({ length: 100 }, (_, index) => ({
      inputs: { ...flightInputs, distance: 100 + index },
    }));
    const body = (await predict(app, { requestId: 'req-1', rows })).json();
    expect(body.requestId).toBe('req-1');
    expect(body.predictions.map((prediction: { row: number }) => prediction.row)).toEqual(
      rows.map((_, index) => index),
    );
    expect(
      new Set(body.predictions.map((prediction: { position: string }) => prediction.position)).size,
    ).toBe(100);
    expect(body.rejected).toBeUndefined();
  });

  it('refuses one bad row among a hundred with its index and reason, and serves the others', async () => {
    const { app, log, rejections } = await opened();
    const rows = Array.from({ length: 100 }, (_, index) => ({
      inputs: index === 42 ? { ...flightInputs, distance: 'far' } : flightInputs,
    }));
    const response = await predict(app, { rows });
    expect(response.statusCode).toBe(200);
    const body = response.json();
    expect(body.predictions).toHaveLength(99);
    expect(body.rejected).toHaveLength(1);
    expect(body.rejected[0]).toMatchObject({ row: 42, error: { code: 'ROW_INVALID' } });
    expect(body.rejected[0].error.message).toContain('distance');
    expect(body.rejected[0].error.message).toContain('far');
    await rejections.settled();
    const events = await eventsOf(log);
    expect(events.filter((event) => event.type === 'PredictionServed')).toHaveLength(99);
    expect(events.filter((event) => event.type === 'PredictionRejected')).toMatchObject([
      { data: { row: 42 } },
    ]);
  });

  it('refuses a row that is no row, by its index, and serves the others', async () => {
    const { app } = await opened();
    const body = (
      await predict(app, { rows: [{ inputs: flightInputs }, 7, { inputs: flightInputs, colour: 'red' }] })
    ).json();
    expect(body.predictions.map((prediction: { row: number }) => prediction.row)).toEqual([0]);
    expect(body.rejected.map((row: { row: number }) => row.row)).toEqual([1, 2]);
  });

  it.each([
    ['malformed JSON', '{"inputs": {', 400, 'REQUEST_INVALID', 'not JSON'],
    ['a body that is no object', '[1]', 400, 'REQUEST_INVALID', ''],
    ['a body without inputs', '{"input": {}}', 400, 'REQUEST_INVALID', 'inputs'],
    ['inputs that are a list', '{"inputs": []}', 400, 'REQUEST_INVALID', 'inputs'],
    [
      'an unknown field beside inputs',
      JSON.stringify({ inputs: flightInputs, extra: 1 }),
      400,
      'REQUEST_INVALID',
      'extra',
    ],
    ['an empty batch', '{"rows": []}', 400, 'BATCH_EMPTY', 'no row'],
    [
      'a wrong type',
      JSON.stringify({ inputs: { ...flightInputs, distance: 'far' } }),
      422,
      'ROWS_REJECTED',
      'distance',
    ],
    [
      'a missing required feature',
      JSON.stringify({ inputs: { ...flightInputs, carrier: undefined } }),
      422,
      'ROWS_REJECTED',
      'carrier',
    ],
    [
      'a number that float32 would make infinite',
      JSON.stringify({ inputs: { ...flightInputs, distance: 1e300 } }),
      422,
      'ROWS_REJECTED',
      'distance',
    ],
    [
      'an integer that float32 would round',
      JSON.stringify({ inputs: { ...flightInputs, distance: 16_777_217 } }),
      422,
      'ROWS_REJECTED',
      '16777217',
    ],
    ['a lone surrogate', '{"inputs": {"carrier": "\\ud800"}}', 422, 'ROWS_REJECTED', 'carrier'],
    [
      'too many rows',
      JSON.stringify({ rows: Array.from({ length: limits.rowsPerRequestMax + 1 }, () => ({ inputs: {} })) }),
      413,
      'BATCH_TOO_LARGE',
      '4097',
    ],
    [
      'a body that is too large',
      `{"inputs": {"carrier": "${'x'.repeat(limits.bodyBytesMax)}"}}`,
      413,
      'REQUEST_TOO_LARGE',
      'bytes',
    ],
  ])(
    'answers %s with a catalogue error that says what was wrong and what to do, and stores no prediction',
    async (_what, payload, status, code, mentions) => {
      const { app, log } = await opened();
      const response = await predict(app, payload);
      const body = response.json();
      expect(body.error.code).toBe(code);
      expect(response.statusCode).toBe(status);
      expect(body.error.message).toContain(mentions);
      expect(body.error.action.length).toBeGreaterThan(10);
      expect((await eventsOf(log)).filter((event) => event.type === 'PredictionServed')).toEqual([]);
    },
  );

  it('names the models that are known when asked for another', async () => {
    const { app } = await opened();
    const response = await predict(app, { inputs: flightInputs }, 'trains');
    expect(response.statusCode).toBe(404);
    expect(response.json().error).toMatchObject({
      code: 'MODEL_NOT_FOUND',
      message: expect.stringContaining('flights'),
    });
  });

  it('says that a model has no version that serves', async () => {
    const { app } = await opened({ promote: false });
    const response = await predict(app, { inputs: flightInputs });
    expect(response.statusCode).toBe(409);
    expect(response.json().error.code).toBe('MODEL_NOT_PROMOTED');
  });

  it('answers 503 with Retry-After when the log is full, and 503 when it refuses writes', async () => {
    for (const refusal of [
      errors.LOG_BUSY({ queued: 1 }),
      errors.LOG_WRITE_FAILED({ problem: 'disk full' }),
    ]) {
      const { app } = await opened({ appender: () => ({ append: () => Promise.reject(refusal) }) });
      const response = await predict(app, { inputs: flightInputs });
      expect(response.statusCode).toBe(503);
      expect(response.headers['retry-after']).toBe('1');
      expect(response.json().error.code).toBe(refusal.code);
    }
  });

  it('serves a value that training did not see, and records it as a violation', async () => {
    const { app, log } = await opened();
    const body = (await predict(app, { inputs: { ...flightInputs, sched_elapsed_minutes: null } })).json();
    expect(body.predictions).toHaveLength(1);
    const served = (await eventsOf(log)).filter((event) => event.type === 'PredictionServed');
    expect(served[0]?.sensitive?.inputs).toHaveProperty('sched_elapsed_minutes', null);
  });

  it('stores at most so many refused rows a second, and counts the rest', async () => {
    const { app, log, rejections } = await opened();
    const rows = Array.from({ length: limits.rejectedEventsPerSecondMax + 20 }, () => ({
      inputs: { carrier: 1 },
    }));
    expect((await predict(app, { rows })).statusCode).toBe(422);
    await rejections.settled();
    const stored = (await eventsOf(log)).filter((event) => event.type === 'PredictionRejected');
    expect(stored).toHaveLength(limits.rejectedEventsPerSecondMax);
    const metrics = (await app.inject({ url: '/metrics' })).body;
    expect(metrics).toContain('hindcast_rejections_not_stored_total 20');
  });
});

describe('POST /v1/outcomes', () => {
  const send = (app: FlightsApp['app'], payload: object) =>
    app.inject({ method: 'POST', url: '/v1/outcomes', payload });

  it('takes truth by prediction id and by key, and says that it matched', async () => {
    const { app, log } = await opened();
    const { predictions } = (await predict(app, { key: 'UA1', inputs: flightInputs })).json();
    for (const reference of [{ predictionId: predictions[0].predictionId }, { key: 'UA1' }]) {
      const response = await send(app, { ...reference, truth: 1 });
      expect(response.statusCode).toBe(200);
      expect(response.json().outcomes).toMatchObject([{ matched: true }]);
    }
    const outcomes = (await eventsOf(log)).filter((event) => event.type === 'OutcomeObserved');
    expect(outcomes.map((event) => event.data)).toMatchObject([
      { truth: 1, origin: 'live', observedAt: noon },
      { key: 'UA1' },
    ]);
  });

  it('keeps an outcome whose prediction is not known yet, and answers 202 with matched: false', async () => {
    const { app, log } = await opened();
    const response = await send(app, { outcomes: [{ key: 'not yet', truth: true }] });
    expect(response.statusCode).toBe(202);
    expect(response.json().outcomes).toMatchObject([{ matched: false }]);
    expect((await eventsOf(log)).at(-1)).toMatchObject({
      type: 'OutcomeObserved',
      data: { key: 'not yet', truth: 1 },
    });
  });

  it.each([
    [{ truth: 1 }, 'OUTCOME_INVALID', '0 ways'],
    [{ key: 'a', predictionId: 'b', truth: 1 }, 'OUTCOME_INVALID', '2 ways'],
    [{ key: 'a', truth: 2 }, 'OUTCOME_INVALID', '0 or 1'],
    [{ key: 'a', truth: null }, 'OUTCOME_INVALID', 'null'],
    [{ key: 'a' }, 'REQUEST_INVALID', 'truth'],
    [{ key: 'a', truth: 1, observedAt: 'yesterday' }, 'REQUEST_INVALID', 'observedAt'],
    [{ outcomes: [] }, 'BATCH_EMPTY', ''],
  ])('refuses %j with %s', async (payload, code, mentions) => {
    const { app, log } = await opened();
    const response = await send(app, payload);
    expect(response.json().error.code).toBe(code);
    expect(response.json().error.message).toContain(mentions);
    expect((await eventsOf(log)).filter((event) => event.type === 'OutcomeObserved')).toEqual([]);
  });
});

describe('the rest of the server', () => {
  it('answers health, readiness, metrics, documentation and the models', async () => {
    const { app } = await opened();
    await predict(app, { inputs: flightInputs });
    expect((await app.inject({ url: '/healthz' })).json()).toEqual({ live: true });
    expect((await app.inject({ url: '/readyz' })).json()).toEqual({ ready: true });
    expect((await app.inject({ url: '/metrics' })).body).toContain(
      'hindcast_predictions_total{model="flights",version="v1"} 1',
    );
    expect((await app.inject({ url: '/docs/' })).statusCode).toBe(200);
    const openapi = (await app.inject({ url: '/docs/json' })).json();
    expect(Object.keys(openapi.paths)).toEqual(
      expect.arrayContaining([
        '/v1/models/{model}/predict',
        '/v1/outcomes',
        '/metrics',
        '/healthz',
        '/readyz',
      ]),
    );
    expect((await app.inject({ url: '/v1/models/flights' })).json()).toMatchObject({
      serving: 'v1',
      versions: ['v1'],
    });
  });

  it('says what there is not, in the same form as every other error', async () => {
    const { app } = await opened();
    const response = await app.inject({ url: '/v2/nothing' });
    expect(response.statusCode).toBe(404);
    expect(response.json().error.code).toBe('ROUTE_NOT_FOUND');
  });

  it('asks for a token where one is configured, but not for the health checks', async () => {
    const token = 'a-token-of-enough-length';
    const { app } = await opened({ tokens: [token] });
    expect((await predict(app, { inputs: flightInputs })).statusCode).toBe(401);
    const wrong = await app.inject({ url: '/metrics', headers: { authorization: 'Bearer something-else' } });
    expect(wrong.json().error.code).toBe('UNAUTHORIZED');
    expect(
      (await app.inject({ url: '/metrics', headers: { authorization: `Bearer ${token}` } })).statusCode,
    ).toBe(200);
    expect((await app.inject({ url: '/healthz' })).statusCode).toBe(200);
  });

  it('keeps a field named __proto__ as it was received', async () => {
    const { app, log } = await opened();
    const payload = `{"inputs": ${JSON.stringify(flightInputs).replace('{', '{"__proto__": {"polluted": true}, ')}}`;
    expect((await predict(app, payload)).statusCode).toBe(200);
    const inputs = (await eventsOf(log)).at(-1)?.sensitive?.inputs ?? {};
    expect(Object.keys(inputs)).toContain('__proto__');
    expect('polluted' in {}).toBe(false);
  });
});
