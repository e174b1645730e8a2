import { describe, expect, it } from 'vitest';
import { compareOnRow } from '../../../src/replay/attribution/compare-on-row.js';
import type { RowComparison } from '../../../src/replay/attribution/compare-on-row.js';
import { givenValues } from '../../../src/replay/attribution/given-values.js';
import { oneAtATime } from '../../../src/replay/attribution/one-at-a-time.js';
import { referenceValue } from '../../../src/replay/attribution/reference-value.js';
import { renderAnswers } from '../../../src/replay/attribution/render-answers.js';
import type { Column, ColumnBatch } from '../../../src/schemas/columns.js';
import type { JsonObject } from '../../../src/schemas/json-value.js';
import type { Feature, ModelManifest } from '../../../src/schemas/model-manifest.js';
import type { FieldProfile } from '../../../src/schemas/reference-profile.js';
import type { InferenceModel } from '../../../src/services/inference/inference-model.js';
import { errors } from '../../../src/services/platform/errors.js';
import { formulaManifest, formulaModel } from '../../support/formula-model.js';
import { logistic } from '../../support/toy-replay.js';

const policy = { outOfRange: 'warn', newCategory: 'warn', unexpectedMissing: 'warn' } as const;

function feature(name: string, changes: Partial<Feature> = {}): Feature {
  return { name, tensor: name, tensorType: 'float64', required: false, missing: 'NaN', policy, ...changes };
}

function numbers(values: readonly number[], counts: readonly number[], missing = 0): FieldProfile {
  return { kind: 'number', missing, nonFinite: 0, values: [...values], counts: [...counts], binEdges: [] };
}

const xAndY = [feature('x'), feature('y')];
const profile = { x: numbers([-1, 0, 1], [1, 5, 1]), y: numbers([0, 10], [3, 1]) };

type Formula = (row: { readonly [feature: string]: number }) => number | undefined;

function profiled(version: string, formula: Formula, changes: Partial<ModelManifest> = {}) {
  const manifest = formulaManifest(version, { features: xAndY, ...changes });
  const runs: number[] = [];
  const model = formulaModel({ manifest, digest: 'd'.repeat(64), formula, onRun: (rows) => runs.push(rows) });
  return { model, profile, runs };
}

type Options = Parameters<typeof compareOnRow>[0];

function comparing(options: Pick<Options, 'candidate'> & Partial<Options>): Promise<RowComparison> {
  return compareOnRow({
    inputs: { x: 2, y: 1 },
    truth: null,
    control: { kind: 'recorded', outputs: { label: 0, score: 0.2 } },
    controlModel: undefined,
    tolerance: 1e-5,
    exact: false,
    always: false,
    ...options,
  });
}

const plain = (text: string): string => text;
const paint = { good: plain, bad: plain, warn: plain, dim: plain, bold: plain };

function rendered(comparison: RowComparison): string {
  return renderAnswers(
    [
      {
        candidate: { version: 'v2', digest: undefined },
        control: { kind: 'recorded', version: 'v1' },
        replay: undefined,
        problem: undefined,
        notes: [],
        comparison,
      },
    ],
    paint,
  );
}

describe('the reference value of a feature', () => {
  it('is the median of training by its counts, of two middle values the lower', () => {
    expect(referenceValue(feature('x'), numbers([1, 2, 9], [1, 1, 3]))).toEqual({ value: 9, is: 'median' });
    expect(referenceValue(feature('x'), numbers([1, 2], [2, 2]))).toEqual({ value: 1, is: 'median' });
  });

  it('is the most frequent text or boolean, of equals the first by name', () => {
    const category = (values: string[], counts: number[]): FieldProfile => ({
      kind: 'category',
      missing: 0,
      values,
      counts,
    });
    const text = feature('origin', { tensorType: 'string', missing: '' });
    expect(referenceValue(text, category(['EWR', 'JFK', 'LGA'], [1, 4, 4]))).toEqual({
      value: 'JFK',
      is: 'most frequent',
    });
    const bool = feature('wifi', { tensorType: 'bool' });
    expect(referenceValue(bool, category(['false', 'true'], [1, 4]))).toEqual({
      value: true,
      is: 'most frequent',
    });
  });

  it('is missing where training mostly had none, unless the model cannot take that', () => {
    const sparse = numbers([3], [10], 11);
    expect(referenceValue(feature('gust'), sparse)).toEqual({ value: null, is: 'missing' });
    const { missing: _missing, ...needed } = feature('gust');
    expect(referenceValue(needed, sparse)).toEqual({ value: 3, is: 'median' });
    expect(referenceValue(needed, numbers([], [], 5))).toBeUndefined();
  });

  it('is not made up where no profile tells', () => {
    expect(referenceValue(feature('x', { range: { min: 0, max: 1 } }), undefined)).toBeUndefined();
  });
});

describe('the rows of one feature at a time', () => {
  it('are the row as it is and one more a feature with a reference, fields of no feature kept', () => {
    const references = new Map([['y', { value: 7, is: 'median' } as const]]);
    expect(
      oneAtATime({ x: 1, y: 2, note: 'kept' }, formulaManifest('v2', { features: xAndY }), references),
    ).toEqual({
      rows: [
        { x: 1, y: 2, note: 'kept' },
        { x: 1, y: 7, note: 'kept' },
      ],
      replaced: ['y'],
    });
  });

  it('take features whose names an object has by nature', () => {
    const features = ['__proto__', 'constructor'].map((name) => feature(name));
    const references = new Map(features.map(({ name }) => [name, { value: 7, is: 'median' } as const]));
    const { rows } = oneAtATime({}, formulaManifest('v2', { features }), references);
    expect(rows.map((row) => Object.entries(row))).toEqual([[], [['__proto__', 7]], [['constructor', 7]]]);
  });
});

describe('what a replay gave its candidate', () => {
  it('is read back by the type of the feature', () => {
    const features = [
      feature('x'),
      feature('code', { tensorType: 'string' }),
      feature('on', { tensorType: 'bool' }),
    ];
    expect(
      givenValues(['x = 3.5', 'code = 007', 'on = true', 'gone = 1'], formulaManifest('v2', { features })),
    ).toEqual({ x: 3.5, code: '007', on: true });
    expect(givenValues(['code = null'], formulaManifest('v2', { features }))).toEqual({ code: null });
  });
});

describe('a candidate on one recorded row', () => {
  it('is put beside the record, with who was right and what either lost', async () => {
    const { compared, attribution } = await comparing({
      candidate: profiled('v2', () => 0.3),
      truth: 1,
    });
    expect(compared).toMatchObject({ flipped: false, judged: { right: 'neither', loss: 'log loss' } });
    expect(compared?.difference).toBeCloseTo(0.1, 12);
    expect(compared?.judged?.controlLoss).toBeCloseTo(-Math.log(0.2), 12);
    expect(compared?.judged?.candidateLoss).toBeCloseTo(-Math.log(0.3), 12);
    expect(attribution).toBeNull();
  });

  it('is explained where the label flips: the largest move first, signed, and what alone undoes it', async () => {
    const candidate = profiled('v2', ({ x = 0, y = 0 }) => logistic(x - 0.5 * y));
    const { compared, attribution } = await comparing({ candidate, truth: 0 });
    expect(compared).toMatchObject({ flipped: true, judged: { right: 'control' } });
    expect(attribution).toMatchObject({ of: 'score', differs: true, withoutReference: [] });
    expect(attribution?.features.map(({ feature: name, undoes }) => [name, undoes])).toEqual([
      ['x', true],
      ['y', false],
    ]);
    const [x] = attribution?.features ?? [];
    expect(x).toMatchObject({
      recorded: 2,
      reference: { value: 0, is: 'median' },
      control: null,
      apart: null,
    });
    const change = x?.candidate?.kind === 'answered' ? x.candidate.change : undefined;
    expect(change).toBeCloseTo(logistic(-0.5) - logistic(1.5), 12);
    expect(candidate.runs).toEqual([3]);
  });

  it('shows what the same does to the control, which may not have the feature', async () => {
    const controlModel = profiled('v1', ({ x = 0 }) => logistic(-x), { features: [feature('x')] });
    const { attribution, controlReproduced } = await comparing({
      candidate: profiled('v2', ({ x = 0, y = 0 }) => logistic(x + y)),
      control: { kind: 'recorded', outputs: { label: 0, score: logistic(-2) } },
      controlModel,
    });
    expect(controlReproduced).toBe(true);
    const [x, y] = attribution?.features ?? [];
    expect(x?.control).toMatchObject({ kind: 'answered', label: '1' });
    expect(x?.apart).toBeCloseTo(logistic(1) - logistic(3) - (logistic(0) - logistic(-2)), 12);
    expect(y?.control).toBeNull();
    expect(y?.apart).toBeCloseTo(logistic(2) - logistic(3), 12);
  });

  it('names a feature that the candidate ignores and the control does not, though it moves nothing', async () => {
    const comparison = await comparing({
      candidate: profiled('v2', ({ y = 0 }) => logistic(y)),
      control: { kind: 'recorded', outputs: { label: 0, score: logistic(-3) } },
      controlModel: profiled('v1', ({ x = 0, y = 0 }) => logistic(y - 2 * x)),
    });
    expect(comparison.attribution?.features.map(({ feature: name }) => name)).toEqual(['y', 'x']);
    expect(rendered(comparison)).toContain('Here v2 does not react to what moves v1: x (+0.6836).');
    expect(rendered(comparison)).toContain('Treated most differently: x (0; v1 +0.6836)');
  });

  it('says when the version that served does not give its record again', async () => {
    const { controlReproduced } = await comparing({
      candidate: profiled('v2', () => 0.9),
      controlModel: profiled('v1', () => 0.2001),
    });
    expect(controlReproduced).toBe(false);
  });

  it('is held against what another version says now', async () => {
    const { control, compared } = await comparing({
      candidate: profiled('v2', () => 0.9),
      control: { kind: 'version' },
      controlModel: profiled('v1', () => 0.6),
    });
    expect(control).toMatchObject({ label: '1', scores: [0.6] });
    expect(compared?.flipped).toBe(false);
  });

  it('is explained without a flip when asked for, or when the replay expected the same scores', async () => {
    const candidate = profiled('v2', ({ x = 0 }) => 0.2 + 0.01 * x);
    expect((await comparing({ candidate, always: true })).attribution).toMatchObject({ differs: false });
    expect((await comparing({ candidate, exact: true })).attribution).not.toBeNull();
    expect((await comparing({ candidate, exact: true, tolerance: 0.1 })).attribution).toBeNull();
  });

  it('gets what the replay gave it instead of what was recorded, and the control does not', async () => {
    const { candidate, attribution } = await comparing({
      candidate: profiled('v2', ({ x = 0 }) => logistic(x)),
      controlModel: profiled('v1', ({ x = 0 }) => logistic(-x)),
      given: { x: 5 },
    });
    expect(candidate).toMatchObject({ scores: [logistic(5)] });
    expect(attribution?.features[0]).toMatchObject({ feature: 'x', recorded: 2 });
  });

  it('is explained without the control when the prediction failed then, and only when asked', async () => {
    const candidate = profiled('v2', ({ x = 0 }) => logistic(x));
    const failed = { kind: 'recorded', outputs: null } as const;
    const silent = await comparing({ candidate, control: failed });
    expect(silent).toMatchObject({ control: null, compared: null, attribution: null });
    expect(rendered(silent)).toContain('v2 says 1 (score 0.8808); v1 gave no answer');
    const asked = await comparing({ candidate, control: failed, always: true });
    expect(asked.attribution).toMatchObject({ differs: false });
    expect(asked.attribution?.features.some(({ undoes }) => undoes)).toBe(false);
  });

  it('that fails on it is an observation with its words', async () => {
    const comparison = await comparing({ candidate: profiled('v2', () => undefined) });
    expect(comparison).toMatchObject({ candidate: { kind: 'failed' }, compared: null, attribution: null });
    expect(rendered(comparison)).toContain('v2 fails on these inputs');
    expect(rendered(comparison)).toContain('the control said 0 (score 0.2000)');
  });

  it('that fails with one reference value alone is told apart from the other rows', async () => {
    const candidate = profiled('v2', ({ x = 0, y = 0 }) => (x === 0 ? undefined : logistic(x - y)));
    const comparison = await comparing({ candidate });
    const effects = new Map(comparison.attribution?.features.map((effect) => [effect.feature, effect]));
    expect(effects.get('x')?.candidate).toMatchObject({ kind: 'failed' });
    expect(effects.get('y')?.candidate).toMatchObject({ kind: 'answered' });
    expect(comparison.attribution?.features.at(-1)?.feature).toBe('x');
    expect(rendered(comparison)).toMatch(/ {4}x +2 +0 +failed +failed/);
  });

  it('that takes no value of the recorded type fails with the feature and the value', async () => {
    const { candidate } = await comparing({
      candidate: profiled('v2', () => 0.9),
      inputs: { x: [1, 2], y: 1 } satisfies JsonObject,
    });
    expect(candidate).toMatchObject({
      kind: 'failed',
      message: expect.stringContaining('feature x: expected a number'),
    });
  });

  it('keeps a field that is absent apart from one that is null', async () => {
    const comparison = await comparing({
      candidate: profiled('v2', ({ x = 0 }) => (Number.isNaN(x) ? 0.9 : 0.1)),
      inputs: { x: null },
    });
    expect(comparison.absent).toEqual(['y']);
    const text = rendered(comparison);
    expect(text).toMatch(/ {2}\* x +null +0 /);
    expect(text).toMatch(/ {4}y +absent +0 /);
  });

  it('without a reference profile says that the features cannot be told', async () => {
    const candidate = { ...profiled('v2', () => 0.9), profile: undefined };
    const comparison = await comparing({ candidate });
    expect(comparison.attribution).toMatchObject({ features: [], withoutReference: ['x', 'y'] });
    expect(rendered(comparison)).toContain('cannot be told: no reference profile');
  });

  it('of a regression is explained beyond the tolerance, relative to a large value', async () => {
    const value = (formula: Formula) =>
      profiled('v2', formula, { task: 'regression', outputs: { value: { output: 'value' } } });
    const control = { kind: 'recorded', outputs: { value: 1000 } } as const;
    const near = await comparing({ candidate: value(() => 1000.005), control, tolerance: 1e-5 });
    expect(near).toMatchObject({ compared: { flipped: null, withinTolerance: true }, attribution: null });
    const far = await comparing({
      candidate: value(({ x = 0, y = 0 }) => 1000 + 50 * x + y - 1),
      control,
      truth: 1100,
    });
    expect(far.compared?.judged).toEqual({
      right: 'candidate',
      loss: 'absolute error',
      controlLoss: 100,
      candidateLoss: 0,
    });
    expect(far.attribution).toMatchObject({ of: 'value', differs: true });
    // Without y alone it is still far off; without x it is within a millionth of the control.
    expect(far.attribution?.features.map(({ feature: name, undoes }) => [name, undoes])).toEqual([
      ['x', true],
      ['y', false],
    ]);
    expect(rendered(far)).toContain('the candidate was nearer');
  });

  it('of several classes is explained by the score of its own label', async () => {
    const manifest = formulaManifest('v2', {
      task: 'multiclass-classification',
      features: xAndY,
      classes: ['red', 'green', 'blue'],
      outputs: { label: { output: 'label' }, score: { output: 'probabilities' } },
    });
    const model = classModel(manifest, (x) => (x > 1 ? [0.1, 0.7, 0.2] : [0.8, 0.1, 0.1]));
    const comparison = await comparing({
      candidate: { model, profile },
      control: {
        kind: 'recorded',
        outputs: { label: 'red', score_red: 0.6, score_green: 0.3, score_blue: 0.1 },
      },
      truth: 'green',
    });
    expect(comparison.compared).toMatchObject({ flipped: true, judged: { right: 'candidate' } });
    expect(comparison.compared?.difference).toBeCloseTo(0.4, 12);
    expect(comparison.compared?.judged?.controlLoss).toBeCloseTo(-Math.log(0.3), 12);
    expect(comparison.attribution?.of).toBe('score of green');
    expect(comparison.attribution?.features[0]).toMatchObject({ feature: 'x', undoes: true });
    expect(rendered(comparison)).toMatch(/label +red +green +flipped; score of green \+0\.4000/);
  });

  it('that gives labels alone says what undoes the flip, without numbers', async () => {
    const manifest = formulaManifest('v2', { features: xAndY, outputs: { label: { output: 'label' } } });
    const scored = formulaModel({ manifest, digest: 'd'.repeat(64), formula: ({ y = 0 }) => y });
    const comparison = await comparing({
      candidate: { model: scored, profile },
      control: { kind: 'recorded', outputs: { label: 0 } },
      truth: 1,
    });
    expect(comparison.compared).toMatchObject({ flipped: true, difference: null });
    expect(comparison.compared?.judged).toMatchObject({ right: 'candidate', controlLoss: null });
    expect(comparison.attribution).toMatchObject({ of: null });
    expect(comparison.attribution?.features[0]).toMatchObject({ feature: 'y', undoes: true });
    expect(rendered(comparison)).toMatch(/\* y +1 +0 +0/);
  });

  it('is told in 80 columns, whatever the names, with no control characters', async () => {
    const name = `${'wide'.repeat(20)}\u001B[31m`;
    const manifest = formulaManifest('v2', { features: [feature(name)] });
    const model = formulaModel({
      manifest,
      digest: 'd'.repeat(64),
      formula: (row) => logistic(row[name] ?? 0),
    });
    const comparison = await comparing({
      candidate: { model, profile: { [name]: numbers([-1.234_567_890_123e-200], [1]) } },
      inputs: { [name]: 1.234_567_890_123e200 },
    });
    const text = rendered(comparison);
    expect(text).not.toContain('\u001B');
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  });
});

function classModel(manifest: ModelManifest, formula: (x: number) => readonly number[]): InferenceModel {
  const numbersOf = (values: readonly number[]): Column => ({
    kind: 'number',
    values: Float64Array.from(values),
    valid: undefined,
  });
  return {
    manifest,
    servedBy: formulaModel({ manifest, digest: 'd'.repeat(64), formula: () => 0 }).servedBy,
    run: async ({ rows, columns }: ColumnBatch) => {
      const { x } = columns;
      if (x?.kind !== 'number') throw errors.INFERENCE_FAILED({ model: 'v2', problem: 'x is no number' });
      const scores = Array.from({ length: rows }, (_, row) => formula(x.values[row] ?? 0));
      const classes = manifest.classes?.map(String) ?? [];
      const labels = scores.map((each) => classes[each.indexOf(Math.max(...each))] ?? '');
      return {
        rows,
        inferenceMicros: 1,
        outputs: {
          label: { kind: 'text', values: labels, valid: undefined },
          ...Object.fromEntries(
            classes.map((name, code) => [`score_${name}`, numbersOf(scores.map((each) => each[code] ?? 0))]),
          ),
        },
      };
    },
    close: async () => undefined,
  };
}
