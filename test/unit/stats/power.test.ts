import { describe, expect, it } from 'vitest';
import { detectableDifference } from '../../../src/stats/detectable-difference.js';
import { differenceDeviation } from '../../../src/stats/difference-deviation.js';
import { meanInterval } from '../../../src/stats/paired-mean.js';
import { rowsNeeded } from '../../../src/stats/sample-size.js';
import { seededRandom } from '../../../src/stats/seeded-random.js';
import { exactProportionInterval } from '../../../src/stats/exact-proportion.js';
import { sharePlan } from '../../../src/stats/share-plan.js';
import { momentsOf } from '../../../src/stats/moments.js';
import { defined, expectClose, fixtures } from './stats-fixtures.js';

describe('the detectable difference', () => {
  it("agrees with statsmodels' power calculation: to 6 % at 10 rows, to 0.1 % from 1,000 rows", () => {
    for (const [
      rows = NaN,
      standardDeviation = NaN,
      level = NaN,
      power = NaN,
      gap = NaN,
    ] of fixtures.detectableDifferences) {
      const { difference } = defined(detectableDifference({ rows, standardDeviation, level, power }));
      expect(Math.abs(difference / gap - 1), `${rows}, ${level}, ${power}`).toBeLessThan(
        rows >= 1000 ? 1e-3 : 0.06,
      );
    }
  });

  it('is what the rows needed for it are planned from', () => {
    for (const rows of [20, 100, 5_000, 1_000_000]) {
      const { difference } = defined(detectableDifference({ rows, standardDeviation: 0.4 }));
      const needed = defined(rowsNeeded({ limit: difference, mean: 0, standardDeviation: 0.4 })).rows;
      expect(Math.abs(needed - rows)).toBeLessThanOrEqual(1);
    }
  });

  it('is shown four times in five (2,000 rounds)', () => {
    const random = seededRandom(56);
    const rows = 60;
    const { difference } = defined(detectableDifference({ rows, standardDeviation: 1 }));
    let shown = 0;
    for (let round = 0; round < 2000; round += 1) {
      const values = Float64Array.from({ length: rows }, () => random.normal() - difference);
      if (defined(meanInterval({ moments: momentsOf(values) })).upper < 0) shown += 1;
    }
    expect(shown / 2000).toBeGreaterThan(0.77);
    expect(shown / 2000).toBeLessThan(0.83);
  });

  it('is undefined below two rows, and refuses what is no deviation', () => {
    expect(detectableDifference({ rows: 1, standardDeviation: 1 })).toMatchObject({ kind: 'undefined' });
    expect(detectableDifference({ rows: 2, standardDeviation: 0 })).toEqual({ kind: 'value', difference: 0 });
    expect(() => detectableDifference({ rows: 9, standardDeviation: NaN })).toThrow(
      /standardDeviation is NaN/,
    );
    expect(() => detectableDifference({ rows: 9, standardDeviation: 1, power: 1 })).toThrow(/power is 1/);
  });
});

describe('the deviation of a difference', () => {
  it('agrees with the quadratic form of the covariance, also where the correlation is nearly one', () => {
    for (const [
      candidate = NaN,
      control = NaN,
      weight = NaN,
      correlation = NaN,
      expected = NaN,
    ] of fixtures.differenceDeviations) {
      expectClose(differenceDeviation({ candidate, control, weight, correlation }), expected, {
        relative: 1e-7,
        absolute: 1e-12,
      });
    }
  });

  it('refuses a correlation outside of −1 to 1', () => {
    const sides = { candidate: 1, control: 1, weight: 1 };
    expect(() => differenceDeviation({ ...sides, correlation: 1.5 })).toThrow(/correlation is 1.5/);
    expect(() => differenceDeviation({ ...sides, control: -1, correlation: 0 })).toThrow(/deviations are/);
  });
});

describe('the plan of a share', () => {
  it('agrees with trying every count by statsmodels, and with the beta law of scipy', () => {
    for (const [
      rows = NaN,
      limit = NaN,
      level = NaN,
      power = NaN,
      failures = NaN,
      share = NaN,
      needed = NaN,
    ] of fixtures.sharePlans) {
      const plan = sharePlan({ rows, limit, level, power });
      expect(plan.rowsNeeded).toBe(needed);
      expect(plan.failuresMax ?? -1).toBe(failures);
      if (plan.failureShare === undefined) expect(share).toBe(-1);
      else expectClose(plan.failureShare, share, { relative: 1e-9 });
    }
  });

  it('gives the promised power (4,000 rounds)', () => {
    const random = seededRandom(57);
    const rows = 400;
    const { failureShare = NaN } = sharePlan({ rows, limit: 0.95 });
    let passed = 0;
    for (let round = 0; round < 4000; round += 1) {
      let failures = 0;
      for (let row = 0; row < rows; row += 1) if (random.uniform() < failureShare) failures += 1;
      if (defined(exactProportionInterval({ successes: rows - failures, trials: rows })).lower > 0.95)
        passed += 1;
    }
    expect(passed / 4000).toBeGreaterThan(0.78);
    expect(passed / 4000).toBeLessThan(0.82);
  });
});
