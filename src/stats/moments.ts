import { checkCount, checkFinite } from './checks.js';

/** Count, mean, and sum of squared deviations from the mean. Deviations are 0 or more; an empty sample is all 0. */
export interface Moments {
  readonly count: number;
  readonly mean: number;
  readonly squaredDeviations: number;
}

export const emptyMoments: Moments = { count: 0, mean: 0, squaredDeviations: 0 };

/** Moments of finite values, in one pass. Source: B. P. Welford (1962). */
export function momentsOf(values: Float64Array): Moments {
  let mean = 0;
  let squaredDeviations = 0;
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index] ?? NaN;
    checkFinite(`values[${index}]`, value);
    const gap = value - mean;
    mean += gap / (index + 1);
    squaredDeviations += gap * (value - mean);
  }
  return { count: values.length, mean, squaredDeviations };
}

/**
 * Moments of two samples together. Associative up to rounding only: where bits must not depend on order or sharding, use
 * `exactMoments`. Source: T. F. Chan, G. H. Golub and R. J. LeVeque (1983).
 */
export function mergeMoments(first: Moments, second: Moments): Moments {
  if (first.count === 0) return second;
  if (second.count === 0) return first;
  const count = first.count + second.count;
  const gap = second.mean - first.mean;
  return {
    count,
    mean: first.mean + gap * (second.count / count),
    squaredDeviations:
      first.squaredDeviations + second.squaredDeviations + gap * gap * ((first.count * second.count) / count),
  };
}

/**
 * Moments from plain sums, as a database gives them. The deviations lose digits where the mean is large against the spread
 * (half of all digits at a ratio of 10⁴); a small negative result of that rounding counts as 0.
 */
export function momentsOfSums(options: {
  readonly count: number;
  readonly sum: number;
  readonly sumOfSquares: number;
}): Moments {
  const { count, sum, sumOfSquares } = options;
  checkCount('count', count);
  checkFinite('sum', sum);
  checkFinite('sumOfSquares', sumOfSquares);
  if (count === 0) return emptyMoments;
  const mean = sum / count;
  return { count, mean, squaredDeviations: Math.max(0, sumOfSquares - sum * mean) };
}
