import { describe, expect, it } from 'vitest';
import { correctedGates } from '../../../src/replay/judging/corrected-gates.js';
import { discoverSlices } from '../../../src/replay/judging/slices/discover-slices.js';
import type { SliceFeature } from '../../../src/replay/judging/slices/slice-feature.js';
import { sliceFeatures } from '../../../src/replay/judging/slices/slice-feature.js';
import type { SliceSample } from '../../../src/replay/judging/slices/slice-sample.js';
import type { ReplayGate } from '../../../src/replay/report/report-schema.js';
import type { FieldProfile } from '../../../src/schemas/reference-profile.js';
import type { ModelManifest } from '../../../src/schemas/model-manifest.js';
import { seededRandom } from '../../../src/stats/seeded-random.js';
import { formulaManifest } from '../../support/formula-model.js';

const policy = { outOfRange: 'warn', newCategory: 'warn', unexpectedMissing: 'warn' } as const;

function manifestWith(
  features: ModelManifest['features'],
  slices: ModelManifest['slices'] = [],
): ModelManifest {
  return { ...formulaManifest('v2'), features, slices };
}

function feature(name: string, tensorType: ModelManifest['features'][number]['tensorType'], more = {}) {
  return { name, tensor: name, tensorType, required: false, policy, ...more };
}

function numberProfile(values: number[], binEdges: number[]): FieldProfile {
  return { kind: 'number', missing: 0, nonFinite: 0, values, counts: values.map(() => 1), binEdges };
}

describe('the groups of a feature', () => {
  const many = Array.from({ length: 100 }, (_, index) => index);
  const manifest = manifestWith(
    [
      feature('origin', 'string'),
      feature('weekday', 'float32'),
      feature('distance', 'float32'),
      feature('wifi', 'bool'),
      feature('unknown', 'float32'),
      feature('ranged', 'float32', { range: { min: 0, max: 10 } }),
    ],
    [{ feature: 'origin', protected: true }],
  );
  const groups = sliceFeatures(manifest, {
    origin: { kind: 'category', missing: 0, values: ['EWR', 'JFK', 'LGA'], counts: [1, 5, 3] },
    weekday: numberProfile([1, 2, 7], [1, 2]),
    distance: numberProfile(many, [10, 20, 30, 40, 50, 60, 70, 80, 90]),
  });
  const by = (name: string): SliceFeature => {
    const found = groups.find((group) => group.feature === name);
    if (found === undefined) throw new Error(`no groups of ${name}`);
    return found;
  };
  const words = (name: string, ...given: Parameters<SliceFeature['codesOf']>): string[] =>
    Array.from(by(name).codesOf(...given), (code) => by(name).labels[code] ?? 'no such code');

  it('are its values, the most frequent first, where they are few or texts', () => {
    expect(by('origin').labels).toEqual(['JFK', 'LGA', 'EWR', '(other)', '(missing)']);
    expect(by('weekday').labels).toEqual(['1', '2', '7', '(other)', '(missing)']);
    expect(by('wifi').labels.slice(0, 2)).toEqual(['false', 'true']);
  });

  it('are intervals of the reference where numbers are many, or equal parts of the range without one', () => {
    expect(by('distance').labels.slice(0, 5)).toEqual(['≤ 20', '20 to 40', '40 to 60', '60 to 80', '> 80']);
    expect(by('ranged').labels.slice(0, 5)).toEqual(['≤ 2', '2 to 4', '4 to 6', '6 to 8', '> 8']);
    expect(groups.map((group) => group.feature)).not.toContain('unknown');
  });

  it('know declared and protected features', () => {
    expect(groups.filter((group) => group.declared).map((group) => group.feature)).toEqual(['origin']);
    expect(by('origin').isProtected).toBe(true);
  });

  it('code every kind of column, nulls and not-a-number as missing, and only the rows asked for', () => {
    const text = {
      kind: 'dictionary' as const,
      codes: Uint32Array.of(0, 1, 2, 0),
      dictionary: ['LGA', 'XXX', ''],
      valid: Uint8Array.of(1, 1, 1, 0),
    };
    expect(words('origin', text, 4, undefined)).toEqual(['LGA', '(other)', '(other)', '(missing)']);
    expect(words('origin', text, 4, Int32Array.of(3, 0))).toEqual(['(missing)', 'LGA']);
    expect(words('origin', { kind: 'text', values: ['JFK'], valid: undefined }, 1, undefined)).toEqual([
      'JFK',
    ]);
    const numbers = {
      kind: 'number' as const,
      values: Float64Array.of(20, 20.5, Number.NaN, -1e9, 1e9),
      valid: undefined,
    };
    expect(words('distance', numbers, 5, undefined)).toEqual([
      '≤ 20',
      '20 to 40',
      '(missing)',
      '≤ 20',
      '> 80',
    ]);
    const integers = { kind: 'integer' as const, values: BigInt64Array.of(7n, 3n), valid: undefined };
    expect(words('weekday', integers, 2, undefined)).toEqual(['7', '(other)']);
    const flags = { kind: 'boolean' as const, values: Uint8Array.of(0, 1), valid: undefined };
    expect(words('wifi', flags, 2, undefined)).toEqual(['false', 'true']);
    expect(words('origin', undefined, 2, undefined)).toEqual(['(missing)', '(missing)']);
  });
});

/** Three features of four values each, and a change of loss by row. */
function sampleOf(
  rows: number,
  seed: number,
  increaseOf: (codes: readonly number[], noise: number) => number,
): { features: SliceFeature[]; sample: SliceSample } {
  const random = seededRandom(seed);
  const codes = [0, 1, 2].map(() => new Uint16Array(rows));
  const increase = new Float64Array(rows);
  const flipped = new Uint8Array(rows);
  for (let row = 0; row < rows; row += 1) {
    const ofRow = codes.map((values) => {
      const code = Math.floor(random.uniform() * 4);
      values[row] = code;
      return code;
    });
    increase[row] = increaseOf(ofRow, random.normal());
    flipped[row] = random.uniform() < 0.1 ? 1 : 0;
  }
  const features = ['a', 'b', 'c'].map((name): SliceFeature => ({
    feature: name,
    declared: false,
    isProtected: false,
    labels: ['w', 'x', 'y', 'z'],
    codesOf: () => new Uint16Array(),
  }));
  const positions = Float64Array.from({ length: rows }, (_, row) => 17 + row * 3);
  return { features, sample: { rows, positions, increase, flipped, codes } };
}

describe('the search for slices', () => {
  it('finds the pair that is worse, with its size, its effect and its worst rows', () => {
    const { features, sample } = sampleOf(20_000, 5, ([a, b], noise) => noise + (a === 1 && b === 2 ? 1 : 0));
    const found = discoverSlices(features, sample);
    const [first] = found.slices;
    expect(first?.conditions).toEqual([
      { feature: 'a', value: 'x' },
      { feature: 'b', value: 'y' },
    ]);
    const inside = Array.from({ length: sample.rows }, (_, row) => row).filter(
      (row) => sample.codes[0]?.[row] === 1 && sample.codes[1]?.[row] === 2,
    );
    expect(first?.rows).toBe(inside.length);
    expect(first?.effect).toBeGreaterThan(0.8);
    expect(first?.interval.lower).toBeGreaterThan(0.8);
    const worst = inside
      .toSorted((x, y) => (sample.increase[y] ?? 0) - (sample.increase[x] ?? 0))
      .slice(0, 5);
    expect(first?.examples).toEqual(worst.map((row) => sample.positions[row]));
    const flips = (rows: readonly number[]) => rows.reduce((sum, row) => sum + (sample.flipped[row] ?? 0), 0);
    expect(first?.shareOfFlips).toBeCloseTo(flips(inside) / flips([...sample.flipped.keys()]), 12);
  });

  it('pairs the most suspicious features of a wide model, and still finds the pair', () => {
    const { features, sample } = sampleOf(
      8_000,
      12,
      ([a, b], noise) => noise + (a === 1 && b === 2 ? 1.5 : 0),
    );
    const random = seededRandom(13);
    const wide = Array.from({ length: 60 }, (_, index) => ({ feature: `noise ${index}` }));
    const codes = wide.map(() =>
      Uint16Array.from({ length: sample.rows }, () => Math.floor(random.uniform() * 4)),
    );
    const [first] = features;
    if (first === undefined) throw new Error('no feature');
    const found = discoverSlices([...wide.map((each) => ({ ...first, ...each })), ...features], {
      ...sample,
      codes: [...codes, ...sample.codes],
    });
    expect(found.slices[0]?.conditions).toEqual([
      { feature: 'a', value: 'x' },
      { feature: 'b', value: 'y' },
    ]);
    // Four groups of each of 63 features, and sixteen of each pair of 24.
    expect(found.considered).toBe(63 * 4 + ((24 * 23) / 2) * 16);
  });

  it('names one feature alone where the other of a pair adds nothing', () => {
    const { features, sample } = sampleOf(20_000, 6, ([a], noise) => noise + (a === 3 ? 0.5 : 0));
    const { slices } = discoverSlices(features, sample);
    expect(slices[0]?.conditions).toEqual([{ feature: 'a', value: 'z' }]);
    expect(slices.filter(({ conditions }) => conditions.length > 1)).toEqual([]);
  });

  it('finds something in at most one of twenty samples where nothing is to be found', () => {
    const rounds = 300;
    let withFinds = 0;
    for (let seed = 1; seed <= rounds; seed += 1) {
      const { features, sample } = sampleOf(2_000, seed, (_, noise) => noise);
      if (discoverSlices(features, sample).slices.length > 0) withFinds += 1;
    }
    // 5 % of 300, and two standard errors of that.
    expect(withFinds).toBeLessThanOrEqual(15 + 2 * Math.sqrt(300 * 0.05 * 0.95));
    expect(withFinds).toBeGreaterThan(0);
  });

  it('goes by flips where too few truths are known, and finds nothing in a handful of rows', () => {
    const { features, sample } = sampleOf(4_000, 8, () => Number.NaN);
    for (let row = 0; row < sample.rows; row += 1) sample.flipped[row] = sample.codes[2]?.[row] === 1 ? 1 : 0;
    const found = discoverSlices(features, sample);
    expect(found.by).toBe('flips');
    // Every row of the group flips and no other does: nothing varies on either side, and nothing is clearer.
    expect(found.slices.map(({ conditions }) => conditions)).toEqual([[{ feature: 'c', value: 'x' }]]);
    expect(found.slices[0]).toMatchObject({ effect: 1, rest: 0, p: 0, shareOfFlips: 1 });
    const few = sampleOf(60, 9, (_, noise) => noise);
    expect(discoverSlices(few.features, few.sample).slices).toEqual([]);
  });
});

describe('gates that fail among many', () => {
  const gate = (verdict: ReplayGate['verdict'], p: number | null): ReplayGate => ({
    name: 'log-loss',
    slice: null,
    measures: 'loss',
    rows: 1_000,
    estimate: 0.1,
    interval: { lower: 0.01, upper: 0.2, level: 0.95 },
    limit: 0,
    good: 'below',
    p,
    verdict,
    reason: 'worse',
    rowsNeeded: null,
  });

  it('stay failed alone, and where the p-value holds for all of them', () => {
    expect(correctedGates([gate('FAIL', 0.02)]).map(({ verdict }) => verdict)).toEqual(['FAIL']);
    expect(correctedGates([gate('FAIL', 0.001), gate('PASS', 0.9)]).map(({ verdict }) => verdict)).toEqual([
      'FAIL',
      'PASS',
    ]);
  });

  it('are open where chance would fail one of so many', () => {
    const gates = [gate('FAIL', 0.02), ...Array.from({ length: 9 }, () => gate('PASS', 0.9))];
    const [first] = correctedGates(gates);
    expect(first?.verdict).toBe('INCONCLUSIVE');
    expect(first?.reason).toContain('among 10 gates');
  });
});
