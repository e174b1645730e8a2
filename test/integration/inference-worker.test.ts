import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Column, ColumnBatch } from '../../src/schemas/columns.js';
import { loadServingModel } from '../../src/services/inference/choose-placement.js';
import type { InferenceModel } from '../../src/services/inference/inference-model.js';
import { rowsToColumns } from '../../src/services/inference/row-columns.js';
import { loadModelInWorker } from '../../src/services/inference/worker-model.js';
import { limits } from '../../src/services/platform/limits.js';
import { loadOptions, loadTestModel, modelPath } from '../support/onnx-models/load-model.js';

const opened: InferenceModel[] = [];
let workers: Worker[] = [];
const remember = (worker: Worker): void => void workers.push(worker);
beforeEach(() => {
  workers = [];
  process.on('worker', remember);
});
afterEach(async () => {
  process.off('worker', remember);
  await Promise.all(opened.splice(0).map((model) => model.close()));
});

function keep<Model extends InferenceModel>(model: Model): Model {
  opened.push(model);
  return model;
}

const rows = Array.from({ length: 300 }, (_, i) => ({
  carrier: ['AA', 'B6', 'UA', 'ZZ'][i % 4] ?? '',
  distance: i % 7 === 0 ? null : i * 10.5,
  hour: i % 24,
  holiday: i % 2 === 0,
}));

describe('a model in a worker', () => {
  it('gives the same as on this thread', async () => {
    const inline = keep(await loadTestModel('columns'));
    const worker = keep(await loadModelInWorker(await loadOptions('columns')));
    const batch = rowsToColumns(inline.manifest, rows);
    const expected = await inline.run(batch);
    const got = await worker.run(batch);
    expect(got.outputs).toEqual(expected.outputs);
    expect(got.rows).toBe(300);
    expect(worker.servedBy).toEqual(inline.servedBy);
    expect(worker.servedBy).toBe(worker.servedBy);
    expect(Object.isFrozen(worker.servedBy)).toBe(true);
  });

  it('leaves the batch with the caller, unless it was told to take it', async () => {
    const options = await loadOptions('matrix');
    const batch = (): ColumnBatch => rowsToColumns(options.manifest, [{ a: 1, b: 2, c: 3, d: 4 }]);
    const bytes = (from: ColumnBatch): number =>
      from.columns['a']?.kind === 'number' ? from.columns['a'].values.byteLength : -1;
    const kept = batch();
    await keep(await loadModelInWorker(options)).run(kept);
    expect(bytes(kept)).toBe(8);
    const taken = batch();
    await keep(await loadModelInWorker({ ...options, takesBatches: true })).run(taken);
    expect(bytes(taken)).toBe(0);
  });

  it('does not take the memory around a column that is part of a larger buffer', async () => {
    const options = await loadOptions('matrix');
    const worker = keep(await loadModelInWorker({ ...options, takesBatches: true }));
    const all = Float64Array.of(9, 1, 2, 3, 4, 9);
    const part = (at: number): Column => ({
      kind: 'number',
      values: all.subarray(at, at + 1),
      valid: undefined,
    });
    const { outputs } = await worker.run({
      rows: 1,
      columns: { a: part(1), b: part(2), c: part(3), d: part(4) },
    });
    expect(all).toHaveLength(6);
    const inline = keep(await loadTestModel('matrix'));
    const expected = await inline.run(rowsToColumns(options.manifest, [{ a: 1, b: 2, c: 3, d: 4 }]));
    expect(outputs).toEqual(expected.outputs);
  });

  it('knows a dictionary again, and many of them one after the other', async () => {
    const worker = keep(await loadModelInWorker(await loadOptions('echo')));
    const seen = async (dictionary: readonly string[]): Promise<unknown> => {
      const text: Column = { kind: 'dictionary', codes: Uint8Array.of(1, 0), dictionary, valid: undefined };
      const column = (await worker.run({ rows: 2, columns: { text } })).outputs['seen_text'];
      return column?.kind === 'text' ? column.values : undefined;
    };
    const first = ['x', 'y'];
    expect(await seen(first)).toEqual(['y', 'x']);
    expect(await seen(first)).toEqual(['y', 'x']);
    for (let i = 0; i < limits.workerDictionariesMax + 2; i += 1) {
      expect(await seen([`a${i}`, `b${i}`])).toEqual([`b${i}`, `a${i}`]);
    }
    expect(await seen(first)).toEqual(['y', 'x']);
  });

  it('answers several runs in flight, and is busy past the limit', async () => {
    const options = await loadOptions('matrix');
    const worker = keep(await loadModelInWorker(options));
    const runs = Array.from({ length: limits.workerRunsInFlightMax }, (_, i) =>
      worker.run(rowsToColumns(options.manifest, [{ a: i, b: 0, c: 0, d: 0 }])),
    );
    await expect(
      worker.run(rowsToColumns(options.manifest, [{ a: 1, b: 0, c: 0, d: 0 }])),
    ).rejects.toMatchObject({
      code: 'SERVER_BUSY',
    });
    expect(await Promise.all(runs)).toHaveLength(limits.workerRunsInFlightMax);
  });

  it('passes errors of the catalogue on, and serves the next run', async () => {
    const options = await loadOptions('columns');
    const worker = keep(await loadModelInWorker(options));
    const batch = (hour: number) =>
      rowsToColumns(options.manifest, [{ carrier: 'AA', distance: 1, hour, holiday: true }]);
    await expect(worker.run(batch(99))).rejects.toMatchObject({
      name: 'HindcastError',
      code: 'INFERENCE_FAILED',
      status: 500,
      message: expect.stringContaining('Gather'),
    });
    await expect(worker.run(batch(1))).resolves.toMatchObject({ rows: 1 });
  });

  it('that cannot load says why', async () => {
    const options = { ...(await loadOptions('matrix')), modelPath: modelPath('no-such-file') };
    await expect(loadModelInWorker(options)).rejects.toMatchObject({ code: 'MODEL_FILE_DAMAGED' });
  });

  it('takes nothing after it is closed, and fails what still runs', async () => {
    const options = await loadOptions('heavy');
    const worker = keep(await loadModelInWorker(options));
    const batch = rowsToColumns(options.manifest, [{ a: 1, b: 1, c: 1, d: 1 }]);
    const running = worker.run(batch);
    const [settled] = await Promise.all([Promise.allSettled([running]), worker.close()]);
    expect(settled[0]).toMatchObject({ status: 'rejected', reason: { code: 'INFERENCE_FAILED' } });
    await expect(worker.run(batch)).rejects.toThrow(/the model is closed/);
  });
});

describe('a worker that dies', () => {
  it('fails what it was running, is started again once, and is named when it dies again', async () => {
    const options = await loadOptions('heavy');
    const model = keep(await loadModelInWorker(options));
    const row = { a: 1, b: 1, c: 1, d: 1 };
    const batch = rowsToColumns(
      options.manifest,
      Array.from({ length: 16 }, () => row),
    );
    const [first] = workers;
    if (first === undefined) throw new Error('expected a worker');

    const running = Promise.allSettled([model.run(batch), model.run(batch)]);
    // The runs are posted once the promise of the load has told them so.
    await Promise.resolve();
    await first.terminate();
    expect((await running).map((each) => each.status)).toEqual(['rejected', 'rejected']);

    await expect(model.run(batch)).resolves.toMatchObject({ rows: 16 });
    const second = workers[1];
    if (second === undefined) throw new Error('expected a second worker');
    expect(workers).toHaveLength(2);

    await Promise.all([once(second, 'exit'), second.terminate()]);
    await expect(model.run(batch)).rejects.toMatchObject({
      code: 'INFERENCE_FAILED',
      message: expect.stringContaining('heavy@v1'),
    });
    await expect(model.run(batch)).rejects.toThrow(/ended twice/);
    expect(workers).toHaveLength(2);
  });
});

describe('where a model runs', () => {
  it('is inline when one row is quick', async () => {
    const model = keep(
      await loadServingModel({ ...(await loadOptions('matrix')), inlineMicrosMax: 1_000_000 }),
    );
    expect(model.placement).toBe('inline');
    expect(model.oneRowMicros).toBeLessThanOrEqual(1_000_000);
    expect(workers).toHaveLength(0);
  });

  it('is a worker when one row takes longer than the limit', async () => {
    const model = keep(await loadServingModel({ ...(await loadOptions('heavy')), inlineMicrosMax: 1 }));
    expect(model.placement).toBe('worker');
    expect(model.oneRowMicros).toBeGreaterThan(1);
    expect(workers).toHaveLength(1);
    const batch = rowsToColumns(model.manifest, [{ a: 1, b: 1, c: 1, d: 1 }]);
    await expect(model.run(batch)).resolves.toMatchObject({ rows: 1 });
  });

  it('is measured with a row that fits the features', async () => {
    const model = keep(await loadServingModel(await loadOptions('columns')));
    expect(model.oneRowMicros).toEqual(expect.any(Number));
  });

  it('can be told', async () => {
    const options = await loadOptions('matrix');
    expect(keep(await loadServingModel({ ...options, placement: 'worker' })).placement).toBe('worker');
    const heavy = await loadOptions('heavy');
    expect(keep(await loadServingModel({ ...heavy, placement: 'inline' })).placement).toBe('inline');
  });
});
