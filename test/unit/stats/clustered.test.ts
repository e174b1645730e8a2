import { describe, expect, it } from 'vitest';
import { pairedAuc } from '../../../src/stats/auc.js';
import type { CellPlacements } from '../../../src/stats/clustered-auc.js';
import { clusteredAuc } from '../../../src/stats/clustered-auc.js';
import {
  clusteredPairedDifference,
  clusteredProportionInterval,
} from '../../../src/stats/clustered-proportion.js';
import { effectiveClusters } from '../../../src/stats/effective-clusters.js';
import { exactProportionInterval, exactProportionP } from '../../../src/stats/exact-proportion.js';
import { rowsPerSubject } from '../../../src/stats/hashed-subjects.js';
import { cellPlacements } from '../../../src/stats/cell-placements.js';
import { pairedProportionDifference, wilsonInterval } from '../../../src/stats/proportion.js';
import { seededRandom } from '../../../src/stats/seeded-random.js';
import { defined, expectClose, fixtures } from './stats-fixtures.js';

describe('the exact interval of a proportion', () => {
  it('agrees with the beta quantiles of scipy, also where the counts are not whole', () => {
    for (const [
      successes = NaN,
      trials = NaN,
      level = NaN,
      lower = NaN,
      upper = NaN,
    ] of fixtures.exactProportions) {
      const found = defined(exactProportionInterval({ successes, trials, level }));
      expectClose(found.lower, lower, { absolute: 1e-15, what: `lower of ${successes} in ${trials}` });
      expectClose(found.upper, upper, { relative: 1e-10, what: `upper of ${successes} in ${trials}` });
    }
  });

  it('has the p that decides as its limits do', () => {
    for (const [
      successes = NaN,
      trials = NaN,
      level = NaN,
      ,
      ,
      limit = NaN,
      above = NaN,
      below = NaN,
    ] of fixtures.exactProportions) {
      const found = defined(exactProportionInterval({ successes, trials, level }));
      const p = (side: 'above' | 'below') => exactProportionP({ successes, trials, limit, side });
      expectClose(p('above'), above, { relative: 1e-9 });
      expectClose(p('below'), below, { relative: 1e-9 });
      expect(found.lower > limit).toBe(p('above') < (1 - level) / 2);
      expect(found.upper < limit).toBe(p('below') < (1 - level) / 2);
    }
  });

  it("misses neither limit more often than promised, where Wilson's does: 4 expected successes", () => {
    const trials = 4000;
    const truth = 0.001;
    // P(X ≥ k), to which the lower limit above the truth comes.
    const missed = (lowerOf: (successes: number) => number): number => {
      let successes = 0;
      while (lowerOf(successes) <= truth) successes += 1;
      return exactProportionP({ successes, trials, limit: truth, side: 'above' });
    };
    expect(missed((successes) => defined(exactProportionInterval({ successes, trials })).lower)).toBeLessThan(
      0.025,
    );
    expect(missed((successes) => defined(wilsonInterval({ successes, trials })).lower)).toBeGreaterThan(0.05);
  });

  it('has limits of none and of all: one trial beside them settles it', () => {
    const p = (successes: number, limit: number, side: 'above' | 'below') =>
      exactProportionP({ successes, trials: 9, limit, side });
    expect([p(0, 0, 'above'), p(1, 0, 'above'), p(9, 0, 'below')]).toEqual([1, 0, 1]);
    expect([p(9, 1, 'below'), p(8, 1, 'below'), p(0, 1, 'above')]).toEqual([1, 0, 1]);
  });

  it('is undefined without trials, and names counts that are none', () => {
    expect(exactProportionInterval({ successes: 0, trials: 0 })).toMatchObject({ kind: 'undefined' });
    expect(exactProportionP({ successes: 0, trials: 0, limit: 0.1, side: 'below' })).toBe(1);
    expect(() => exactProportionInterval({ successes: 2, trials: 1 })).toThrow(/2 of 1 trials/);
    expect(() => exactProportionInterval({ successes: NaN, trials: 1 })).toThrow(/NaN of 1 trials/);
    expect(() => exactProportionP({ successes: 1, trials: 2, limit: -0.1, side: 'below' })).toThrow(
      /limit is -0.1/,
    );
  });
});

describe('intervals of proportions over clusters', () => {
  const typed = (values: readonly number[]) => Float64Array.from(values);

  it('agree with the variance over clusters, beta quantiles and the likelihood in numpy, scipy and mpmath', () => {
    for (const entry of fixtures.clusteredProportions) {
      const rows = typed(entry.rows);
      const alike = entry.alikeRows === 0 ? {} : { alikeRows: entry.alikeRows };
      const [effect = NaN, worth = NaN, lower = NaN, upper = NaN] = entry.single;
      const single = defined(
        clusteredProportionInterval({ clusters: { rows, successes: typed(entry.first) }, ...alike }),
      );
      expectClose(single.designEffect, effect);
      expectClose(single.effectiveRows, worth);
      expectClose(single.lower, lower, { relative: 1e-9, absolute: 1e-14 });
      expectClose(single.upper, upper, { relative: 1e-9 });
      const [pairedEffect = NaN, pairedWorth = NaN, pairedLower = NaN, pairedUpper = NaN] = entry.paired;
      const paired = defined(
        clusteredPairedDifference({
          clusters: { rows, candidateOnly: typed(entry.first), controlOnly: typed(entry.second) },
          ...alike,
        }),
      );
      expectClose(paired.designEffect, pairedEffect);
      expectClose(paired.effectiveRows, pairedWorth);
      expectClose(paired.lower, pairedLower, { relative: 1e-9, absolute: 1e-12 });
      expectClose(paired.upper, pairedUpper, { relative: 1e-9, absolute: 1e-12 });
    }
  });

  it('are those of the rows where every row is a cluster of its own', () => {
    const rows = new Float64Array(300).fill(1);
    const flags = (every: number, from = 0) =>
      Float64Array.from(rows, (_, row) => (row % every === from ? 1 : 0));
    const single = defined(clusteredProportionInterval({ clusters: { rows, successes: flags(10) } }));
    const exact = defined(exactProportionInterval({ successes: 30, trials: 300 }));
    expectClose(single.lower, exact.lower);
    expectClose(single.upper, exact.upper);
    const paired = defined(
      clusteredPairedDifference({ clusters: { rows, candidateOnly: flags(10), controlOnly: flags(50, 1) } }),
    );
    const score = defined(pairedProportionDifference({ candidateOnly: 30, controlOnly: 6, rows: 300 }));
    expectClose(paired.lower, score.lower);
    expectClose(paired.upper, score.upper);
  });

  it('take rows of a subject for wholly alike where nothing is seen to vary', () => {
    const rows = new Float64Array(100).fill(8);
    const none = new Float64Array(100);
    const found = defined(clusteredProportionInterval({ clusters: { rows, successes: none } }));
    expect(found).toMatchObject({ estimate: 0, lower: 0, designEffect: 8, rows: 800, clusters: 100 });
    expect(found.effectiveRows).toBeLessThan(100);
    expect(found.upper).toBeGreaterThan(0.03);
    const whole = defined(clusteredProportionInterval({ clusters: { rows, successes: rows } }));
    expectClose(whole.lower, 1 - found.upper);
    const known = defined(clusteredProportionInterval({ clusters: { rows, successes: none }, alikeRows: 2 }));
    expect(known.designEffect).toBe(2);
    const paired = defined(
      clusteredPairedDifference({ clusters: { rows, candidateOnly: none, controlOnly: none } }),
    );
    expect(paired).toMatchObject({ estimate: 0, designEffect: 8 });
    expectClose(paired.lower, -paired.upper);
  });

  it('take no notice of empty clusters, and are undefined below two others', () => {
    const dense = { rows: Float64Array.of(4, 5), successes: Float64Array.of(1, 0) };
    const gaps = { rows: Float64Array.of(4, 0, 5), successes: Float64Array.of(1, 0, 0) };
    expect(clusteredProportionInterval({ clusters: gaps })).toEqual(
      clusteredProportionInterval({ clusters: dense }),
    );
    const one = Float64Array.of(3, 0);
    expect(clusteredProportionInterval({ clusters: { rows: one, successes: one } })).toEqual({
      kind: 'undefined',
      reason: 'fewer than two clusters of rows',
    });
    expect(
      clusteredPairedDifference({
        clusters: { rows: one, candidateOnly: one, controlOnly: new Float64Array(2) },
      }),
    ).toMatchObject({ kind: 'undefined' });
  });

  it('name the cluster whose counts make no sense', () => {
    const rows = Float64Array.of(2, 2);
    expect(() =>
      clusteredProportionInterval({ clusters: { rows, successes: Float64Array.of(0, 3) } }),
    ).toThrow(/successes is 3 in cluster 1/);
    expect(() =>
      clusteredPairedDifference({
        clusters: { rows, candidateOnly: Float64Array.of(2, 0), controlOnly: Float64Array.of(1, 0) },
      }),
    ).toThrow(/candidateOnly \+ controlOnly is 3 in cluster 0/);
    expect(() => clusteredProportionInterval({ clusters: { rows, successes: new Float64Array(1) } })).toThrow(
      /2 and 1 entries/,
    );
  });
});

describe('the rows per subject', () => {
  it('are found from the cells that subjects are hashed into, many or few to a cell', () => {
    const random = seededRandom(91);
    for (const [subjects, most] of [
      [200, 20],
      [5_000, 7],
      [200_000, 3],
    ] as const) {
      const cells = new Float64Array(1024);
      let [total, squares] = [0, 0];
      for (let subject = 0; subject < subjects; subject += 1) {
        const rows = 1 + random.below(most);
        const cell = random.below(cells.length);
        cells[cell] = (cells[cell] ?? 0) + rows;
        total += rows;
        squares += rows * rows;
      }
      expect(Math.abs(rowsPerSubject(cells) / (squares / total) - 1)).toBeLessThan(3 * Math.sqrt(2 / 1024));
    }
  });

  it('are one at least, and NaN without rows', () => {
    expect(rowsPerSubject(new Float64Array(8).fill(7))).toBe(1);
    expect(rowsPerSubject(new Float64Array(8))).toBeNaN();
  });
});

it('counts clusters as fewer the more their sizes differ', () => {
  expect(effectiveClusters(Float64Array.of(5, 5, 0, 5))).toBe(3);
  expectClose(effectiveClusters(Float64Array.of(8, 1, 1)), 100 / 66);
  expect(effectiveClusters(new Float64Array(4))).toBe(0);
});

describe('the AUC difference over clusters', () => {
  const typed = (values: readonly number[]) => Float64Array.from(values);
  const cellsOf = ({ sums }: (typeof fixtures.clusteredAucs)[number]): CellPlacements => ({
    positives: typed(sums.positives),
    negatives: typed(sums.negatives),
    control: { positive: typed(sums.control.positive), negative: typed(sums.control.negative) },
    candidate: { positive: typed(sums.candidate.positive), negative: typed(sums.candidate.negative) },
  });

  it("has the standard error of Obuchowski's covariance matrices, written out in numpy", () => {
    for (const entry of fixtures.clusteredAucs) {
      const found = defined(clusteredAuc({ cells: cellsOf(entry) }));
      expectClose(found.difference, entry.difference, { absolute: 1e-13 });
      expectClose(found.standardError, entry.standardError, { relative: 1e-10 });
    }
  });

  it('is the same from the rows themselves', () => {
    for (const entry of fixtures.clusteredAucs) {
      const sums = cellPlacements({
        controlScores: typed(entry.control),
        candidateScores: typed(entry.candidate),
        labels: Uint8Array.from(entry.labels),
        cell: Uint16Array.from(entry.cells),
        cells: entry.cellCount,
      });
      const expected = cellsOf(entry);
      for (const side of ['control', 'candidate'] as const) {
        for (const kind of ['positive', 'negative'] as const) {
          for (const [cell, sum] of sums[side][kind].entries())
            expectClose(sum, expected[side][kind][cell] ?? NaN, { relative: 1e-12, absolute: 1e-14 });
        }
      }
      expect(sums.positives).toEqual(expected.positives);
      expect(sums.negatives).toEqual(expected.negatives);
    }
  });

  it("has exactly DeLong's standard error where every row is a cell of its own", () => {
    const alone = fixtures.clusteredAucs.filter(({ labels, cellCount }) => labels.length === cellCount);
    expect(alone.length).toBeGreaterThan(0);
    for (const entry of alone) {
      const delong = defined(
        pairedAuc({
          controlScores: typed(entry.control),
          candidateScores: typed(entry.candidate),
          labels: Uint8Array.from(entry.labels),
        }),
      );
      const found = defined(clusteredAuc({ cells: cellsOf(entry) }));
      expectClose(entry.delongError, delong.standardError);
      expectClose(found.standardError, delong.standardError, { relative: 1e-12 });
      expectClose(found.controlAuc, delong.controlAuc, { relative: 1e-13 });
      expectClose(found.candidateAuc, delong.candidateAuc, { relative: 1e-13 });
      expect(found).toMatchObject({ positives: delong.positives, negatives: delong.negatives });
    }
  });

  it('does not take two equal rankings for evidence', () => {
    const [entry] = fixtures.clusteredAucs;
    if (entry === undefined) throw new Error('no fixture');
    const cells = cellsOf(entry);
    const same = defined(clusteredAuc({ cells: { ...cells, candidate: cells.control } }));
    expect(same).toMatchObject({ difference: 0, standardError: 0, p: 1, degenerate: true });
  });

  it('is undefined where a class is in fewer than two cells, and names arrays that do not fit', () => {
    const side = { positive: Float64Array.of(1, 0), negative: Float64Array.of(0, 1) };
    const cells = {
      positives: Float64Array.of(2, 0),
      negatives: Float64Array.of(1, 1),
      control: side,
      candidate: side,
    };
    expect(clusteredAuc({ cells })).toEqual({
      kind: 'undefined',
      reason: 'fewer than two cells have a positive row',
    });
    expect(
      clusteredAuc({ cells: { ...cells, positives: cells.negatives, negatives: cells.positives } }),
    ).toEqual({
      kind: 'undefined',
      reason: 'fewer than two cells have a negative row',
    });
    expect(() => clusteredAuc({ cells: { ...cells, negatives: new Float64Array(3) } })).toThrow(
      /positives and negatives have 2 and 3 entries/,
    );
  });
});
