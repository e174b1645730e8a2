import type { Moments } from './moments.js';
import { boundedSkewness } from './skewed-mean.js';

export interface SkewedMoments extends Moments {
  /** Sum of the cubes of the deviations from the mean. */
  readonly cubedDeviations: number;
}

/**
 * The cubed deviations of two samples together, both with a value at least; associative up to rounding, as `mergeMoments`.
 * Source: P. Pébay, Formulas for robust, one-pass parallel computation of covariances and arbitrary-order statistical moments (2008).
 */
export function mergeCubedDeviations(first: SkewedMoments, second: SkewedMoments): number {
  const count = first.count + second.count;
  const gap = second.mean - first.mean;
  const ofMeans = (gap / count) ** 2 * gap * first.count * second.count * (first.count - second.count);
  const mixed =
    3 * (gap / count) * (first.count * second.squaredDeviations - second.count * first.squaredDeviations);
  return first.cubedDeviations + second.cubedDeviations + ofMeans + mixed;
}

/** Of the mean over independent rows, for `skewedMeanInterval`; 0 where nothing varies. */
export function skewnessOfMoments({ squaredDeviations, cubedDeviations }: SkewedMoments): number {
  return boundedSkewness(squaredDeviations, cubedDeviations);
}
