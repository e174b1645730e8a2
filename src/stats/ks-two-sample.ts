import { kolmogorovSf } from './kolmogorov-sf.js';
import type { UndefinedStatistic } from './undefined-statistic.js';
import { undefinedStatistic } from './undefined-statistic.js';
import type { MergedCounts, Sample } from './value-counts.js';
import { mergeCounts, valueCounts } from './value-counts.js';

/** The larger sample up to which the exact null distribution is used, as in scipy's method='auto'. */
const exactCountMax = 10_000;

export interface KsTwoSample {
  readonly kind: 'value';
  /** The largest distance between the two cumulative distributions, in [0, 1]. */
  readonly d: number;
  /** The smallest value at which the distance is reached. */
  readonly location: number;
  /** 1: at `location` the reference has more mass below (live values are larger); −1: the opposite. 1 where D = 0. */
  readonly sign: 1 | -1;
  /** Two-sided; conservative where values repeat. */
  readonly p: number;
  readonly method: 'exact' | 'asymptotic';
  readonly referenceCount: number;
  readonly liveCount: number;
}

/**
 * Two-sample Kolmogorov-Smirnov test. Samples: finite values, ascending, or counted; drop NaN before and count it apart.
 * D is exact (integer arithmetic). p as scipy.stats.ks_2samp(method='auto'): exact while neither sample exceeds 10 000
 * (Hodges 1958 with Viehmann's complement recursion), else Kolmogorov's one-sample law at the effective size.
 */
export function ksTwoSample(options: {
  readonly reference: Sample;
  readonly live: Sample;
}): KsTwoSample | UndefinedStatistic {
  const merged = mergeCounts(valueCounts('reference', options.reference), valueCounts('live', options.live));
  const { referenceTotal, liveTotal } = merged;
  if (referenceTotal === 0) return undefinedStatistic('the reference sample is empty');
  if (liveTotal === 0) return undefinedStatistic('the live sample is empty');

  const { gap, index, sign } = largestGap(merged);
  const d = gap / (referenceTotal * liveTotal);
  const exact = Math.max(referenceTotal, liveTotal) <= exactCountMax;
  return {
    kind: 'value',
    d,
    location: merged.values[index] ?? NaN,
    sign,
    p: exact ? exactP(gap, referenceTotal, liveTotal) : asymptoticP(d, referenceTotal, liveTotal),
    method: exact ? 'exact' : 'asymptotic',
    referenceCount: referenceTotal,
    liveCount: liveTotal,
  };
}

/** max |C₁·n₂ − C₂·n₁| over the values, with its first place. A positive maximum wins a tie of signs. */
function largestGap(merged: MergedCounts): {
  readonly gap: number;
  readonly index: number;
  readonly sign: 1 | -1;
} {
  const { reference, live, referenceTotal, liveTotal } = merged;
  if (referenceTotal * liveTotal > Number.MAX_SAFE_INTEGER) return largestGapOfLargeCounts(merged);
  let above = 0;
  let aboveIndex = 0;
  let below = 0;
  let belowIndex = 0;
  let gap = 0;
  for (let index = 0; index < reference.length; index += 1) {
    gap += (reference[index] ?? 0) * liveTotal - (live[index] ?? 0) * referenceTotal;
    if (gap > above) {
      above = gap;
      aboveIndex = index;
    }
    if (-gap > below) {
      below = -gap;
      belowIndex = index;
    }
  }
  return below > above
    ? { gap: below, index: belowIndex, sign: -1 }
    : { gap: above, index: aboveIndex, sign: 1 };
}

/** The same in big integers, where the products leave the range of exact doubles. */
function largestGapOfLargeCounts(merged: MergedCounts): {
  readonly gap: number;
  readonly index: number;
  readonly sign: 1 | -1;
} {
  const { reference, live } = merged;
  const referenceTotal = BigInt(merged.referenceTotal);
  const liveTotal = BigInt(merged.liveTotal);
  let above = 0n;
  let aboveIndex = 0;
  let below = 0n;
  let belowIndex = 0;
  let gap = 0n;
  for (let index = 0; index < reference.length; index += 1) {
    gap += BigInt(reference[index] ?? 0) * liveTotal - BigInt(live[index] ?? 0) * referenceTotal;
    if (gap > above) {
      above = gap;
      aboveIndex = index;
    }
    if (-gap > below) {
      below = -gap;
      belowIndex = index;
    }
  }
  return below > above
    ? { gap: Number(below), index: belowIndex, sign: -1 }
    : { gap: Number(above), index: aboveIndex, sign: 1 };
}

function asymptoticP(d: number, n1: number, n2: number): number {
  return kolmogorovSf({ n: roundHalfToEven((n1 * n2) / (n1 + n2)), d });
}

function roundHalfToEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}

function exactP(gap: number, n1: number, n2: number): number {
  if (gap === 0) return 1;
  if (n1 === n2) return Math.min(1, equalSizesP(gap / n1, n1));
  const divisor = greatestCommonDivisor(n1, n2);
  return Math.min(1, pathsOutsideShare(Math.max(n1, n2), Math.min(n1, n2), divisor, gap / divisor));
}

/** P(D ≥ h/n) for two samples of n each: an alternating sum, nested so that no term is larger than the result. */
function equalSizesP(h: number, n: number): number {
  let p = 0;
  for (let k = Math.floor(n / h); k >= 0; k -= 1) {
    let factor = 1;
    for (let j = 0; j < h; j += 1) factor = (factor * (n - k * h - j)) / (n + k * h + j + 1);
    p = factor * (1 - p);
  }
  return 2 * p;
}

/**
 * The share of lattice paths from (0, 0) to (m, n) that reach distance h (in units of 1/lcm) or more, column by column,
 * counting paths that have left the band, so that small results keep their digits. m > n.
 */
function pathsOutsideShare(m: number, n: number, divisor: number, h: number): number {
  const mg = m / divisor;
  const ng = n / divisor;
  const shares = new Float64Array(n + 1).fill(1);
  let low = 0;
  let high = Math.min(Math.ceil(h / mg), n + 1);
  shares.fill(0, 0, high);
  for (let i = 1; i <= m; i += 1) {
    const lowBefore = low;
    low = Math.min(Math.max(Math.floor((ng * i - h) / mg) + 1, 0), n);
    high = Math.min(Math.ceil((ng * i + h) / mg), n + 1);
    if (high <= low) return 1;
    let share = low === 0 ? 0 : 1;
    for (let j = low; j < high; j += 1) {
      share = ((shares[j] ?? 0) * i + share * j) / (i + j);
      shares[j] = share;
    }
    shares.fill(1, lowBefore, low);
  }
  return shares[high - 1] ?? NaN;
}

function greatestCommonDivisor(first: number, second: number): number {
  let [a, b] = [first, second];
  while (b !== 0) [a, b] = [b, a % b];
  return a;
}
