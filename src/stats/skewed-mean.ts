import type { ClusterSums } from './clustered-mean.js';
import { studentTQuantile, studentTSf } from './student-t-distribution.js';

export interface SkewedInterval {
  readonly lower: number;
  readonly upper: number;
  /** One-sided p that the truth is not above 0 (not below 0): under (1 − level)/2 exactly where the limit lies beyond 0. */
  readonly pAboveZero: number;
  readonly pBelowZero: number;
}

/**
 * Limits for the mean of skewed values, two-sided at `level` (0.95): those of Student's t, and where skewness wants them
 * farther out, those of t after a cubic transformation that takes the skewness away. Losses are skewed: with Student's t
 * alone, a candidate at the margin is passed 4 times in 100 in place of 2.5 at a few hundred rows; with the
 * transformation alone, limits at a hundred rows of even values are missed 3 times, since their skewness is estimated too.
 * What no sample shows, a loss so rare that none was drawn, no interval can allow for.
 * `skewness`: of the mean, Σe³/(Σe²)^1.5 over the deviations of rows or clusters, in [−1, 1]; see `skewnessOfMean`.
 * Source: P. Hall, On the removal of skewness by transformation, Journal of the Royal Statistical Society B 54 (1992), with t quantiles.
 */
export function skewedMeanInterval(options: {
  readonly estimate: number;
  /** 0 or more. */
  readonly standardError: number;
  readonly df: number;
  readonly skewness: number;
  readonly level?: number;
}): SkewedInterval {
  const { estimate, standardError, df, skewness, level = 0.95 } = options;
  if (!(skewness >= -1 && skewness <= 1))
    throw new RangeError(`skewness is ${skewness}; expected a number from -1 to 1`);
  if (standardError === 0) {
    return {
      lower: estimate,
      upper: estimate,
      pAboveZero: estimate > 0 ? 0 : 1,
      pBelowZero: estimate < 0 ? 0 : 1,
    };
  }
  const t = -studentTQuantile({ probability: (1 - level) / 2, df });
  const seen = estimate / standardError;
  const straight = straightened(seen, skewness);
  return {
    lower: estimate - standardError * Math.max(t, skewed(t, skewness)),
    upper: estimate - standardError * Math.min(-t, skewed(-t, skewness)),
    pAboveZero: studentTSf({ t: Math.min(seen, straight), df }),
    pBelowZero: studentTSf({ t: -Math.max(seen, straight), df }),
  };
}

/** Of a mean over clusters, for `skewedMeanInterval`; 0 where nothing varies. With every row a cluster, that of a mean over rows. */
export function skewnessOfMean({ rows, sums }: ClusterSums): number {
  let [count, sum] = [0, 0];
  for (let cluster = 0; cluster < rows.length; cluster += 1) {
    count += rows[cluster] ?? 0;
    sum += sums[cluster] ?? 0;
  }
  let [squares, cubes] = [0, 0];
  for (let cluster = 0; cluster < rows.length; cluster += 1) {
    const deviation = (sums[cluster] ?? 0) - (sum / count) * (rows[cluster] ?? 0);
    squares += deviation ** 2;
    cubes += deviation ** 3;
  }
  return boundedSkewness(squares, cubes);
}

/** Σe³/(Σe²)^1.5 held in [−1, 1]; 0 where nothing varies, or where that is beyond a double. */
export function boundedSkewness(squares: number, cubes: number): number {
  const skewness = cubes / squares / Math.sqrt(squares);
  return squares > 0 && !Number.isNaN(skewness) ? Math.min(1, Math.max(-1, skewness)) : 0;
}

/** What follows Student's t though the mean is skewed; rises with t. */
function straightened(t: number, skewness: number): number {
  return t + (skewness * t * t) / 3 + (skewness ** 2 * t ** 3) / 27 + skewness / 6;
}

/** Its inverse. */
function skewed(t: number, skewness: number): number {
  // Below this the two differ by less than rounding takes from the cube root.
  if (Math.abs(skewness) < 1e-7) return t;
  return (3 / skewness) * (Math.cbrt(1 + skewness * t - skewness ** 2 / 6) - 1);
}
