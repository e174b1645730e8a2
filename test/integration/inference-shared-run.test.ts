import { afterAll, describe, expect, it } from 'vitest';
import type { ColumnBatch } from '../../src/schemas/columns.js';
import type { JsonObject } from '../../src/schemas/json-value.js';
import type { InferenceModel } from '../../src/services/inference/inference-model.js';
import { createSharedRunner } from '../../src/services/inference/shared-run.js';
import { manualClock } from '../../src/services/platform/clock.js';
import { loadTestModel } from '../support/onnx-models/load-model.js';

const columns = await loadTestModel('columns');
afterAll(() => columns.close());

const row = (distance: number, hour = 5): JsonObject => ({ carrier: 'AA', distance, hour, holiday: false });
const poison = (): JsonObject => row(1, 99);

/** A real model that notes how many rows each run had. */
function counted(model: InferenceModel): { model: InferenceModel; runs: number[] } {
  const runs: number[] = [];
  return {
    runs,
    model: {
      ...model,
      run: (batch: ColumnBatch) => {
        runs.push(batch.rows);
        return model.run(batch);
      },
    },
  };
}

async function scoreAlone(inputs: JsonObject): Promise<unknown> {
  const { rows } = await createSharedRunner({ model: columns }).predict([inputs]);
  return rows[0]?.kind === 'predicted' ? rows[0].outputs['score'] : undefined;
}

describe('requests that wait in the same turn', () => {
  it('share one run, and each gets its own rows in order', async () => {
    const { model, runs } = counted(columns);
    const runner = createSharedRunner({ model });
    const answers = await Promise.all([
      runner.predict([row(100)]),
      runner.predict([row(2_000), row(3_000)]),
      runner.predict([row(400)]),
    ]);
    expect(runs).toEqual([4]);
    expect(answers.map((answer) => answer.batchRows)).toEqual([4, 4, 4]);
    expect(answers.map((answer) => answer.rows.length)).toEqual([1, 2, 1]);
    const scores = answers.flatMap((answer) =>
      answer.rows.map((each) => (each.kind === 'predicted' ? each.outputs['score'] : undefined)),
    );
    expect(scores).toEqual(
      await Promise.all([100, 2_000, 3_000, 400].map((distance) => scoreAlone(row(distance)))),
    );
    expect(answers[0]?.rows[0]).toMatchObject({ kind: 'predicted', outputs: { label: expect.any(Number) } });
  });

  it('wait for the run under way and share the next one', async () => {
    const { model, runs } = counted(columns);
    const others: Promise<unknown>[] = [];
    const runner = createSharedRunner({
      model: {
        ...model,
        run: (batch) => {
          if (runs.length === 0) others.push(runner.predict([row(2)]), runner.predict([row(3)]));
          return model.run(batch);
        },
      },
    });
    await runner.predict([row(1)]);
    await Promise.all(others);
    expect(runs).toEqual([1, 2]);
  });

  it('are told how long they waited', async () => {
    const clock = manualClock(1_000);
    const runner = createSharedRunner({ model: columns, clock });
    const first = runner.predict([row(1)]);
    clock.advance(250);
    const second = runner.predict([row(2)]);
    clock.advance(50);
    expect((await first).queueMicros).toBe(300);
    expect((await second).queueMicros).toBe(50);
  });

  it('are split over several runs when there are more rows than a run takes', async () => {
    const { model, runs } = counted(columns);
    const runner = createSharedRunner({ model, rowsPerRunMax: 3 });
    const answers = await Promise.all([
      runner.predict([row(1), row(2)]),
      runner.predict([row(3), row(4)]),
      runner.predict(Array.from({ length: 7 }, (_, i) => row(i))),
    ]);
    expect(runs).toEqual([2, 2, 3, 3, 1]);
    expect(answers.map((answer) => answer.rows.length)).toEqual([2, 2, 7]);
    expect(answers[2]?.rows.every((each) => each.kind === 'predicted')).toBe(true);
  });
});

describe('fullness', () => {
  it('is SERVER_BUSY for the request that does not fit, and costs the others nothing', async () => {
    const runner = createSharedRunner({ model: columns, queueRowsMax: 3 });
    const first = runner.predict([row(1), row(2)]);
    await expect(runner.predict([row(3), row(4)])).rejects.toMatchObject({
      code: 'SERVER_BUSY',
      status: 503,
    });
    const third = runner.predict([row(5)]);
    expect((await first).rows).toHaveLength(2);
    expect((await third).rows).toHaveLength(1);
    await expect(runner.predict([row(1), row(2), row(3)])).resolves.toMatchObject({ batchRows: 3 });
  });
});

describe('a row that the model fails on', () => {
  it('gets its error, and the rows of others their answers from one run without it', async () => {
    const { model, runs } = counted(columns);
    const runner = createSharedRunner({ model });
    const answers = await Promise.all([
      runner.predict([row(100)]),
      runner.predict([row(200), poison(), row(300)]),
      runner.predict([poison()]),
      runner.predict([row(400)]),
    ]);
    expect(answers.map((answer) => answer.rows.map((each) => each.kind))).toEqual([
      ['predicted'],
      ['predicted', 'failed', 'predicted'],
      ['failed'],
      ['predicted'],
    ]);
    const failed = answers[2]?.rows[0];
    expect(failed?.kind === 'failed' ? failed.error.code : undefined).toBe('INFERENCE_FAILED');
    expect(answers[0]?.batchRows).toBe(4);
    expect(runs.at(-1)).toBe(4);
    const scores = answers
      .flatMap((answer) => answer.rows)
      .flatMap((each) => (each.kind === 'predicted' ? [each.outputs['score']] : []));
    expect(scores).toEqual(
      await Promise.all([100, 200, 300, 400].map((distance) => scoreAlone(row(distance)))),
    );
  });

  it('is found among many in few runs', async () => {
    const { model, runs } = counted(columns);
    const rows = Array.from({ length: 1024 }, (_, i) => (i === 700 ? poison() : row(i)));
    const { rows: answers } = await createSharedRunner({ model }).predict(rows);
    expect(answers.flatMap((answer, i) => (answer.kind === 'failed' ? [i] : []))).toEqual([700]);
    expect(runs.length).toBeLessThanOrEqual(1 + 2 * 10 + 1);
  });

  it('leaves only errors when every row is one', async () => {
    const { rows } = await createSharedRunner({ model: columns }).predict([poison(), poison(), poison()]);
    expect(rows.map((each) => each.kind)).toEqual(['failed', 'failed', 'failed']);
  });

  it('may also be one that cannot become columns at all', async () => {
    const { rows } = await createSharedRunner({ model: columns }).predict([
      { ...row(1), carrier: 7 },
      { ...row(1), distance: 1e300 },
      row(1),
    ]);
    expect(rows.map((each) => each.kind)).toEqual(['failed', 'failed', 'predicted']);
  });
});

describe('closing', () => {
  it('answers what waits, takes nothing more, and leaves the model open', async () => {
    const runner = createSharedRunner({ model: columns });
    const waiting = runner.predict([row(1)]);
    const closing = runner.close();
    await expect(runner.predict([row(2)])).rejects.toMatchObject({ code: 'SERVER_BUSY' });
    await closing;
    await expect(waiting).resolves.toMatchObject({ batchRows: 1 });
    await expect(scoreAlone(row(1))).resolves.toEqual(expect.any(Number));
  });

  it('refuses a request without rows', async () => {
    await expect(createSharedRunner({ model: columns }).predict([])).rejects.toMatchObject({
      code: 'BATCH_EMPTY',
    });
  });
});
