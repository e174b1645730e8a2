import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { featureSchemaDigest } from '../../src/services/inference/feature-schema-digest.js';
import { readBundle } from '../../src/services/inference/read-bundle.js';
import { modelPath } from '../support/onnx-models/load-model.js';

const folder = await mkdtemp(join(tmpdir(), 'hindcast-bundle-'));
afterAll(() => rm(folder, { recursive: true }));

async function bundle(model: string | undefined, yaml: string | undefined): Promise<string> {
  const directory = await mkdtemp(join(folder, 'b-'));
  if (model !== undefined) await copyFile(modelPath(model), join(directory, 'model.onnx'));
  if (yaml !== undefined) await writeFile(join(directory, 'model.yaml'), yaml);
  return directory;
}

const head = (task = 'binary-classification') => `name: m\nversion: v1\ntask: ${task}\n`;
const matrixFeatures = 'features: [{ name: a }, { name: b }, { name: c }, { name: d }]\n';
const columnFeatures = `features:
  - { name: carrier, missing: "" }
  - { name: distance, missing: .nan, range: { min: 0, max: 5000 } }
  - { name: hour, policy: { outOfRange: reject } }
  - { name: holiday, required: false }
`;

async function refusal(
  model: string | undefined,
  yaml: string | undefined,
): Promise<{ code: string; message: string }> {
  try {
    await readBundle(await bundle(model, yaml));
  } catch (error) {
    if (error instanceof Error && 'code' in error)
      return { code: String(error.code), message: error.message };
    throw error;
  }
  throw new Error('the bundle was taken');
}

describe('a bundle', () => {
  it('with one tensor per column gets types, roles and defaults from the ONNX file', async () => {
    const yaml = `${head()}${columnFeatures}outputs: {}\nslices: [carrier, { feature: holiday, protected: true }]\n`;
    const { manifest, referencePath, modelYaml } = await readBundle(await bundle('columns', yaml));
    const warn = { outOfRange: 'warn', newCategory: 'warn', unexpectedMissing: 'warn' };
    expect(manifest).toEqual({
      name: 'm',
      version: 'v1',
      task: 'binary-classification',
      layout: 'columns',
      features: [
        {
          name: 'carrier',
          tensor: 'carrier',
          tensorType: 'string',
          required: false,
          missing: '',
          policy: warn,
        },
        {
          name: 'distance',
          tensor: 'distance',
          tensorType: 'float32',
          required: false,
          missing: 'NaN',
          range: { min: 0, max: 5000 },
          policy: warn,
        },
        {
          name: 'hour',
          tensor: 'hour',
          tensorType: 'int64',
          required: true,
          policy: { ...warn, outOfRange: 'reject' },
        },
        { name: 'holiday', tensor: 'holiday', tensorType: 'bool', required: false, policy: warn },
      ],
      outputs: { label: { output: 'label' }, score: { output: 'probabilities', class: 1 } },
      threshold: 0.5,
      slices: [
        { feature: 'carrier', protected: false },
        { feature: 'holiday', protected: true },
      ],
    });
    expect(JSON.parse(JSON.stringify(manifest))).toEqual(manifest);
    expect(referencePath).toBeUndefined();
    expect(modelYaml).toBe(yaml);
  });

  it('with one matrix gets a column for each feature, in their order', async () => {
    const directory = await bundle('matrix', `${head()}${matrixFeatures}outputs: {}\n`);
    await writeFile(join(directory, 'reference.parquet'), '');
    const { manifest, referencePath } = await readBundle(directory);
    expect(manifest.layout).toBe('matrix');
    expect(manifest.features.map(({ name, tensor, column }) => [name, tensor, column])).toEqual([
      ['a', 'X', 0],
      ['b', 'X', 1],
      ['c', 'X', 2],
      ['d', 'X', 3],
    ]);
    expect(referencePath).toBe(join(directory, 'reference.parquet'));
  });

  it('takes the class of the score from the positive class', async () => {
    const yaml = `${head()}${matrixFeatures}outputs: {}\nclasses: [1, 0]\npositiveClass: 1\n`;
    expect((await readBundle(await bundle('matrix', yaml))).manifest.outputs.score).toEqual({
      output: 'probabilities',
      class: 0,
    });
  });

  it('of a regression takes its one output as the value', async () => {
    const { manifest } = await readBundle(
      await bundle('regression', `${head('regression')}${matrixFeatures}outputs: {}\n`),
    );
    expect(manifest.outputs).toEqual({ value: { output: 'variable' } });
  });

  it('of the flights example is whole', async () => {
    for (const version of ['v1', 'v2', 'v3']) {
      const { manifest, referencePath } = await readBundle(join('examples', 'flights', version));
      expect(manifest).toMatchObject({ name: 'flights', version, layout: 'columns' });
      expect(referencePath).toBeDefined();
    }
  });
});

describe('a bundle is refused', () => {
  const good = `${head()}${matrixFeatures}outputs: {}\n`;

  it('when something is missing from the folder', async () => {
    expect(await refusal('matrix', undefined)).toMatchObject({
      code: 'BUNDLE_INVALID',
      message: expect.stringContaining('no model.yaml'),
    });
    expect(await refusal(undefined, good)).toMatchObject({
      code: 'BUNDLE_INVALID',
      message: expect.stringContaining('no model.onnx'),
    });
    await expect(readBundle(join(folder, 'nowhere'))).rejects.toMatchObject({ code: 'BUNDLE_INVALID' });
  });

  it('when the ONNX file is damaged', async () => {
    const directory = await bundle('matrix', good);
    const whole = await readFile(modelPath('matrix'));
    await writeFile(join(directory, 'model.onnx'), whole.subarray(0, whole.length / 2));
    await expect(readBundle(directory)).rejects.toMatchObject({ code: 'MODEL_FILE_DAMAGED' });
  });

  it('when the score is a sequence of maps', async () => {
    expect(await refusal('zipmap', good)).toMatchObject({ code: 'MODEL_OUTPUT_NOT_TENSOR' });
  });

  it.each<[string, string, string, RegExp]>([
    ['YAML that cannot be read', 'matrix', 'name: [', /model\.yaml: line 1: /],
    ['a key twice', 'matrix', `${good}name: again\n`, /line 6: /],
    ['a wrong type', 'matrix', good.replace('v1', '[1]'), /line 2, version: .*expected string/],
    [
      'a wrong name',
      'matrix',
      good.replace('name: m', 'name: My Model'),
      /line 1, name: expected a lower-case name.*"My Model"/,
    ],
    ['an unknown field', 'matrix', `${good}treshold: 0.4\n`, /the file: unrecognized key: "treshold"/],
    [
      'an unknown task',
      'matrix',
      good.replace('binary-classification', 'ranking'),
      /line 3, task: .*got "ranking"/,
    ],
    [
      'too few features',
      'matrix',
      good.replace(', { name: d }', ''),
      /X has 4 columns, and model.yaml lists 3 features \(a, b, c\)/,
    ],
    ['a feature twice', 'matrix', good.replace('{ name: d }', '{ name: a }'), /feature a twice/],
    [
      'a feature without an input',
      'columns',
      `${head()}${columnFeatures}  - name: speed\noutputs: {}\n`,
      /feature speed needs an input speed; the ONNX file has carrier, distance, hour, holiday/,
    ],
    [
      'an input without a feature',
      'columns',
      `${head()}${columnFeatures.replace('  - { name: hour, policy: { outOfRange: reject } }\n', '')}outputs: {}\n`,
      /no feature for the input\(s\) hour/,
    ],
    [
      'two features in one input',
      'columns',
      `${head()}${columnFeatures}  - { name: x, tensor: hour }\noutputs: {}\n`,
      /two features go into the input hour/,
    ],
    [
      'an unknown output',
      'matrix',
      good.replace('outputs: {}', 'outputs: { score: { output: proba, class: 1 } }'),
      /outputs.score names the output proba; the ONNX file has label, probabilities/,
    ],
    [
      'a class out of range',
      'matrix',
      good.replace('outputs: {}', 'outputs: { score: { output: probabilities, class: 2 } }'),
      /class 2 of probabilities, which has 2 column\(s\)/,
    ],
    [
      'a positive class that is none',
      'matrix',
      `${good}classes: [0, 1]\npositiveClass: 2\n`,
      /positiveClass 2 is not one of the classes 0, 1/,
    ],
    ['a slice that is no feature', 'matrix', `${good}slices: [carrier]\n`, /slices name carrier/],
    [
      'a missing value of another type',
      'columns',
      `${head()}${columnFeatures.replace('missing: ""', 'missing: 3')}outputs: {}\n`,
      /feature carrier: missing is 3, expected a string/,
    ],
    [
      'text as a missing number',
      'columns',
      `${head()}${columnFeatures.replace('missing: .nan', 'missing: none')}outputs: {}\n`,
      /feature distance: missing is "none", expected a number or .nan/,
    ],
    [
      'a missing value that float32 cannot hold',
      'columns',
      `${head()}${columnFeatures.replace('missing: .nan', 'missing: 16777217')}outputs: {}\n`,
      /distance: missing: 16777217 would become/,
    ],
    [
      'a range upside down',
      'columns',
      `${head()}${columnFeatures.replace('min: 0', 'min: 6000')}outputs: {}\n`,
      /range.min 6000 is above range.max 5000/,
    ],
    [
      'a regression without a value',
      'echo',
      `${head('regression')}features: [{ name: text }, { name: f32 }, { name: f64 }, { name: i64 }, { name: i32 }, { name: flag }]\noutputs: {}\n`,
      /outputs.value does not say which/,
    ],
    [
      'a model for one row at a time',
      'fixed_batch',
      `${head('regression')}features: [{ name: X }]\noutputs: {}\n`,
      /takes exactly 1 row\(s\) at a time/,
    ],
  ])('for %s', async (_what, model, yaml, message) => {
    expect(await refusal(model, yaml)).toEqual({
      code: 'BUNDLE_INVALID',
      message: expect.stringMatching(message),
    });
  });
});

describe('the digest of the feature schema', () => {
  it('depends on the features alone, and on each thing about them', async () => {
    const read = async (yaml: string) =>
      featureSchemaDigest((await readBundle(await bundle('columns', yaml))).manifest);
    const yaml = `${head()}${columnFeatures}outputs: {}\n`;
    const digest = await read(yaml);
    expect(digest).toMatch(/^[0-9a-f]{64}$/);
    expect(await read(yaml.replace('v1', 'v2').replace('min: 0, max: 5000', 'max: 5000, min: 0'))).toBe(
      digest,
    );
    expect(await read(yaml.replace('max: 5000', 'max: 5001'))).not.toBe(digest);
    expect(await read(yaml.replace('outOfRange: reject', 'outOfRange: warn'))).not.toBe(digest);
  });
});
