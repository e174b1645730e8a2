import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Column, ColumnBatch } from '../../src/schemas/columns.js';
import type { InferenceModel } from '../../src/services/inference/inference-model.js';
import { inspectOnnxFile, loadOnnxModel } from '../../src/services/inference/onnx-adapter.js';
import { rowsToColumns } from '../../src/services/inference/row-columns.js';
import { loadOptions, loadTestModel, modelPath, type TestModel } from '../support/onnx-models/load-model.js';

const opened: InferenceModel[] = [];
const folder = await mkdtemp(join(tmpdir(), 'hindcast-onnx-'));
afterAll(async () => {
  await Promise.all(opened.map((model) => model.close()));
  await rm(folder, { recursive: true });
});

async function load(name: TestModel): Promise<InferenceModel> {
  const model = await loadTestModel(name);
  opened.push(model);
  return model;
}

const numbers = (...values: number[]): Column => ({
  kind: 'number',
  values: Float64Array.from(values),
  valid: undefined,
});

function values(column: Column | undefined): unknown[] {
  if (column === undefined) throw new Error('there is no such column');
  if (column.kind === 'dictionary') throw new Error('an output is never a dictionary');
  return Array.from<unknown>(column.values);
}

describe('what the model is given', async () => {
  const echo = await load('echo');
  const good: ColumnBatch['columns'] = {
    text: { kind: 'text', values: ['ä'], valid: undefined },
    f32: numbers(0.5),
    f64: numbers(0.1),
    i64: numbers(3),
    i32: numbers(4),
    flag: { kind: 'boolean', values: Uint8Array.of(1), valid: undefined },
  };
  const seen = async (columns: ColumnBatch['columns'], rows = 1) =>
    (await echo.run({ rows, columns })).outputs;
  const refused = (feature: string, column: Column) =>
    echo.run({ rows: 1, columns: { ...good, [feature]: column } });
  const nulls = (kind: 'number' | 'integer' | 'boolean' | 'text'): Column => {
    const valid = Uint8Array.of(0);
    if (kind === 'number') return { kind, values: Float64Array.of(99), valid };
    if (kind === 'integer') return { kind, values: BigInt64Array.of(99n), valid };
    return kind === 'boolean' ? { kind, values: Uint8Array.of(1), valid } : { kind, values: ['x'], valid };
  };

  it('is each value of each type', async () => {
    const outputs = await seen(good);
    expect(values(outputs['seen_text'])).toEqual(['ä']);
    expect(values(outputs['value'])).toEqual([0.5]);
    expect(values(outputs['seen_f64'])).toEqual([0.1]);
    expect(values(outputs['seen_i64'])).toEqual([3]);
    expect(values(outputs['seen_i32'])).toEqual([4]);
    expect(outputs['seen_flag']).toEqual({ kind: 'boolean', values: Uint8Array.of(1), valid: undefined });
  });

  it('is the missing value for a null, never a silent zero or what stands in the place of the null', async () => {
    const outputs = await seen({
      text: nulls('text'),
      f32: nulls('number'),
      f64: nulls('number'),
      i64: nulls('integer'),
      i32: nulls('number'),
      flag: nulls('boolean'),
    });
    expect(values(outputs['seen_text'])).toEqual(['none']);
    expect(values(outputs['value'])).toEqual([Number.NaN]);
    expect(values(outputs['seen_f64'])).toEqual([-1]);
    expect(values(outputs['seen_i64'])).toEqual([-7]);
    expect(values(outputs['seen_i32'])).toEqual([-8]);
    expect(values(outputs['seen_flag'])).toEqual([0]);
  });

  it('is the missing value in every row when the column is absent', async () => {
    const outputs = await seen({}, 2);
    expect(values(outputs['seen_text'])).toEqual(['none', 'none']);
    expect(values(outputs['value'])).toEqual([Number.NaN, Number.NaN]);
    expect(values(outputs['seen_i64'])).toEqual([-7, -7]);
    expect(values(outputs['seen_flag'])).toEqual([0, 0]);
  });

  it('is the text behind each code of a dictionary', async () => {
    const text: Column = {
      kind: 'dictionary',
      codes: Uint16Array.of(1, 0, 1),
      dictionary: ['x', 'y'],
      valid: Uint8Array.of(1, 1, 0),
    };
    expect(values((await seen({ text }, 3))['seen_text'])).toEqual(['y', 'x', 'none']);
  });

  it('is a 64-bit integer bit by bit', async () => {
    const i64: Column = {
      kind: 'integer',
      values: BigInt64Array.of(-9_007_199_254_740_991n),
      valid: undefined,
    };
    expect(values((await seen({ i64 }))['seen_i64'])).toEqual([-9_007_199_254_740_991]);
    const beyond: Column = {
      kind: 'integer',
      values: BigInt64Array.of(9_007_199_254_740_993n),
      valid: undefined,
    };
    await expect(refused('i64', beyond)).rejects.toThrow(/seen_i64 gave 9007199254740993/);
    await expect(refused('f64', beyond)).rejects.toThrow(/f64.*9007199254740993 is not exact as a double/);
  });

  it('is never what a lossy cast makes of a value', async () => {
    await expect(refused('f32', numbers(1e300))).rejects.toThrow(
      /f32.*1e\+300 is beyond the range of float32/,
    );
    await expect(refused('f32', numbers(-1e300))).rejects.toThrow(/beyond the range/);
    await expect(refused('f32', numbers(16_777_217))).rejects.toThrow(/16777217 would become 16777216/);
    await expect(refused('i64', numbers(1.5))).rejects.toThrow(/1.5 is not an exact integer/);
    await expect(refused('i64', numbers(2 ** 53))).rejects.toThrow(
      /9007199254740992 is not an exact integer/,
    );
    await expect(refused('i32', numbers(2 ** 31))).rejects.toThrow(/2147483648 is not an integer of 32 bits/);
    await expect(refused('i32', numbers(Number.NaN))).rejects.toThrow(/NaN is not an integer/);
  });

  it('may be rounded to the nearest float32, and keeps NaN and what is exact', async () => {
    const f32 = numbers(0.1, 16_777_216, 16_777_218, Number.NaN, -0);
    expect(values((await seen({ f32 }, 5))['value'])).toEqual([
      Math.fround(0.1),
      16_777_216,
      16_777_218,
      Number.NaN,
      -0,
    ]);
  });

  it('is never a value of another type', async () => {
    await expect(refused('f32', nulls('text'))).rejects.toMatchObject({ code: 'INFERENCE_FAILED' });
    await expect(refused('text', numbers(1))).rejects.toThrow(
      /text.*expected text, got a column of kind number/,
    );
    await expect(refused('flag', numbers(1))).rejects.toThrow(/flag.*expected booleans/);
    await expect(refused('i64', nulls('boolean'))).rejects.toThrow(/i64.*expected numbers/);
  });

  it('is refused when a column has another number of values than the batch has rows', async () => {
    await expect(refused('f64', numbers(1, 2))).rejects.toThrow(
      /f64 has 2 values, expected one for each of 1 rows/,
    );
  });

  it('is refused when a value is missing and the feature has no missing value', async () => {
    const columns = await load('columns');
    const row = { carrier: 'AA', distance: 1, hour: 1, holiday: true };
    const { hour: _, ...withoutHour } = row;
    await expect(columns.run(rowsToColumns(columns.manifest, [row, { ...row, hour: null }]))).rejects.toThrow(
      /feature hour \(int64\), row 1: the value is missing/,
    );
    await expect(columns.run(rowsToColumns(columns.manifest, [withoutHour]))).rejects.toMatchObject({
      code: 'INFERENCE_FAILED',
    });
  });
});

describe('what the model gives', () => {
  it('is a label and the score of the positive class, in the width of the model', async () => {
    const model = await load('matrix');
    const batch = rowsToColumns(model.manifest, [
      { a: 2, b: -1, c: 0, d: 0 },
      { a: -2, b: 1, c: 0, d: 0 },
    ]);
    const { outputs, rows, inferenceMicros } = await model.run(batch);
    expect(Object.keys(outputs)).toEqual(['label', 'score']);
    expect(outputs['label']).toEqual({ kind: 'number', values: Float64Array.of(1, 0), valid: undefined });
    const score = outputs['score'];
    if (score?.kind !== 'number') throw new Error('expected numbers');
    expect(score.values).toBeInstanceOf(Float32Array);
    expect(score.values[0]).toBeGreaterThan(0.8);
    expect(score.values[1]).toBeLessThan(0.2);
    expect(rows).toBe(2);
    expect(inferenceMicros).toBeGreaterThanOrEqual(0);
  });

  it('is one score for each class by its name, and a label of text', async () => {
    const model = await load('multiclass');
    const { outputs } = await model.run(rowsToColumns(model.manifest, [{ a: 3, b: 0, c: 0, d: 0 }]));
    expect(Object.keys(outputs)).toEqual(['label', 'score_high', 'score_low', 'score_mid']);
    const scores = ['high', 'low', 'mid'].map((name) => Number(values(outputs[`score_${name}`])[0]));
    expect(scores.reduce((a, b) => a + b)).toBeCloseTo(1, 5);
    const best = ['high', 'low', 'mid'][scores.indexOf(Math.max(...scores))];
    expect(values(outputs['label'])).toEqual([best]);
  });

  it('is the value of a regression', async () => {
    const model = await load('regression');
    const { outputs } = await model.run(rowsToColumns(model.manifest, [{ a: 1, b: 1, c: 1, d: 1 }]));
    expect(Object.keys(outputs)).toEqual(['value']);
    expect(values(outputs['value'])).toHaveLength(1);
  });

  it('stays as it was when the model runs again', async () => {
    const echo = await load('echo');
    const first = await echo.run({ rows: 2, columns: { f32: numbers(1, 2), f64: numbers(3, 4) } });
    for (let run = 0; run < 20; run += 1) {
      await echo.run({ rows: 2, columns: { f32: numbers(-run, -run), f64: numbers(-run, -run) } });
    }
    expect(values(first.outputs['value'])).toEqual([1, 2]);
    expect(values(first.outputs['seen_f64'])).toEqual([3, 4]);
  });

  it('does not share memory with what it was given', async () => {
    const echo = await load('echo');
    const given = Float32Array.of(1, 2);
    const { outputs } = await echo.run({
      rows: 2,
      columns: { f32: { kind: 'number', values: given, valid: undefined } },
    });
    given.fill(9);
    expect(values(outputs['value'])).toEqual([1, 2]);
  });

  it('is refused when it has another number of rows than was given', async () => {
    const model = await load('wrong_row_count');
    const batch = rowsToColumns(model.manifest, [{ a: 1 }, { a: 2 }]);
    await expect(model.run(batch)).rejects.toThrow(/output value has shape \[1, 1\] for 2 row\(s\)/);
  });

  it('is an error of the catalogue when the run itself fails', async () => {
    const model = await load('columns');
    const row = { carrier: 'AA', distance: 1, hour: 99, holiday: false };
    await expect(model.run(rowsToColumns(model.manifest, [row]))).rejects.toMatchObject({
      code: 'INFERENCE_FAILED',
      message: expect.stringContaining('Gather'),
    });
  });
});

describe('a loaded model', () => {
  it('says what serves, in one frozen object', async () => {
    const model = await load('matrix');
    expect(model.servedBy).toBe(model.servedBy);
    expect(Object.isFrozen(model.servedBy)).toBe(true);
    expect(model.servedBy).toEqual({
      kind: 'served',
      artefactDigest: 'a'.repeat(64),
      featureSchemaDigest: 'b'.repeat(64),
      runtime: {
        name: 'onnxruntime-node',
        version: expect.stringMatching(/^\d+\.\d+\.\d+/),
        provider: 'cpu',
        threads: 1,
        graphOptimization: 'all',
      },
    });
  });

  it('gives the same bits for a row alone and in a large batch', async () => {
    const model = await load('matrix');
    const rows = Array.from({ length: 500 }, (_, i) => ({
      a: Math.sin(i),
      b: Math.cos(i),
      c: i / 500,
      d: -i / 500,
    }));
    const together = values((await model.run(rowsToColumns(model.manifest, rows))).outputs['score']);
    for (const i of [0, 17, 499]) {
      const alone = await model.run(rowsToColumns(model.manifest, rows.slice(i, i + 1)));
      expect(values(alone.outputs['score'])).toEqual([together[i]]);
    }
  });

  it('finishes what runs before it closes, and takes nothing afterwards', async () => {
    const model = await loadTestModel('matrix');
    const batch = rowsToColumns(model.manifest, [{ a: 1, b: 1, c: 1, d: 1 }]);
    const running = model.run(batch);
    await Promise.all([model.close(), model.close()]);
    await expect(running).resolves.toMatchObject({ rows: 1 });
    await expect(model.run(batch)).rejects.toThrow(/the model is closed/);
  });

  it('refuses a batch without rows', async () => {
    const model = await load('matrix');
    await expect(model.run({ rows: 0, columns: {} })).rejects.toThrow(/the batch has no row/);
  });
});

describe('an ONNX file', () => {
  it('tells its inputs and outputs', async () => {
    const signature = await inspectOnnxFile(modelPath('columns'));
    expect(signature.inputs.map(({ name, type }) => [name, type])).toEqual([
      ['carrier', 'string'],
      ['distance', 'float32'],
      ['hour', 'int64'],
      ['holiday', 'bool'],
    ]);
    expect(signature.outputs).toEqual([
      { name: 'label', isTensor: true, type: 'int64', shape: ['N'] },
      { name: 'probabilities', isTensor: true, type: 'float32', shape: ['N', 2] },
    ]);
  });

  it('is refused when it was cut short', async () => {
    const whole = await readFile(modelPath('matrix'));
    const path = join(folder, 'cut.onnx');
    for (const length of [0, 10, whole.length >> 1, whole.length - 1]) {
      await writeFile(path, whole.subarray(0, length));
      await expect(inspectOnnxFile(path)).rejects.toMatchObject({ code: 'MODEL_FILE_DAMAGED', status: 422 });
    }
    await writeFile(path, 'not a model at all');
    await expect(inspectOnnxFile(path)).rejects.toMatchObject({ code: 'MODEL_FILE_DAMAGED' });
  });

  it('is refused when an output that has a role is a sequence of maps', async () => {
    const signature = await inspectOnnxFile(modelPath('zipmap'));
    expect(signature.outputs[1]).toMatchObject({ name: 'output_probability', isTensor: false });
    const options = await loadOptions('matrix');
    const manifest = { ...options.manifest, outputs: { score: { output: 'output_probability', class: 1 } } };
    await expect(
      loadOnnxModel({ ...options, manifest, modelPath: modelPath('zipmap') }),
    ).rejects.toMatchObject({ code: 'MODEL_OUTPUT_NOT_TENSOR' });
  });

  it('is refused when it is not the file of the manifest', async () => {
    const options = await loadOptions('matrix');
    await expect(loadOnnxModel({ ...options, modelPath: modelPath('columns') })).rejects.toMatchObject({
      code: 'BUNDLE_INVALID',
      message: expect.stringContaining('carrier'),
    });
  });
});
