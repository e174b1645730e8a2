import { checkCount } from './checks.js';
import { quantileOfCounts } from './quantiles.js';
import type { Sample, ValueCounts } from './value-counts.js';
import { totalCount, valueCounts } from './value-counts.js';

/** Bins fixed once from a reference sample. JSON-friendly: two lists of finite numbers. */
export interface FrozenBins {
  /** Strictly ascending. k edges make k + 1 left-open intervals (−∞, e₁], (e₁, e₂], … (e_k, ∞). */
  readonly edges: readonly number[];
  /** Strictly ascending values that have a bin of their own, as each held more than 1/binsMax of the reference. */
  readonly points: readonly number[];
}

/**
 * Freezes at most `binsMax` bins: an own bin for any value that holds more than 1/binsMax of the mass, and quantile bins
 * over the rest, as many as its mass is worth. Edges that would be equal are one edge. Throws a RangeError for an empty
 * reference.
 */
export function frozenBins(options: { readonly reference: Sample; readonly binsMax: number }): FrozenBins {
  const { binsMax } = options;
  checkCount('binsMax', binsMax);
  if (binsMax < 2) throw new RangeError(`binsMax is ${binsMax}; expected 2 or more`);
  const sample = valueCounts('reference', options.reference);
  const total = totalCount(sample);
  if (total === 0) throw new RangeError('reference is empty; expected at least one value');

  const isPoint = (index: number): boolean => (sample.counts[index] ?? 0) * binsMax > total;
  const points = Array.from(sample.values.filter((_, index) => isPoint(index)));
  const rest: ValueCounts = {
    values: sample.values.filter((_, index) => !isPoint(index)),
    counts: sample.counts.filter((_, index) => !isPoint(index)),
  };
  const restTotal = totalCount(rest);
  if (restTotal === 0) return { edges: [], points };

  const intervals = Math.max(1, Math.min(binsMax - points.length, Math.round((binsMax * restTotal) / total)));
  const edges: number[] = [];
  const largest = rest.values[rest.values.length - 1] ?? NaN;
  for (let index = 1; index < intervals; index += 1) {
    const edge = quantileOfCounts(rest, index / intervals);
    // An edge at the largest value would leave the last interval empty in the reference.
    if (edge < largest && edge > (edges.at(-1) ?? -Infinity)) edges.push(edge);
  }
  return { edges, points };
}

/** How many bins there are: intervals first, then points. */
export function binCount(bins: FrozenBins): number {
  return bins.edges.length + 1 + bins.points.length;
}

/**
 * The bin of a value: 0 … edges.length for the intervals, edges.length + 1 … for the points. ±∞ fall into the outer
 * intervals. Throws a RangeError for NaN, which belongs into a bin that the caller keeps.
 */
export function binOf(bins: FrozenBins, value: number): number {
  if (Number.isNaN(value)) throw new RangeError('value is NaN; expected a number');
  const point = countBelow(bins.points, value);
  if (bins.points[point] === value) return bins.edges.length + 1 + point;
  return countBelow(bins.edges, value);
}

/** How many observations of a sample fall into each bin, in the order of `binOf`. */
export function binCounts(bins: FrozenBins, sample: Sample): readonly number[] {
  const { values, counts } = valueCounts('sample', sample);
  const binned = Array.from({ length: binCount(bins) }, () => 0);
  for (let index = 0; index < values.length; index += 1) {
    const bin = binOf(bins, values[index] ?? NaN);
    binned[bin] = (binned[bin] ?? 0) + (counts[index] ?? 0);
  }
  return binned;
}

/** How many of the ascending numbers are strictly below the value. */
function countBelow(ascending: readonly number[], value: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ascending[middle] ?? NaN) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
