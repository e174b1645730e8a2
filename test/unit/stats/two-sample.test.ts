import { describe, expect, it } from 'vitest';
import { ksTwoSample } from '../../../src/stats/ks-two-sample.js';
import { mannWhitney } from '../../../src/stats/mann-whitney.js';
import { seededRandom } from '../../../src/stats/seeded-random.js';
import { valueCounts } from '../../../src/stats/value-counts.js';
import { wasserstein } from '../../../src/stats/wasserstein.js';
import { defined, expectClose, fixtures } from './stats-fixtures.js';

const pairs = fixtures.twoSamples.map((entry) => ({
  ...entry,
  reference: Float64Array.from(entry.reference),
  live: Float64Array.from(entry.live),
}));

function evenlySpaced(count: number, shift: number): Float64Array {
  return Float64Array.from({ length: count }, (_, index) => index / count + shift);
}

/** The two cumulative distributions' difference at a value, reference minus live. */
function gapAt(reference: Float64Array, live: Float64Array, value: number): number {
  const share = (sample: Float64Array): number => sample.filter((x) => x <= value).length / sample.length;
  return share(reference) - share(live);
}

describe('the Kolmogorov-Smirnov test', () => {
  it('agrees with scipy on D and p', () => {
    for (const { reference, live, ks } of pairs) {
      const result = defined(ksTwoSample({ reference, live }));
      expectClose(result.d, ks.d, { relative: 1e-14, absolute: 1e-15 });
      expectClose(result.p, ks.p, { what: `p for ${reference.length} and ${live.length}` });
      expect(result.method).toBe('exact');
    }
  });

  it('agrees with scipy on large samples, exact and asymptotic', () => {
    for (const { n, m, shift, d, p } of fixtures.kolmogorov.evenlySpaced) {
      const result = defined(ksTwoSample({ reference: evenlySpaced(n, 0), live: evenlySpaced(m, shift) }));
      expectClose(result.d, d, { relative: 1e-13 });
      expectClose(result.p, p, { what: `p for ${n}, ${m}` });
      expect(result.method).toBe(Math.max(n, m) <= 10_000 ? 'exact' : 'asymptotic');
    }
  });

  it('names a place where the distance is reached, and its direction', () => {
    for (const { reference, live } of pairs) {
      const { d, location, sign } = defined(ksTwoSample({ reference, live }));
      expectClose(sign * gapAt(reference, live, location), d, { relative: 1e-12, absolute: 1e-15 });
    }
    const up = defined(
      ksTwoSample({ reference: Float64Array.of(1, 2, 3), live: Float64Array.of(11, 12, 13) }),
    );
    expect(up).toMatchObject({ d: 1, sign: 1, location: 3 });
    const down = defined(
      ksTwoSample({ reference: Float64Array.of(11, 12, 13), live: Float64Array.of(1, 2, 3) }),
    );
    expect(down).toMatchObject({ d: 1, sign: -1, location: 3 });
  });

  it('gives the same answer from counts as from values', () => {
    for (const { reference, live } of pairs) {
      const counted = ksTwoSample({ reference: valueCounts('a', reference), live: valueCounts('b', live) });
      expect(counted).toEqual(ksTwoSample({ reference, live }));
    }
  });

  it('is symmetric but for the sign', () => {
    for (const { reference, live } of pairs) {
      const there = defined(ksTwoSample({ reference, live }));
      const back = defined(ksTwoSample({ reference: live, live: reference }));
      expect(back.d).toBe(there.d);
      expectClose(back.p, there.p, { relative: 1e-13 });
    }
  });

  it('stays exact where the products of the counts leave the range of doubles', () => {
    const reference = { values: Float64Array.of(1, 2), counts: Float64Array.of(150_000_000, 150_000_000) };
    const live = { values: Float64Array.of(1, 2), counts: Float64Array.of(150_000_001, 149_999_999) };
    const result = defined(ksTwoSample({ reference, live }));
    expectClose(result.d, 1 / 300_000_000, { relative: 1e-15 });
    expect(result).toMatchObject({ sign: -1, location: 1, p: 1, method: 'asymptotic' });
  });
});

describe('the Mann-Whitney test', () => {
  it('agrees with scipy on U and p, exact and asymptotic', () => {
    for (const { reference, live, mannWhitney: expected } of pairs) {
      const result = defined(mannWhitney({ reference, live }));
      expect(result.u).toBe(expected.u);
      expectClose(result.p, expected.p, { what: `p for ${reference.length} and ${live.length}` });
    }
  });

  it('puts the effect above one half where live values are larger', () => {
    const result = defined(
      mannWhitney({ reference: Float64Array.of(1, 2, 3), live: Float64Array.of(2, 4, 5) }),
    );
    expect(result.auc).toBe(7.5 / 9);
  });

  it('is antisymmetric around one half', () => {
    for (const { reference, live } of pairs) {
      const there = defined(mannWhitney({ reference, live }));
      const back = defined(mannWhitney({ reference: live, live: reference }));
      expect(there.u + back.u).toBe(reference.length * live.length);
      expectClose(back.p, there.p, { relative: 1e-12 });
    }
  });

  it('takes the asymptotic law where the exact one would need too much memory', () => {
    const result = defined(
      mannWhitney({ reference: evenlySpaced(3_000_000, 0), live: Float64Array.of(0.1234567, 2, 3, 4) }),
    );
    expect(result.method).toBe('asymptotic');
  });
});

describe('the Wasserstein distance', () => {
  it('agrees with scipy, raw and in units of the reference', () => {
    for (const { reference, live, wasserstein: expected, standardDeviation, interquartileRange } of pairs) {
      const byRange = defined(wasserstein({ reference, live }));
      const byDeviation = defined(wasserstein({ reference, live, scaleBy: 'standard-deviation' }));
      expectClose(byRange.distance, expected);
      if (interquartileRange > 0) {
        const { value, scaledBy } = defined(byRange.normalised);
        expect(scaledBy).toBe('interquartile-range');
        expectClose(value, (expected * 1.349) / interquartileRange);
      }
      if (standardDeviation > 0 && standardDeviation < 1e100) {
        const { value, scaledBy } = defined(byDeviation.normalised);
        expect(scaledBy).toBe('standard-deviation');
        expectClose(value, expected / standardDeviation);
      }
    }
  });

  it('falls back to the other spread where one is 0, and says when neither exists', () => {
    const spike = Float64Array.of(0, 0, 0, 0, 0, 0, 0, 9);
    expect(defined(defined(wasserstein({ reference: spike, live: spike })).normalised).scaledBy).toBe(
      'standard-deviation',
    );
    const constant = Float64Array.of(0.1, 0.1, 0.1);
    expect(defined(wasserstein({ reference: constant, live: Float64Array.of(5) })).normalised).toEqual({
      kind: 'undefined',
      reason: 'all reference values are equal',
    });
  });

  it('expects without drift what samples without drift give', () => {
    const random = seededRandom(5);
    const draw = (count: number): Float64Array =>
      Float64Array.from({ length: count }, () => random.normal()).sort();
    const reference = draw(4000);
    let observed = 0;
    let expected = 0;
    for (let round = 0; round < 200; round += 1) {
      const { distance, nullExpectation } = defined(wasserstein({ reference: draw(4000), live: draw(100) }));
      observed += distance / 200;
      expected = nullExpectation;
    }
    const atHundred = defined(wasserstein({ reference, live: draw(100) })).nullExpectation;
    expect(atHundred).toBeCloseTo(1.288 * Math.sqrt(1 / 4000 + 1 / 100), 2);
    expect(Math.abs(observed / expected - 1)).toBeLessThan(0.05);
  });
});

describe('every two-sample statistic', () => {
  const tests = { ksTwoSample, mannWhitney, wasserstein };

  it.each(Object.entries(tests))('%s answers an empty sample as undefined', (_name, test) => {
    const some = Float64Array.of(1);
    expect(test({ reference: new Float64Array(), live: some })).toMatchObject({
      kind: 'undefined',
      reason: 'the reference sample is empty',
    });
    expect(test({ reference: some, live: new Float64Array() })).toMatchObject({
      kind: 'undefined',
      reason: 'the live sample is empty',
    });
  });

  it.each(Object.entries(tests))('%s takes samples of equal values', (_name, test) => {
    const same = Float64Array.of(3, 3, 3);
    expect(defined(test({ reference: same, live: same }))).toMatchObject({ kind: 'value' });
  });

  it.each(Object.entries(tests))(
    '%s names the value that is not a finite number, or out of order',
    (_name, test) => {
      const some = Float64Array.of(1, 2);
      expect(() => test({ reference: Float64Array.of(1, NaN), live: some })).toThrow(/reference\[1\] is NaN/);
      expect(() => test({ reference: some, live: Float64Array.of(1, Infinity) })).toThrow(
        /live\[1\] is Infinity/,
      );
      expect(() => test({ reference: some, live: Float64Array.of(2, 1) })).toThrow(/live\[1\] is 1 after 2/);
      const bad = { values: Float64Array.of(1, 2), counts: Float64Array.of(1, 0.5) };
      expect(() => test({ reference: bad, live: some })).toThrow(/reference.counts\[1\] is 0.5/);
      const twice = { values: Float64Array.of(1, 1), counts: Float64Array.of(1, 1) };
      expect(() => test({ reference: twice, live: some })).toThrow(/reference.values\[1\] is 1 after 1/);
      const uneven = { values: Float64Array.of(1, 2), counts: Float64Array.of(1) };
      expect(() => test({ reference: uneven, live: some })).toThrow(/2 values and 1 counts/);
    },
  );

  it('takes minus zero for zero', () => {
    const result = defined(ksTwoSample({ reference: Float64Array.of(-0, 0), live: Float64Array.of(0, -0) }));
    expect(result.d).toBe(0);
  });
});
