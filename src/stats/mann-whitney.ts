import { normalSf } from './normal-distribution.js';
import type { UndefinedStatistic } from './undefined-statistic.js';
import { undefinedStatistic } from './undefined-statistic.js';
import type { Sample } from './value-counts.js';
import { mergeCounts, valueCounts } from './value-counts.js';

/** The exact law is used while the smaller sample has at most this many values and no value repeats, as scipy's 'auto'. */
const exactCountMax = 8;
/** Past this many pairs the exact law would take too much memory; the asymptotic one is as good there. */
const exactPairsMax = 10_000_000;

export interface MannWhitney {
  readonly kind: 'value';
  /** U of the live sample: pairs (live, reference) with live greater, ties counting one half. */
  readonly u: number;
  /** U/(n·m): the chance that a live value exceeds a reference value, ties counting one half. Above ½: values went up. */
  readonly auc: number;
  /** Two-sided; with continuity correction where asymptotic. 1 where all values are equal. */
  readonly p: number;
  readonly method: 'exact' | 'asymptotic';
  readonly referenceCount: number;
  readonly liveCount: number;
}

/**
 * Mann-Whitney U test of two samples (finite values, ascending, or counted), with mid-ranks for ties.
 * U is exact while n·m stays below 2⁵². p as scipy.stats.mannwhitneyu(live, reference, method='auto'), but asymptotic past ten million pairs.
 */
export function mannWhitney(options: {
  readonly reference: Sample;
  readonly live: Sample;
}): MannWhitney | UndefinedStatistic {
  const merged = mergeCounts(valueCounts('reference', options.reference), valueCounts('live', options.live));
  const { referenceTotal, liveTotal } = merged;
  if (referenceTotal === 0) return undefinedStatistic('the reference sample is empty');
  if (liveTotal === 0) return undefinedStatistic('the live sample is empty');

  const total = referenceTotal + liveTotal;
  let twiceU = 0;
  let referenceBelow = 0;
  let tieShare = 0;
  for (let index = 0; index < merged.values.length; index += 1) {
    const referenceCount = merged.reference[index] ?? 0;
    const liveCount = merged.live[index] ?? 0;
    const ties = referenceCount + liveCount;
    twiceU += liveCount * (2 * referenceBelow + referenceCount);
    referenceBelow += referenceCount;
    tieShare += ((ties - 1) * ties * (ties + 1)) / (total * (total - 1));
  }
  const u = twiceU / 2;
  const pairs = referenceTotal * liveTotal;
  const larger = Math.max(u, pairs - u);
  const untied = merged.values.length === total;
  const exact = untied && pairs <= exactPairsMax && Math.min(referenceTotal, liveTotal) <= exactCountMax;
  const p = exact
    ? exactP(larger, referenceTotal, liveTotal)
    : asymptoticP({ larger, pairs, total, tieShare });
  return {
    kind: 'value',
    u,
    auc: u / pairs,
    p,
    method: exact ? 'exact' : 'asymptotic',
    referenceCount: referenceTotal,
    liveCount: liveTotal,
  };
}

function asymptoticP(options: {
  readonly larger: number;
  readonly pairs: number;
  readonly total: number;
  readonly tieShare: number;
}): number {
  const { larger, pairs, total, tieShare } = options;
  const variance = (pairs / 12) * (total + 1 - tieShare);
  // All values equal: nothing speaks against equal distributions.
  if (variance <= 0) return 1;
  return Math.min(1, 2 * normalSf((larger - pairs / 2 - 0.5) / Math.sqrt(variance)));
}

/** 2·P(U ≥ larger), from the counts of partitions that the Gaussian binomial coefficient generates, as probabilities. */
function exactP(larger: number, first: number, second: number): number {
  const small = Math.min(first, second);
  const large = Math.max(first, second);
  const size = small * large + 1;
  // By symmetry P(U ≥ larger) = P(U ≤ pairs − larger): small terms are added first.
  const limit = small * large - larger;
  let law = new Float64Array(size);
  law[0] = 1;
  for (let i = 1; i <= small; i += 1) {
    const top = large + i;
    // Multiply by (1 − q^top)/(1 − q^i), scaled by i/top so that the entries stay probabilities.
    const next = new Float64Array(size);
    const end = i * large;
    for (let k = 0; k <= end; k += 1) {
      const before = k >= i ? (next[k - i] ?? 0) : 0;
      next[k] = before + (law[k] ?? 0) - (k >= top ? (law[k - top] ?? 0) : 0);
    }
    for (let k = 0; k <= end; k += 1) next[k] = ((next[k] ?? 0) * i) / top;
    law = next;
  }
  let tail = 0;
  for (let k = 0; k <= limit; k += 1) tail += law[k] ?? 0;
  return Math.min(1, 2 * tail);
}
