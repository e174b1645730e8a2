import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { z } from 'zod';

const number = z.union([
  z.number(),
  z.literal('NaN').transform(() => NaN),
  z.literal('Infinity').transform(() => Infinity),
  z.literal('-Infinity').transform(() => -Infinity),
]);
const numbers = z.array(number);
const rows = z.array(numbers);
const chiSquare = z.object({ statistic: number, df: number, p: number });

const Fixtures = z.object({
  twoSamples: z.array(
    z.object({
      reference: numbers,
      live: numbers,
      ks: z.object({ d: number, p: number, pAsymptotic: number }),
      mannWhitney: z.object({ u: number, p: number }),
      wasserstein: number,
      standardDeviation: number,
      interquartileRange: number,
      quantiles: rows,
      moments: z.object({ mean: number, squaredDeviations: number.nullable() }),
    }),
  ),
  kolmogorov: z.object({
    law: rows,
    evenlySpaced: z.array(z.object({ n: number, m: number, shift: number, d: number, p: number })),
  }),
  distributions: z.object({
    normal: rows,
    normalQuantile: rows,
    chiSquare: rows,
    chiSquareCritical: rows,
    studentT: rows,
    studentTQuantile: rows,
    binomial: rows,
  }),
  tables: z.array(
    z.object({
      reference: numbers,
      live: numbers,
      plain: chiSquare,
      yates: chiSquare,
      cramersV: number,
      cramersVCorrected: number,
      expectedTooSmall: z.boolean(),
      psi: number,
      psiCritical: number,
      jensenShannonE: number,
      jensenShannon2: number,
      jensenShannon2Critical: number,
    }),
  ),
  proportions: z.object({ wilson: rows, independent: rows, paired: rows }),
  aucs: z.array(
    z.object({
      labels: numbers,
      control: numbers,
      candidate: numbers,
      controlAuc: number,
      candidateAuc: number,
      standardError: number,
      difference: number,
      df: number,
      p: number,
      lower: number,
      upper: number,
    }),
  ),
  logLoss: z.object({
    scores: numbers,
    labels: numbers,
    losses: numbers,
    lossesFloat32: numbers,
    briers: numbers,
    classProbabilities: rows,
    classTruth: numbers,
    classLosses: numbers,
    classBriers: numbers,
  }),
  meanIntervals: z.array(
    z.object({ values: numbers, p: number, mean: number, standardError: number, levels: rows }),
  ),
  clusteredMeans: z.array(
    z.object({
      rows: numbers,
      sums: numbers,
      mean: number,
      standardError: number,
      lower: number,
      upper: number,
      p: number,
    }),
  ),
  clusteredAucs: z.array(
    z.object({
      labels: numbers,
      control: numbers,
      candidate: numbers,
      cells: numbers,
      cellCount: number,
      difference: number,
      standardError: number,
      delongError: number,
      sums: z.object({
        positives: numbers,
        negatives: numbers,
        control: z.object({ positive: numbers, negative: numbers }),
        candidate: z.object({ positive: numbers, negative: numbers }),
      }),
    }),
  ),
  exactProportions: rows,
  clusteredProportions: z.array(
    z.object({
      rows: numbers,
      first: numbers,
      second: numbers,
      alikeRows: number,
      single: numbers,
      paired: numbers,
    }),
  ),
  skewedMeans: z.array(
    z.object({
      values: numbers,
      level: number,
      skewness: number,
      lower: number,
      upper: number,
      pAboveZero: number,
      pBelowZero: number,
    }),
  ),
  sampleSizes: rows,
  detectableDifferences: rows,
  differenceDeviations: rows,
  sharePlans: rows,
  adjustments: z.array(z.object({ ps: numbers, holm: numbers, bh: numbers })),
  mcnemar: rows,
  exactSums: z.array(z.object({ values: numbers, sum: number })),
  hashes: z.array(z.tuple([z.string(), z.number(), z.number()])),
  generator: z.array(
    z.object({ state: z.tuple([z.number(), z.number(), z.number(), z.number()]), words: numbers }),
  ),
});

/** What scipy, statsmodels, scikit-learn and mpmath say: see test/oracles/make_stats_fixtures.py. */
export const fixtures = Fixtures.parse(
  JSON.parse(readFileSync(new URL('../../oracles/stats-fixtures.json', import.meta.url), 'utf8')),
);

/** Holds a number against an oracle's: relative error at most `relative` (1e-10), or within `absolute` (1e-300). */
export function expectClose(
  actual: number,
  expected: number,
  tolerance: { readonly relative?: number; readonly absolute?: number; readonly what?: string } = {},
): void {
  const { relative = 1e-10, absolute = 1e-300, what = 'value' } = tolerance;
  const close =
    actual === expected || Math.abs(actual - expected) <= Math.max(absolute, relative * Math.abs(expected));
  expect(
    close,
    `${what}: ${actual} against ${expected}, relative error ${Math.abs(actual / expected - 1)}`,
  ).toBe(true);
}

/** Narrows the union of a statistic, and fails the test where it is undefined. */
export function defined<T extends { readonly kind: 'value' }>(
  result: T | { readonly kind: 'undefined'; readonly reason: string },
): T {
  if (result.kind === 'undefined') throw new Error(`undefined: ${result.reason}`);
  return result;
}
