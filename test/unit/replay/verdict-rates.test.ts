import { describe, expect, it } from 'vitest';
import { coverageOf, keyOf } from '../../../bench/support/coverage.js';
import { judged } from '../../../bench/support/judged.js';
import { powerOf, sliceRatesOf } from '../../../bench/support/gate-rates.js';
import { judgedThresholds, shareGateRates } from '../../../bench/support/share-gate-rates.js';
import type { PopulationShape } from '../../../bench/support/simulated-rows.js';
import { drawRows, plainShape, populationWithChange } from '../../../bench/support/simulated-rows.js';
import { subjectCells } from '../../../src/replay/judging/subject-cells.js';
import { defaultRules } from '../../../src/replay/judging/gate-rules.js';
import { seededRandom } from '../../../src/stats/seeded-random.js';

// The short form of `npm run bench -- verdict`: the same simulations, fewer replicates. Seeded, so always the same numbers.

/** Three Monte-Carlo errors beside a rate. */
function about(rate: number, replicates: number): { readonly least: number; readonly most: number } {
  const miss = 3 * Math.sqrt((rate * (1 - rate)) / replicates);
  return { least: rate - miss, most: rate + miss };
}

/** With a margin so wide that a slice need not be large to be gated. */
const looseRules = { ...defaultRules, margin: 0.5 };
const small = { ...plainShape, subjects: 20_000 };

function atMargin(shape: PopulationShape, seed: number) {
  const random = seededRandom(seed);
  const range = { low: 0, high: 2 };
  return { random, population: populationWithChange({ shape, random, by: 'kept', range, change: 0.01 }) };
}

describe('the verdict on simulated rows whose truth is known', () => {
  it('has intervals that hold the truth 95 times in 100, and passes or fails a candidate at the margin 2.5 times at most', () => {
    const replicates = 300;
    const run = coverageOf({ ...atMargin(small, 1), subjects: 400, replicates });
    const { least, most } = about(0.95, replicates);
    for (const name of [
      'loss with margin',
      'log loss',
      'Brier score',
      'AUC',
      'accuracy',
      'positive rate',
      'mean score',
      'flip rate',
    ]) {
      const { defined, covered } = run.intervals.get(keyOf(name, 'judge')) ?? { defined: 0, covered: 0 };
      expect(defined, name).toBe(replicates);
      expect(covered / replicates, name).toBeGreaterThan(least);
      expect(covered / replicates, name).toBeLessThanOrEqual(most);
    }
    const limit = about(0.025, replicates).most;
    expect(run.gate.pass / replicates).toBeLessThan(limit);
    expect(run.gate.fail / replicates).toBeLessThan(limit);
    // Neither is so rare that the gate could be thought to say nothing.
    expect(run.gate.pass + run.gate.fail).toBeGreaterThan(0);
  });

  it('allows for rows of one subject being alike, where intervals of rows do not', () => {
    const replicates = 200;
    const shape = { ...plainShape, subjects: 3_000, rowsPerSubject: 10, alike: 0.3 };
    const run = coverageOf({ ...atMargin(shape, 2), subjects: 120, replicates });
    const share = (name: string, source: 'judge' | 'rows'): number => {
      const { defined, covered } = run.intervals.get(keyOf(name, source)) ?? { defined: 0, covered: 0 };
      return covered / defined;
    };
    const { least } = about(0.95, replicates);
    for (const name of ['loss with margin', 'mean score', 'AUC', 'accuracy', 'positive rate', 'flip rate'])
      expect(share(name, 'judge'), name).toBeGreaterThan(least);
    expect(share('mean score', 'rows')).toBeLessThan(0.75);
    expect(share('positive rate', 'rows')).toBeLessThan(least);
  });

  it.each([
    ['rows', plainShape],
    ['subjects', { ...plainShape, rowsPerSubject: 10, alike: 0.3 }],
  ])('gives a slice of all rows the interval of the whole: %s', (_, shape) => {
    const { population, random } = atMargin({ ...shape, subjects: 3_000 }, 5);
    const rows = drawRows({ population, subjects: 3_000, cells: subjectCells, random });
    const groups = { count: 1, codes: new Uint16Array(rows.rows) };
    const [whole, slice] = judged(rows, { expect: 'no-worse', groups, rules: looseRules }).gates;
    expect(slice?.slice).toEqual({ feature: 'group', value: '0' });
    expect(slice?.interval?.lower).toBeCloseTo(whole?.interval?.lower ?? Number.NaN, 12);
    expect(slice?.interval?.upper).toBeCloseTo(whole?.interval?.upper ?? Number.NaN, 12);
    expect(slice?.p).toBeCloseTo(whole?.p ?? Number.NaN, 9);
  });

  it('fails the whole no more often for having ten slices', () => {
    const replicates = 80;
    const shape = { ...small, candidateNoise: 0.05 };
    const run = sliceRatesOf({ ...atMargin(shape, 3), rows: 12_000, slices: 10, replicates });
    expect(run.gatedSlices).toBeGreaterThan(9);
    expect(run.anyFail / replicates).toBeLessThan(about(0.025, replicates).most);
    expect(run.anyFailUncorrected / replicates).toBeGreaterThan(0.1);
  });

  it('shows what the plan says it can, four times in five', () => {
    const replicates = 200;
    const run = powerOf({
      shape: small,
      by: 'kept',
      range: { low: 0, high: 2 },
      subjects: 1_500,
      replicates,
      random: seededRandom(4),
    });
    const { least, most } = about(0.8, replicates);
    for (const shown of [run.passed, run.failed]) {
      expect(shown / replicates).toBeGreaterThan(least);
      expect(shown / replicates).toBeLessThan(most);
    }
  });

  it.each([
    ['agreement', 0.001, 400],
    ['agreement', 0.001, 4_000],
    // On fewer rows a candidate without any failure is not gated.
    ['candidate-failures', 0.001, 4_000],
    ['flips', 0.02, 400],
    ['flips', 0.02, 4_000],
  ] as const)(
    'passes and fails %s at the limit of %d 2.5 times in 100 at most each, of %d rows',
    (gate, limit, rows) => {
      const thresholds = judgedThresholds(gate, rows, limit);
      const rates = shareGateRates({ thresholds, rows, share: limit });
      expect(rates.pass).toBeLessThanOrEqual(0.025);
      expect(rates.fail).toBeLessThanOrEqual(0.025);
      // Neither is so rare that the gate could be thought to say nothing.
      expect(rates.pass + rates.fail).toBeGreaterThan(0);
    },
  );
});
