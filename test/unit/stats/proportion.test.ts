import { describe, expect, it } from 'vitest';
import {
  independentProportionDifference,
  pairedProportionDifference,
  wilsonInterval,
} from '../../../src/stats/proportion.js';
import { seededRandom } from '../../../src/stats/seeded-random.js';
import { defined, expectClose, fixtures } from './stats-fixtures.js';

const { proportions } = fixtures;

describe('intervals for proportions', () => {
  it("agree with statsmodels on Wilson's interval", () => {
    for (const [successes = NaN, trials = NaN, level = NaN, lower = NaN, upper = NaN] of proportions.wilson) {
      const result = defined(wilsonInterval({ successes, trials, level }));
      expectClose(result.lower, lower, { absolute: 1e-15 });
      expectClose(result.upper, upper);
    }
  });

  it("agree with statsmodels on Newcombe's difference of independent proportions", () => {
    for (const [
      a = NaN,
      n = NaN,
      b = NaN,
      m = NaN,
      level = NaN,
      lower = NaN,
      upper = NaN,
    ] of proportions.independent) {
      const candidate = { successes: a, trials: n };
      const control = { successes: b, trials: m };
      const result = defined(independentProportionDifference({ control, candidate, level }));
      expectClose(result.lower, lower, { absolute: 1e-14 });
      expectClose(result.upper, upper, { absolute: 1e-14 });
    }
  });

  it("agree with the numerically maximised likelihood on Tango's paired difference", () => {
    for (const [
      candidateOnly = NaN,
      controlOnly = NaN,
      rows = NaN,
      level = NaN,
      lower = NaN,
      upper = NaN,
    ] of proportions.paired) {
      const result = defined(pairedProportionDifference({ candidateOnly, controlOnly, rows, level }));
      expectClose(result.lower, lower, {
        absolute: 1e-14,
        what: `lower of ${candidateOnly}, ${controlOnly}, ${rows}`,
      });
      expectClose(result.upper, upper, {
        absolute: 1e-14,
        what: `upper of ${candidateOnly}, ${controlOnly}, ${rows}`,
      });
    }
  });

  it('mirror when control and candidate are exchanged', () => {
    for (const [candidateOnly = NaN, controlOnly = NaN, rows = NaN, level = NaN] of proportions.paired) {
      const there = defined(pairedProportionDifference({ candidateOnly, controlOnly, rows, level }));
      const back = defined(
        pairedProportionDifference({ candidateOnly: controlOnly, controlOnly: candidateOnly, rows, level }),
      );
      expectClose(back.lower, -there.upper, { absolute: 1e-14 });
      expectClose(back.upper, -there.lower, { absolute: 1e-14 });
    }
  });

  it('do not take agreement on few rows for equality', () => {
    const result = defined(pairedProportionDifference({ candidateOnly: 0, controlOnly: 0, rows: 20 }));
    const z2 = 1.959963984540054 ** 2;
    expectClose(result.upper, z2 / (20 + z2));
    expectClose(result.lower, -z2 / (20 + z2));
  });

  it.each([
    { rows: 30, candidateOnly: 0.15, controlOnly: 0.05 },
    { rows: 50, candidateOnly: 0.05, controlOnly: 0.05 },
    { rows: 200, candidateOnly: 0.02, controlOnly: 0.03 },
    { rows: 200, candidateOnly: 0.3, controlOnly: 0.1 },
    { rows: 1000, candidateOnly: 0.01, controlOnly: 0.004 },
  ])(
    'cover the true paired difference about 95 times in 100: $rows rows, $candidateOnly against $controlOnly',
    (truth) => {
      const random = seededRandom(truth.rows * 1000 + truth.candidateOnly * 100);
      const difference = truth.candidateOnly - truth.controlOnly;
      const repeats = 1500;
      let covered = 0;
      for (let repeat = 0; repeat < repeats; repeat += 1) {
        let candidateOnly = 0;
        let controlOnly = 0;
        for (let row = 0; row < truth.rows; row += 1) {
          const draw = random.uniform();
          if (draw < truth.candidateOnly) candidateOnly += 1;
          else if (draw < truth.candidateOnly + truth.controlOnly) controlOnly += 1;
        }
        const { lower, upper } = defined(
          pairedProportionDifference({ candidateOnly, controlOnly, rows: truth.rows }),
        );
        if (lower <= difference && difference <= upper) covered += 1;
      }
      expect(covered / repeats).toBeGreaterThan(0.93);
      expect(covered / repeats).toBeLessThan(0.985);
    },
  );

  it('are undefined without rows, and name a count that is none', () => {
    expect(wilsonInterval({ successes: 0, trials: 0 })).toMatchObject({ kind: 'undefined' });
    const none = { successes: 0, trials: 0 };
    const some = { successes: 1, trials: 2 };
    expect(independentProportionDifference({ control: none, candidate: some })).toMatchObject({
      kind: 'undefined',
    });
    expect(independentProportionDifference({ control: some, candidate: none })).toMatchObject({
      kind: 'undefined',
    });
    expect(pairedProportionDifference({ candidateOnly: 0, controlOnly: 0, rows: 0 })).toMatchObject({
      kind: 'undefined',
    });
    expect(() => wilsonInterval({ successes: 3, trials: 2 })).toThrow(/successes is 3/);
    expect(() => wilsonInterval({ successes: 1, trials: 2, level: 1.5 })).toThrow(/level is 1.5/);
    expect(() =>
      independentProportionDifference({ control: { successes: NaN, trials: 2 }, candidate: some }),
    ).toThrow(/control.successes is NaN/);
    expect(() => pairedProportionDifference({ candidateOnly: 2, controlOnly: 2, rows: 3 })).toThrow(
      /at most rows, 3/,
    );
  });
});
