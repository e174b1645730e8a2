import { checkCount, checkOpenUnit, checkSameLength } from './checks.js';
import { chiSquareCriticalValue } from './chi-square-distribution.js';
import type { UndefinedStatistic } from './undefined-statistic.js';
import { undefinedStatistic } from './undefined-statistic.js';

export interface BinnedDistance {
  readonly kind: 'value';
  readonly value: number;
  /** What `value` is near when nothing drifted, at these sample sizes: its mean (PSI) or root mean square (distance). */
  readonly nullExpectation: number;
  /** What `value` exceeds with probability `alpha` when nothing drifted. */
  readonly criticalValue: number;
  readonly referenceCount: number;
  readonly liveCount: number;
}

/** Counts of both samples over the same frozen bins (whole numbers); `alpha` is the level of the critical value, 0.05. */
export interface BinnedCounts {
  readonly reference: readonly number[];
  readonly live: readonly number[];
  readonly alpha?: number;
}

/**
 * Population stability index Σ(p−q)·ln(p/q) with Jeffreys' prior, p = (c + ½)/(n + B/2), so that an empty bin needs no
 * arbitrary floor. Null law: PSI·nm/(n+m) is near chi-square with B−1 degrees of freedom.
 */
export function populationStabilityIndex(options: BinnedCounts): BinnedDistance | UndefinedStatistic {
  const table = checkedTable(options);
  if (table.kind === 'undefined') return table;
  const { bins, df, referenceCount, liveCount, alpha } = table;
  const half = bins.length / 2;
  let value = 0;
  for (const { reference, live } of bins) {
    const p = (reference + 0.5) / (referenceCount + half);
    const q = (live + 0.5) / (liveCount + half);
    value += (p - q) * Math.log(p / q);
  }
  const perDegree = 1 / referenceCount + 1 / liveCount;
  return {
    kind: 'value',
    value: Math.max(0, value),
    nullExpectation: df * perDegree,
    criticalValue: df === 0 ? 0 : chiSquareCriticalValue({ upperTail: alpha, df }) * perDegree,
    referenceCount,
    liveCount,
  };
}

/**
 * Jensen-Shannon distance: the square root of the divergence, logarithms to base 2 (default; in [0, 1]) or 'e'
 * (in [0, √ln 2]). Null law: 8·nm/(n+m)·divergence in nats is near chi-square with B−1 degrees of freedom.
 */
export function jensenShannonDistance(
  options: BinnedCounts & { readonly base?: 2 | 'e' },
): BinnedDistance | UndefinedStatistic {
  const table = checkedTable(options);
  if (table.kind === 'undefined') return table;
  const { bins, df, referenceCount, liveCount, alpha } = table;
  let divergence = 0;
  for (const { reference, live } of bins) {
    const p = reference / referenceCount;
    const q = live / liveCount;
    const middle = (p + q) / 2;
    divergence += ((p > 0 ? p * Math.log(p / middle) : 0) + (q > 0 ? q * Math.log(q / middle) : 0)) / 2;
  }
  const unit = options.base === 'e' ? 1 : Math.LN2;
  const perDegree = (1 / referenceCount + 1 / liveCount) / 8;
  return {
    kind: 'value',
    value: Math.sqrt(Math.max(0, divergence) / unit),
    nullExpectation: Math.sqrt((df * perDegree) / unit),
    criticalValue:
      df === 0 ? 0 : Math.sqrt((chiSquareCriticalValue({ upperTail: alpha, df }) * perDegree) / unit),
    referenceCount,
    liveCount,
  };
}

interface CheckedTable {
  readonly kind: 'table';
  readonly bins: readonly { readonly reference: number; readonly live: number }[];
  /** One less than the bins that are not empty in both samples. */
  readonly df: number;
  readonly referenceCount: number;
  readonly liveCount: number;
  readonly alpha: number;
}

function checkedTable(options: BinnedCounts): CheckedTable | UndefinedStatistic {
  const { reference, live, alpha = 0.05 } = options;
  checkOpenUnit('alpha', alpha);
  checkSameLength('reference and live', reference.length, live.length);
  const bins = reference.map((count, index) => ({ reference: count, live: live[index] ?? NaN }));
  let referenceCount = 0;
  let liveCount = 0;
  for (const [index, bin] of bins.entries()) {
    checkCount(`reference[${index}]`, bin.reference);
    checkCount(`live[${index}]`, bin.live);
    referenceCount += bin.reference;
    liveCount += bin.live;
  }
  if (referenceCount === 0) return undefinedStatistic('the reference counts are all 0');
  if (liveCount === 0) return undefinedStatistic('the live counts are all 0');
  const df = bins.filter((bin) => bin.reference + bin.live > 0).length - 1;
  return { kind: 'table', bins, df, referenceCount, liveCount, alpha };
}
