import { describe, expect, it } from 'vitest';
import { ascendingOrder } from '../../../src/stats/ascending-order.js';
import { auc, pairedAuc } from '../../../src/stats/auc.js';
import { seededRandom } from '../../../src/stats/seeded-random.js';
import { defined, expectClose, fixtures } from './stats-fixtures.js';

describe('the area under the ROC curve', () => {
  it('equals that of scikit-learn', () => {
    for (const { labels, control, candidate, controlAuc, candidateAuc } of fixtures.aucs) {
      const bytes = Uint8Array.from(labels);
      expectClose(defined(auc({ scores: Float64Array.from(control), labels: bytes })).auc, controlAuc, {
        relative: 1e-12,
      });
      expectClose(defined(auc({ scores: Float64Array.from(candidate), labels: bytes })).auc, candidateAuc, {
        relative: 1e-12,
      });
    }
  });

  it('agrees with the full kernel on the paired difference, its error, interval and p', () => {
    for (const entry of fixtures.aucs) {
      const result = defined(
        pairedAuc({
          controlScores: Float64Array.from(entry.control),
          candidateScores: Float64Array.from(entry.candidate),
          labels: Uint8Array.from(entry.labels),
        }),
      );
      expectClose(result.controlAuc, entry.controlAuc, { relative: 1e-12 });
      expectClose(result.candidateAuc, entry.candidateAuc, { relative: 1e-12 });
      expectClose(result.standardError, entry.standardError);
      expectClose(result.df, entry.df);
      for (const key of ['difference', 'lower', 'upper', 'p'] as const) {
        expectClose(result[key], entry[key], { absolute: 1e-13, what: key });
      }
      expect(result.degenerate).toBe(entry.standardError === 0);
    }
  });

  it('does not depend on the order of the rows', () => {
    const random = seededRandom(3);
    const rows = Array.from({ length: 500 }, () => ({
      score: Math.round(random.normal() * 20) / 20,
      label: random.below(2),
      key: random.uniform(),
    }));
    const of = (list: typeof rows): number =>
      defined(
        auc({
          scores: Float64Array.from(list, (row) => row.score),
          labels: Uint8Array.from(list, (row) => row.label),
        }),
      ).auc;
    expect(of(rows.toSorted((a, b) => a.key - b.key))).toBe(of(rows));
  });

  it('turns around with the scores, and changes sign with the models', () => {
    const random = seededRandom(4);
    const labels = Uint8Array.from({ length: 300 }, () => random.below(2));
    const controlScores = Float32Array.from(labels, (label) => label + random.normal());
    const candidateScores = Float32Array.from(labels, (label) => label + random.normal());
    const straight = defined(auc({ scores: controlScores, labels })).auc;
    expectClose(defined(auc({ scores: controlScores.map((score) => -score), labels })).auc, 1 - straight);
    const there = defined(pairedAuc({ controlScores, candidateScores, labels }));
    const back = defined(
      pairedAuc({ controlScores: candidateScores, candidateScores: controlScores, labels }),
    );
    expect(back.difference).toBe(-there.difference);
    expectClose(back.standardError, there.standardError, { relative: 1e-13 });
    expectClose(back.p, there.p, { relative: 1e-12 });
  });

  it('takes minus zero for zero and ranks infinities at the ends', () => {
    const labels = Uint8Array.of(0, 1, 1, 0);
    expect(defined(auc({ scores: Float64Array.of(0, -0, Infinity, -Infinity), labels })).auc).toBe(3.5 / 4);
  });

  it('is undefined where a class is missing', () => {
    const of = (...labels: number[]): unknown =>
      auc({ scores: new Float64Array(labels.length), labels: Uint8Array.from(labels) });
    expect(of()).toEqual({ kind: 'undefined', reason: 'there are no rows' });
    expect(of(0, 0)).toEqual({ kind: 'undefined', reason: 'no row is positive' });
    expect(of(1)).toEqual({ kind: 'undefined', reason: 'no row is negative' });
    const scores = Float64Array.of(1, 2, 3);
    const labels = Uint8Array.of(0, 1, 0);
    expect(pairedAuc({ controlScores: scores, candidateScores: scores, labels })).toMatchObject({
      kind: 'undefined',
    });
  });

  it('calls equal rankings, and samples too small to vary, degenerate', () => {
    const labels = Uint8Array.of(0, 0, 1, 1);
    const controlScores = Float64Array.of(1, 2, 3, 4);
    const candidateScores = Float64Array.of(4, 3, 2, 1);
    const equal = defined(pairedAuc({ controlScores, candidateScores: controlScores, labels }));
    expect(equal).toMatchObject({ difference: 0, standardError: 0, p: 1, degenerate: true });
    const reversed = defined(pairedAuc({ controlScores, candidateScores, labels }));
    expect(reversed).toMatchObject({ difference: -1, standardError: 0, p: 1, degenerate: true });
  });

  it('names the argument that makes no sense', () => {
    const labels = Uint8Array.of(0, 1);
    const scores = Float64Array.of(1, 2);
    expect(() => auc({ scores: Float64Array.of(1, NaN), labels })).toThrow(/scores\[1\] is NaN/);
    expect(() => auc({ scores, labels: Uint8Array.of(0, 2) })).toThrow(/labels\[1\] is 2/);
    expect(() => auc({ scores: Float64Array.of(1), labels })).toThrow(/1 and 2 entries/);
    expect(() => pairedAuc({ controlScores: scores, candidateScores: scores, labels, level: 0 })).toThrow(
      /level is 0/,
    );
  });

  it('covers the true difference about 95 times in 100', () => {
    const random = seededRandom(77);
    let covered = 0;
    for (let round = 0; round < 400; round += 1) {
      const labels = Uint8Array.from({ length: 300 }, (_, row) => row % 2);
      const shared = Float64Array.from(labels, (label) => label + random.normal());
      const noisy = (): Float64Array => shared.map((score) => score + random.normal());
      const { lower, upper } = defined(
        pairedAuc({ controlScores: noisy(), candidateScores: noisy(), labels }),
      );
      if (lower <= 0 && upper >= 0) covered += 1;
    }
    expect(covered).toBeGreaterThan(365);
    expect(covered).toBeLessThan(395);
  });

  it('takes two million rows, of either type', () => {
    const random = seededRandom(8);
    const labels = new Uint8Array(2_000_000);
    const controlScores = new Float32Array(labels.length);
    const candidateScores = new Float64Array(labels.length);
    for (let row = 0; row < labels.length; row += 1) {
      labels[row] = random.below(2);
      controlScores[row] = random.uniform();
      candidateScores[row] = random.uniform();
    }
    const result = defined(pairedAuc({ controlScores, candidateScores, labels }));
    expectClose(defined(auc({ scores: candidateScores, labels })).auc, result.candidateAuc, { relative: 0 });
  });
});

describe('the ascending order', () => {
  it('is the stable order of a comparison sort, for both types', () => {
    const random = seededRandom(6);
    const special = [0, -0, Infinity, -Infinity, 5e-324, -5e-324, 1e308, -1e308, 1, -1];
    for (const count of [0, 1, 2, 17, 1000]) {
      const values = Array.from({ length: count }, () =>
        random.below(4) === 0
          ? (special[random.below(special.length)] ?? 0)
          : Math.fround(random.normal() * 2 ** (random.below(60) - 30)),
      );
      for (const typed of [Float64Array.from(values), Float32Array.from(values)]) {
        const expected = Array.from(typed.keys()).sort((a, b) => {
          const [first, second] = [typed[a] ?? NaN, typed[b] ?? NaN];
          return first < second ? -1 : first > second ? 1 : a - b;
        });
        expect(Array.from(ascendingOrder('values', typed))).toEqual(expected);
      }
    }
  });
});
