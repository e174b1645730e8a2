import { checkUnit } from './checks.js';
import type { ValueCounts } from './value-counts.js';
import { totalCount } from './value-counts.js';

/**
 * The quantile of an ascending sample without NaN, by linear interpolation between order statistics (Hyndman and Fan's
 * type 7, numpy's default). probability in [0, 1]. Throws a RangeError for an empty sample.
 */
export function quantileOfSorted(sorted: Float64Array, probability: number): number {
  checkUnit('probability', probability);
  if (sorted.length === 0) throw new RangeError('sorted is empty; expected at least one value');
  return interpolate(sorted.length, probability, (index) => sorted[index] ?? NaN);
}

/** The same quantile of a counted sample. */
export function quantileOfCounts(sample: ValueCounts, probability: number): number {
  checkUnit('probability', probability);
  const total = totalCount(sample);
  if (total === 0) throw new RangeError('sample is empty; expected at least one value');
  return interpolate(total, probability, (index) => {
    let passed = 0;
    for (let at = 0; at < sample.values.length; at += 1) {
      passed += sample.counts[at] ?? 0;
      if (index < passed) return sample.values[at] ?? NaN;
    }
    return NaN;
  });
}

function interpolate(count: number, probability: number, valueAt: (index: number) => number): number {
  const place = (count - 1) * probability;
  const below = Math.floor(place);
  const low = valueAt(below);
  const rest = place - below;
  if (rest === 0) return low;
  const high = valueAt(below + 1);
  return low + (high - low) * rest;
}
