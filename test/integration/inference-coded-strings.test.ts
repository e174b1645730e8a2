import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InferenceSession } from 'onnxruntime-node';
import { afterAll, describe, expect, it } from 'vitest';
import type { Column, ColumnBatch } from '../../src/schemas/columns.js';
import { codedInput, withCodedStrings } from '../../src/services/inference/coded-strings.js';
import type { InferenceModel } from '../../src/services/inference/inference-model.js';
import { loadOnnxModel } from '../../src/services/inference/onnx-adapter.js';
import { readBundle } from '../../src/services/inference/read-bundle.js';
import { bundle } from '../support/flights-folder.js';
import { loadOptions, modelPath } from '../support/onnx-models/load-model.js';

const opened: InferenceModel[] = [];
afterAll(async () => {
  await Promise.all(opened.map((model) => model.close()));
});

async function bothWays(options: Parameters<typeof loadOnnxModel>[0]) {
  const asValues = await loadOnnxModel(options);
  const asCodes = await loadOnnxModel({ ...options, stringsAs: 'codes' });
  opened.push(asValues, asCodes);
  return { asValues, asCodes };
}

const inputNames = async (model: Uint8Array) => {
  const session = await InferenceSession.create(model);
  const { inputNames: names } = session;
  await session.release();
  return names;
};

describe('a model whose strings are given as codes', async () => {
  const echo = await bothWays(await loadOptions('echo'));
  const rest = (rows: number): ColumnBatch['columns'] => {
    const numbers: Column = { kind: 'number', values: new Float64Array(rows), valid: undefined };
    const flag: Column = { kind: 'boolean', values: new Uint8Array(rows), valid: undefined };
    return { f32: numbers, f64: numbers, i64: numbers, i32: numbers, flag };
  };
  const seen = async (model: InferenceModel, text: Column, rows: number) =>
    (await model.run({ rows, columns: { ...rest(rows), text } })).outputs['seen_text'];

  it('sees the same strings, odd ones and missing ones too', async () => {
    const dictionary = ['', 'ä', 'none', '💨', `${'x'.repeat(40)}y`, 'ab\u0000c', 'never used', '\ud800'];
    const codes = Uint8Array.of(3, 0, 1, 0, 2, 4, 5, 7, 3, 1);
    const text: Column = {
      kind: 'dictionary',
      codes,
      dictionary,
      valid: Uint8Array.of(1, 0, 1, 1, 1, 1, 1, 1, 0, 1),
    };
    const expected = await seen(echo.asValues, text, codes.length);
    expect(expected).toMatchObject({ values: expect.arrayContaining(['💨', 'none', '', 'ä']) });
    expect(await seen(echo.asCodes, text, codes.length)).toEqual(expected);
  });

  it('takes plain text and absent columns as before', async () => {
    const text: Column = { kind: 'text', values: ['b', 'a', 'b'], valid: Uint8Array.of(1, 0, 1) };
    expect(await seen(echo.asCodes, text, 3)).toMatchObject({ values: ['b', 'none', 'b'] });
    const { outputs } = await echo.asCodes.run({ rows: 2, columns: rest(2) });
    expect(outputs['seen_text']).toMatchObject({ values: ['none', 'none'] });
  });

  it('takes a column with far more strings than the batch has rows', async () => {
    const dictionary = Array.from({ length: 50_000 }, (_, code) => `value ${code}`);
    const text: Column = {
      kind: 'dictionary',
      codes: Uint32Array.of(49_999, 7, 49_999),
      dictionary,
      valid: undefined,
    };
    expect(await seen(echo.asCodes, text, 3)).toMatchObject({
      values: ['value 49999', 'value 7', 'value 49999'],
    });
  });

  it('refuses a code without a string and a null without a missing value, as before', async () => {
    const text: Column = {
      kind: 'dictionary',
      codes: Uint8Array.of(0, 9),
      dictionary: ['x'],
      valid: undefined,
    };
    await expect(seen(echo.asCodes, text, 2)).rejects.toMatchObject({
      code: 'INFERENCE_FAILED',
      message: expect.stringContaining('row 1: code 9 is not in a dictionary of 1'),
    });
  });

  it.each(['v1', 'v2', 'v3'] as const)(
    'gives the same outputs to the last bit: flights %s',
    async (version) => {
      const { manifest, modelPath: path } = await readBundle(bundle(version));
      const { asValues, asCodes } = await bothWays({
        manifest,
        modelPath: path,
        artefactDigest: 'a'.repeat(64),
        featureSchemaDigest: 'b'.repeat(64),
      });
      const batch = flightsOf(manifest.features);
      const expected = await asValues.run(batch);
      const given = await asCodes.run(batch);
      expect(given.outputs).toEqual(expected.outputs);
      expect(new Set(columnValues(given.outputs['score'])).size).toBeGreaterThan(50);
    },
  );
});

describe('the file that is read so', async () => {
  const flights = await readFile(join(bundle('v2'), 'model.onnx'));

  it('has codes and a dictionary in place of each string input, and the other inputs as they were', async () => {
    const before = await inputNames(flights);
    const after = await inputNames(withCodedStrings(flights, ['carrier', 'dest']) ?? new Uint8Array());
    const { codes, dictionary } = codedInput('carrier');
    expect(after).toContain(codes);
    expect(after).toContain(dictionary);
    expect(after.filter((name) => before.includes(name))).toEqual(
      before.filter((name) => !['carrier', 'dest'].includes(name)),
    );
  });

  it.each([
    ['a tensor that is not there', flights, ['carrier', 'nowhere']],
    ['a tensor that holds no strings', flights, ['distance']],
    ['bytes that are no model', Uint8Array.from(flights.subarray(7, 4_000)), ['carrier']],
    ['a file that is cut off', Uint8Array.from(flights.subarray(0, -100)), ['carrier']],
    ['no bytes', new Uint8Array(), ['carrier']],
  ])('is left alone: %s', (_, model, names) => {
    expect(withCodedStrings(model, names)).toBeUndefined();
  });

  it('says what is wrong with it as it would have', async () => {
    const options = await loadOptions('echo');
    await expect(
      loadOnnxModel({ ...options, modelPath: modelPath('make_models.py'), stringsAs: 'codes' }),
    ).rejects.toMatchObject({ code: 'MODEL_FILE_DAMAGED' });
  });
});

/** Rows with all sorts of values of every feature; the same each time. */
function flightsOf(
  features: readonly { readonly name: string; readonly tensorType: string }[],
  rows = 2_000,
): ColumnBatch {
  const dictionary = ['UA', 'AA', 'JFK', 'LGA', 'EWR', 'LAX', 'ORD', '', 'unknown place'];
  const columns = features.map(({ name, tensorType }, index): [string, Column] => {
    const valid = Uint8Array.from({ length: rows }, (_, row) => ((row * 7 + index) % 11 === 0 ? 0 : 1));
    const codes = Uint8Array.from({ length: rows }, (_, row) => (row * (index + 3)) % dictionary.length);
    if (tensorType === 'string') return [name, { kind: 'dictionary', codes, dictionary, valid }];
    const values = Float64Array.from({ length: rows }, (_, row) => (row * (index + 13)) % 1_440);
    return [name, { kind: 'number', values, valid }];
  });
  return { rows, columns: Object.fromEntries(columns) };
}

function columnValues(column: Column | undefined): readonly number[] {
  if (column?.kind !== 'number') throw new Error('scores are numbers');
  return [...column.values];
}
