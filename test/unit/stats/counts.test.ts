import { describe, expect, it } from 'vitest';
import { jensenShannonDistance, populationStabilityIndex } from '../../../src/stats/binned-distance.js';
import { chiSquare } from '../../../src/stats/chi-square.js';
import { mcNemar } from '../../../src/stats/mcnemar.js';
import { benjaminiHochberg, holm } from '../../../src/stats/multiple-testing.js';
import { seededRandom } from '../../../src/stats/seeded-random.js';
import { defined, expectClose, fixtures } from './stats-fixtures.js';

describe('the chi-square test', () => {
  it('agrees with scipy on statistic, p and V, with and without the continuity correction', () => {
    for (const {
      reference,
      live,
      plain,
      yates,
      cramersV,
      cramersVCorrected,
      expectedTooSmall,
    } of fixtures.tables) {
      const result = defined(chiSquare({ reference, live }));
      expectClose(result.statistic, plain.statistic, { absolute: 1e-13 });
      expectClose(result.p, plain.p);
      expect(result.df).toBe(plain.df);
      expectClose(result.cramersV, cramersV, { absolute: 1e-10 });
      // The excess over the bias can be a difference of nearly equal numbers.
      expectClose(result.cramersVCorrected, cramersVCorrected, { absolute: 1e-9 });
      expect(result.expectedTooSmall).toBe(expectedTooSmall);
      const corrected = defined(chiSquare({ reference, live, yates: true }));
      expectClose(corrected.statistic, yates.statistic, { absolute: 1e-13 });
      expectClose(corrected.p, yates.p);
    }
  });

  it('is the same with the rows exchanged or the columns in another order', () => {
    for (const { reference, live } of fixtures.tables) {
      const { statistic } = defined(chiSquare({ reference, live }));
      expectClose(defined(chiSquare({ reference: live, live: reference })).statistic, statistic, {
        absolute: 1e-13,
      });
      const turned = { reference: reference.toReversed(), live: live.toReversed() };
      expectClose(defined(chiSquare(turned)).statistic, statistic, { relative: 1e-12, absolute: 1e-13 });
    }
  });

  it('pools rare columns only as far as the expected counts need it', () => {
    const few = defined(
      chiSquare({ reference: [500, 300, 3, 2, 1, 0], live: [480, 310, 2, 3, 2, 1], pool: true }),
    );
    expect(few).toMatchObject({ pooled: [5, 4, 3, 2], expectedTooSmall: false, df: 2 });
    const many = defined(
      chiSquare({
        reference: [50, 60, 70, 80, 90, 50, 60, 1, 0],
        live: [55, 66, 77, 88, 99, 55, 66, 2, 1],
        pool: true,
      }),
    );
    expect(many).toMatchObject({ pooled: [8, 7], expectedTooSmall: false, df: 7 });
  });

  it('does not pool where no expected count is too small', () => {
    const table = { reference: [50, 60, 70], live: [55, 66, 77] };
    expect(chiSquare({ ...table, pool: true })).toEqual(chiSquare(table));
  });

  it('says so where even pooling to two columns does not help', () => {
    const result = defined(chiSquare({ reference: [1, 1, 1], live: [1, 0, 1], pool: true }));
    expect(result.df).toBe(1);
    expect(result.expectedTooSmall).toBe(true);
  });

  it('keeps every observation when it pools', () => {
    for (const { reference, live } of fixtures.tables) {
      const result = defined(chiSquare({ reference, live, pool: true }));
      expect(new Set(result.pooled).size).toBe(result.pooled.length);
      expect(result.df).toBeLessThanOrEqual(reference.length - 1);
      expect(result.p).toBeGreaterThanOrEqual(0);
    }
  });

  it('finds nothing in one category', () => {
    expect(defined(chiSquare({ reference: [5, 0], live: [7, 0] }))).toMatchObject({
      statistic: 0,
      df: 0,
      p: 1,
      cramersV: 0,
    });
  });

  it('answers an empty row as undefined and names a count that is none', () => {
    expect(chiSquare({ reference: [0, 0], live: [1, 2] })).toMatchObject({ kind: 'undefined' });
    expect(chiSquare({ reference: [], live: [] })).toMatchObject({ kind: 'undefined' });
    expect(() => chiSquare({ reference: [1, NaN], live: [1, 2] })).toThrow(/reference\[1\] is NaN/);
    expect(() => chiSquare({ reference: [1, 2], live: [1, 2.5] })).toThrow(/live\[1\] is 2.5/);
    expect(() => chiSquare({ reference: [1], live: [1, 2] })).toThrow(/1 and 2 entries/);
  });
});

describe('binned distances', () => {
  it('agree with the oracles, critical values included', () => {
    for (const entry of fixtures.tables) {
      const { reference, live } = entry;
      const psi = defined(populationStabilityIndex({ reference, live }));
      expectClose(psi.value, entry.psi, { absolute: 1e-12 });
      expectClose(psi.criticalValue, entry.psiCritical);
      const base2 = defined(jensenShannonDistance({ reference, live }));
      expectClose(base2.value, entry.jensenShannon2, { absolute: 1e-7 });
      expectClose(base2.criticalValue, entry.jensenShannon2Critical);
      expectClose(
        defined(jensenShannonDistance({ reference, live, base: 'e' })).value,
        entry.jensenShannonE,
        { absolute: 1e-7 },
      );
    }
  });

  it('are symmetric, zero for equal shares, and at most 1 in base 2', () => {
    for (const { reference, live } of fixtures.tables) {
      const there = defined(jensenShannonDistance({ reference, live })).value;
      expectClose(defined(jensenShannonDistance({ reference: live, live: reference })).value, there, {
        absolute: 1e-9,
      });
      expect(there).toBeLessThanOrEqual(1);
      expectClose(
        defined(populationStabilityIndex({ reference: live, live: reference })).value,
        defined(populationStabilityIndex({ reference, live })).value,
        { absolute: 1e-14 },
      );
    }
    expect(defined(jensenShannonDistance({ reference: [1, 2], live: [10, 20] })).value).toBe(0);
    expect(defined(jensenShannonDistance({ reference: [1, 0], live: [0, 1] })).value).toBe(1);
  });

  it('exceed their critical value about one time in twenty without drift', () => {
    const random = seededRandom(99);
    const draw = (count: number): number[] => {
      const bins = Array.from({ length: 10 }, () => 0);
      for (let row = 0; row < count; row += 1) {
        const bin = random.below(10);
        bins[bin] = (bins[bin] ?? 0) + 1;
      }
      return bins;
    };
    let psiAlarms = 0;
    let distanceAlarms = 0;
    for (let round = 0; round < 1000; round += 1) {
      const counts = { reference: draw(2000), live: draw(400) };
      const psi = defined(populationStabilityIndex(counts));
      const distance = defined(jensenShannonDistance(counts));
      if (psi.value > psi.criticalValue) psiAlarms += 1;
      if (distance.value > distance.criticalValue) distanceAlarms += 1;
    }
    expect(psiAlarms).toBeGreaterThan(30);
    expect(psiAlarms).toBeLessThan(75);
    expect(distanceAlarms).toBeGreaterThan(30);
    expect(distanceAlarms).toBeLessThan(75);
  });

  it('answer an empty sample as undefined and name a bad argument', () => {
    for (const distance of [populationStabilityIndex, jensenShannonDistance]) {
      expect(distance({ reference: [0], live: [3] })).toMatchObject({ kind: 'undefined' });
      expect(distance({ reference: [3], live: [0] })).toMatchObject({ kind: 'undefined' });
      expect(() => distance({ reference: [NaN], live: [3] })).toThrow(/reference\[0\] is NaN/);
      expect(() => distance({ reference: [1], live: [3], alpha: 1 })).toThrow(/alpha is 1/);
    }
  });
});

describe("McNemar's test", () => {
  it('agrees with statsmodels, exact and by chi-square', () => {
    for (const [
      controlOnly = NaN,
      candidateOnly = NaN,
      exact = NaN,
      plain = NaN,
      plainP = NaN,
      corrected = NaN,
      correctedP = NaN,
    ] of fixtures.mcnemar) {
      const counts = { controlOnly, candidateOnly };
      expectClose(mcNemar(counts).p, exact);
      const byChiSquare = mcNemar({ ...counts, method: 'chi-square' });
      expectClose(byChiSquare.statistic, plain);
      expectClose(byChiSquare.p, plainP);
      const byCorrected = mcNemar({ ...counts, method: 'chi-square-corrected' });
      expectClose(byCorrected.statistic, corrected);
      expectClose(byCorrected.p, correctedP);
    }
  });

  it('names a count that is none', () => {
    expect(() => mcNemar({ controlOnly: -1, candidateOnly: 2 })).toThrow(/controlOnly is -1/);
    expect(() => mcNemar({ controlOnly: 1, candidateOnly: NaN })).toThrow(/candidateOnly is NaN/);
  });
});

describe('corrections for multiple testing', () => {
  it('agree with scipy and statsmodels', () => {
    for (const { ps, holm: byHolm, bh } of fixtures.adjustments) {
      for (const [index, p] of holm(ps).adjusted.entries()) expectClose(p, byHolm[index] ?? NaN);
      for (const [index, p] of benjaminiHochberg(ps).adjusted.entries()) expectClose(p, bh[index] ?? NaN);
    }
  });

  it.each(Object.entries({ holm, benjaminiHochberg }))(
    '%s leaves out what could not be tested',
    (_name, adjust) => {
      const whole = adjust([0.01, 0.04]);
      const { adjusted, tested } = adjust([NaN, 0.01, NaN, 0.04]);
      expect(tested).toBe(2);
      expect(adjusted).toEqual([NaN, whole.adjusted[0], NaN, whole.adjusted[1]]);
      expect(adjust([])).toEqual({ adjusted: [], tested: 0 });
      expect(() => adjust([0.1, 1.5])).toThrow(/ps\[1\] is 1.5/);
    },
  );
});
