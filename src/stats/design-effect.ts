import { studentTQuantile } from './student-t-distribution.js';

/**
 * By what dependent rows are worth less than independent ones: the variance of a share over clusters, against that of as many
 * independent rows, and 1 or more. It is seen only in clusters with an event, and with few of them hardly at all, so it is drawn
 * towards the worst, `alikeRows` (all rows of a subject alike), as much as one more such cluster would; without any event it is the worst.
 * Source: J. N. K. Rao and A. J. Scott (1992); the one pseudo-cluster was chosen by measured coverage (bench/RESULTS.md).
 */
export function designEffect(options: {
  /** The variance over clusters against that of independent rows; NaN where neither varies. */
  readonly observed: number;
  /** Clusters with an event. */
  readonly clusters: number;
  readonly alikeRows: number;
}): number {
  const { observed, clusters, alikeRows } = options;
  const worst = Math.max(1, alikeRows);
  if (clusters === 0 || Number.isNaN(observed)) return worst;
  return (clusters * Math.max(1, observed) + worst) / (clusters + 1);
}

/**
 * What `rows` rows in `clusters` clusters are worth in independent ones, also for the few degrees of freedom that the variance has.
 * Source: E. L. Korn and B. I. Graubard, Confidence intervals for proportions with small expected number of positive counts
 * estimated from survey data, Survey Methodology 24 (1998).
 */
export function effectiveRows(options: {
  readonly rows: number;
  readonly clusters: number;
  readonly designEffect: number;
  readonly level: number;
}): number {
  const probability = (1 - options.level) / 2;
  const ofRows = studentTQuantile({ probability, df: options.rows - 1 });
  const ofClusters = studentTQuantile({ probability, df: options.clusters - 1 });
  return Math.min(options.rows, (options.rows / options.designEffect) * (ofRows / ofClusters) ** 2);
}
