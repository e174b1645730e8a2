import { describe, expect, it } from 'vitest';
import { clusteredMeanInterval } from '../../../src/stats/clustered-mean.js';
import { exactMoments } from '../../../src/stats/exact-moments.js';
import { mergeMoments, momentsOf, momentsOfSums } from '../../../src/stats/moments.js';
import { marginInterval, meanInterval } from '../../../src/stats/paired-mean.js';
import { rowsNeeded } from '../../../src/stats/sample-size.js';
import type { SkewedMoments } from '../../../src/stats/cubed-deviations.js';
import { mergeCubedDeviations, skewnessOfMoments } from '../../../src/stats/cubed-deviations.js';
import { skewedMeanInterval, skewnessOfMean } from '../../../src/stats/skewed-mean.js';
import { seededRandom } from '../../../src/stats/seeded-random.js';
import { defined, expectClose, fixtures } from './stats-fixtures.js';

describe('the interval of a mean', () => {
  it('agrees with scipy, two-sided and one-sided', () => {
    for (const { values, mean, standardError, p, levels } of fixtures.meanIntervals) {
      for (const [
        level = NaN,
        lower = NaN,
        upper = NaN,
        lowerOneSided = NaN,
        upperOneSided = NaN,
      ] of levels) {
        const moments = exactMoments();
        for (const value of values) moments.add(value);
        const result = defined(meanInterval({ moments: moments.moments(), level }));
        // A limit near 0 is a difference of larger numbers.
        const tolerance = { relative: 1e-10, absolute: standardError * 1e-10 };
        expectClose(result.mean, mean, tolerance);
        expectClose(result.standardError, standardError);
        expectClose(result.lower, lower, tolerance);
        expectClose(result.upper, upper, tolerance);
        expectClose(result.lowerOneSided, lowerOneSided, tolerance);
        expectClose(result.upperOneSided, upperOneSided, tolerance);
        // The p of a large t is as sensitive to t as df allows.
        expectClose(result.p, p, { relative: 1e-9 });
      }
    }
  });

  it('is the same from plain sums', () => {
    const values = Float64Array.of(0.5, -0.25, 1.5, 0.75);
    const sum = values.reduce((total, value) => total + value, 0);
    const sumOfSquares = values.reduce((total, value) => total + value * value, 0);
    const fromSums = defined(meanInterval({ moments: momentsOfSums({ count: 4, sum, sumOfSquares }) }));
    expectClose(fromSums.lower, defined(meanInterval({ moments: momentsOf(values) })).lower);
  });

  it('is undefined below two rows and a marked point where nothing varies', () => {
    expect(meanInterval({ moments: momentsOf(Float64Array.of(1)) })).toEqual({
      kind: 'undefined',
      reason: 'fewer than two rows',
    });
    const flat = defined(meanInterval({ moments: momentsOf(Float64Array.of(2, 2, 2)) }));
    expect(flat).toMatchObject({ mean: 2, lower: 2, upper: 2, p: 0, degenerate: true });
    const zero = defined(meanInterval({ moments: momentsOf(new Float64Array(5)) }));
    expect(zero).toMatchObject({ mean: 0, p: 1, degenerate: true });
  });

  it('names the argument that makes no sense', () => {
    const moments = { count: 3, mean: 0, squaredDeviations: 1 };
    expect(() => meanInterval({ moments: { ...moments, mean: NaN } })).toThrow(/moments.mean is NaN/);
    expect(() => meanInterval({ moments: { ...moments, squaredDeviations: -1 } })).toThrow(
      /squaredDeviations is -1/,
    );
    expect(() => meanInterval({ moments, level: 1 })).toThrow(/level is 1/);
  });
});

describe('the margin interval', () => {
  const random = seededRandom(41);
  const control = Float64Array.from({ length: 4000 }, () => -Math.log(1 - random.uniform()));
  const worseBy = (share: number): Float64Array =>
    control.map((loss) => loss * (1 + share) * (1 + 0.05 * random.normal()));

  it('lies below 0 for a candidate within the margin, and above it for one beyond', () => {
    expect(defined(marginInterval({ candidate: worseBy(0), control, margin: 0.01 })).upper).toBeLessThan(0);
    expect(
      defined(marginInterval({ candidate: worseBy(0.03), control, margin: 0.01 })).lower,
    ).toBeGreaterThan(0);
  });

  it('straddles 0 for a candidate at the margin', () => {
    const { lower, upper } = defined(
      marginInterval({ candidate: worseBy(0.01), control, margin: 0.01, level: 0.99 }),
    );
    expect(lower).toBeLessThan(0);
    expect(upper).toBeGreaterThan(0);
  });

  it('is bit-identical with the rows reversed', () => {
    const candidate = worseBy(0.01);
    expect(
      marginInterval({ candidate: candidate.toReversed(), control: control.toReversed(), margin: 0.01 }),
    ).toEqual(marginInterval({ candidate, control, margin: 0.01 }));
  });

  it('names the row that has no loss', () => {
    const one = Float64Array.of(1, 2);
    expect(() => marginInterval({ candidate: Float64Array.of(1, NaN), control: one, margin: 0 })).toThrow(
      /candidate\[1\] is NaN/,
    );
    expect(() => marginInterval({ candidate: one, control: one, margin: -1 })).toThrow(/margin is -1/);
    expect(() => marginInterval({ candidate: one, control: Float64Array.of(1), margin: 0 })).toThrow(
      /2 and 1 entries/,
    );
  });
});

describe('the rows needed', () => {
  it("agree with statsmodels' power calculation to two rows", () => {
    for (const [
      gap = NaN,
      standardDeviation = NaN,
      level = NaN,
      power = NaN,
      rows = NaN,
    ] of fixtures.sampleSizes) {
      const needed = defined(rowsNeeded({ limit: gap, mean: 0, standardDeviation, level, power })).rows;
      expect(Math.abs(needed - Math.ceil(rows)), `${needed} against ${rows}`).toBeLessThanOrEqual(2);
    }
  });

  it('give the promised power', () => {
    const random = seededRandom(55);
    const { rows } = defined(rowsNeeded({ limit: 0.5, mean: 0.1, standardDeviation: 1 }));
    let judged = 0;
    for (let round = 0; round < 1000; round += 1) {
      const values = Float64Array.from({ length: rows }, () => 0.1 + random.normal());
      if (defined(meanInterval({ moments: momentsOf(values) })).upper < 0.5) judged += 1;
    }
    expect(judged).toBeGreaterThan(765);
    expect(judged).toBeLessThan(845);
  });

  it('are two where nothing varies, and undefined on the bad side of the limit', () => {
    expect(rowsNeeded({ limit: 1, mean: 0, standardDeviation: 0 })).toEqual({ kind: 'value', rows: 2 });
    expect(rowsNeeded({ limit: 0, mean: 0, standardDeviation: 1 })).toMatchObject({ kind: 'undefined' });
    expect(rowsNeeded({ limit: 1e-12, mean: 0, standardDeviation: 1e9 })).toMatchObject({
      kind: 'undefined',
    });
    expect(() => rowsNeeded({ limit: NaN, mean: 0, standardDeviation: 1 })).toThrow(/limit is NaN/);
    expect(() => rowsNeeded({ limit: 1, mean: 0, standardDeviation: -1 })).toThrow(/standardDeviation is -1/);
  });
});

describe('the interval of a mean over clusters', () => {
  it('agrees with the cluster-robust regression of statsmodels', () => {
    for (const { rows, sums, mean, standardError, lower, upper, p } of fixtures.clusteredMeans) {
      const clusters = { rows: Float64Array.from(rows), sums: Float64Array.from(sums) };
      const result = defined(clusteredMeanInterval({ clusters }));
      const tolerance = { relative: 1e-10, absolute: standardError * 1e-10 };
      expectClose(result.mean, mean, tolerance);
      expectClose(result.standardError, standardError, { relative: 1e-10 });
      expectClose(result.lower, lower, tolerance);
      expectClose(result.upper, upper, tolerance);
      expectClose(result.p, p, { relative: 1e-8 });
      expect(result.df).toBe(rows.length - 1);
    }
  });

  it('covers the truth at its level where rows of a subject are alike, and intervals of single rows do not', () => {
    const random = seededRandom(29);
    const rounds = 400;
    let [covered, coveredByRows] = [0, 0];
    for (let round = 0; round < rounds; round += 1) {
      const rows = new Float64Array(60);
      const sums = new Float64Array(60);
      const moments = exactMoments();
      for (let subject = 0; subject < 60; subject += 1) {
        const own = random.normal();
        for (let row = 0; row < 10; row += 1) {
          const value = own + random.normal();
          moments.add(value);
          rows[subject] = (rows[subject] ?? 0) + 1;
          sums[subject] = (sums[subject] ?? 0) + value;
        }
      }
      const clustered = defined(clusteredMeanInterval({ clusters: { rows, sums } }));
      if (clustered.lower <= 0 && clustered.upper >= 0) covered += 1;
      const single = defined(meanInterval({ moments: moments.moments() }));
      if (single.lower <= 0 && single.upper >= 0) coveredByRows += 1;
    }
    // Three standard errors around 95 %.
    expect(Math.abs(covered / rounds - 0.95)).toBeLessThan(3 * Math.sqrt((0.95 * 0.05) / rounds));
    expect(coveredByRows / rounds).toBeLessThan(0.75);
  });

  it('is undefined below two clusters, and takes no notice of empty ones', () => {
    const one = { rows: Float64Array.of(5, 0), sums: Float64Array.of(1, 0) };
    expect(clusteredMeanInterval({ clusters: one })).toEqual({
      kind: 'undefined',
      reason: 'fewer than two clusters of rows',
    });
    const two = { rows: Float64Array.of(2, 0, 3), sums: Float64Array.of(1, 0, 3) };
    const dense = { rows: Float64Array.of(2, 3), sums: Float64Array.of(1, 3) };
    expect(clusteredMeanInterval({ clusters: two })).toEqual(clusteredMeanInterval({ clusters: dense }));
  });
});

/** Moments of neighbouring pieces, joined from the left. */
function joinedMoments(values: Float64Array, pieces: number): SkewedMoments {
  const parts = Array.from({ length: pieces }, (_, piece) =>
    values.subarray(
      Math.floor((piece * values.length) / pieces),
      Math.floor(((piece + 1) * values.length) / pieces),
    ),
  );
  return parts
    .filter((part) => part.length > 0)
    .map((part): SkewedMoments => {
      const moments = momentsOf(part);
      const cubedDeviations = part.reduce((sum, value) => sum + (value - moments.mean) ** 3, 0);
      return { ...moments, cubedDeviations };
    })
    .reduce((first, second) => ({
      ...mergeMoments(first, second),
      cubedDeviations: mergeCubedDeviations(first, second),
    }));
}

describe('the interval of a skewed mean', () => {
  it('agrees with the transformation solved by bisection in scipy, limits and p', () => {
    for (const entry of fixtures.skewedMeans) {
      const values = Float64Array.from(entry.values);
      const { mean: estimate, standardError, df } = defined(meanInterval({ moments: momentsOf(values) }));
      const skewness = skewnessOfMean({ rows: new Float64Array(values.length).fill(1), sums: values });
      expectClose(skewness, entry.skewness, { absolute: 1e-14 });
      const found = skewedMeanInterval({ estimate, standardError, df, skewness, level: entry.level });
      const tolerance = { relative: 1e-9, absolute: standardError * 1e-9 };
      expectClose(found.lower, entry.lower, tolerance);
      expectClose(found.upper, entry.upper, tolerance);
      expectClose(found.pAboveZero, entry.pAboveZero, { relative: 1e-7 });
      expectClose(found.pBelowZero, entry.pBelowZero, { relative: 1e-7 });
    }
  });

  it("is nowhere narrower than Student's, and has the p that decides as its limits do", () => {
    for (const skewness of [-1, -0.4, -1e-9, 0, 1e-6, 0.3, 1]) {
      for (const estimate of [-3, -2.1, -1.9, 0, 2, 2.3, 5]) {
        const found = skewedMeanInterval({ estimate, standardError: 1, df: 60, skewness });
        expect(found.lower).toBeLessThanOrEqual(estimate - 2);
        expect(found.upper).toBeGreaterThanOrEqual(estimate + 2);
        expect(found.pAboveZero < 0.025).toBe(found.lower > 0);
        expect(found.pBelowZero < 0.025).toBe(found.upper < 0);
      }
    }
    expect(() => skewedMeanInterval({ estimate: 0, standardError: 1, df: 9, skewness: 1.1 })).toThrow(
      /skewness is 1.1/,
    );
  });

  it('has the same skewness from moments that were joined, piece by piece, as from all values at once', () => {
    for (const { values, skewness } of fixtures.skewedMeans) {
      for (const pieces of [1, 2, 3, 7]) {
        const joined = joinedMoments(Float64Array.from(values), pieces);
        expectClose(skewnessOfMoments(joined), skewness, { absolute: 1e-13 });
      }
    }
  });

  it('joins cubes of deviations as two passes over all values find them, also far from 0', () => {
    const random = seededRandom(68);
    for (const shift of [0, 1, 1e6]) {
      const values = Float64Array.from({ length: 10_000 }, () => shift + Math.log(1 - random.uniform()) ** 2);
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      const cubes = values.reduce((sum, value) => sum + (value - mean) ** 3, 0);
      for (const pieces of [2, 16, 100]) {
        const relative = shift === 1e6 ? 1e-8 : 1e-12;
        expectClose(joinedMoments(values, pieces).cubedDeviations, cubes, { relative });
      }
    }
  });

  it('takes for even what is too large for the cube of a double', () => {
    const moments = { count: 3, mean: 0, squaredDeviations: 1e240, cubedDeviations: NaN };
    expect(skewnessOfMoments(moments)).toBe(0);
    expect(skewnessOfMoments({ ...moments, cubedDeviations: Infinity })).toBe(1);
  });

  it('is a point where nothing varies', () => {
    const flat = { rows: Float64Array.of(2, 2), sums: Float64Array.of(1, 1) };
    expect(skewnessOfMean(flat)).toBe(0);
    expect(skewedMeanInterval({ estimate: 0.5, standardError: 0, df: 1, skewness: 0 })).toEqual({
      lower: 0.5,
      upper: 0.5,
      pAboveZero: 0,
      pBelowZero: 1,
    });
  });

  it("holds the upper limit more often than Student's: squares of exponential numbers", () => {
    const random = seededRandom(67);
    const rounds = 4000;
    let [missed, missedByStudent] = [0, 0];
    for (let round = 0; round < rounds; round += 1) {
      // Their mean is 1, their skewness 6.6.
      const sums = Float64Array.from({ length: 200 }, () => Math.log(1 - random.uniform()) ** 2 / 2);
      const student = defined(meanInterval({ moments: momentsOf(sums) }));
      const skewness = skewnessOfMean({ rows: new Float64Array(200).fill(1), sums });
      const found = skewedMeanInterval({ ...student, estimate: student.mean, skewness });
      if (student.upper < 1) missedByStudent += 1;
      if (found.upper < 1) missed += 1;
    }
    // Promised are 2.5 in 100; three standard errors of 4,000 rounds are 0.7.
    expect(missedByStudent / rounds).toBeGreaterThan(0.05);
    expect(missed / rounds).toBeLessThan(0.043);
  });
});
