import { checkOpenUnit, checkSameLength } from './checks.js';
import type { MeanInterval } from './paired-mean.js';
import { studentTInterval } from './student-t-interval.js';
import type { UndefinedStatistic } from './undefined-statistic.js';
import { undefinedStatistic } from './undefined-statistic.js';

/** By cluster: how many rows it has, and the sum of their values. Clusters without rows do not count. */
export interface ClusterSums {
  readonly rows: Float64Array;
  readonly sums: Float64Array;
}

/**
 * Student's t interval for the mean over all rows where rows of one cluster may depend on each other; clusters are independent.
 * Degrees of freedom: clusters − 1. `standardDeviation` is that of independent rows which would give this standard error.
 * Undefined below two clusters. `level` is 0.95 by default. Clusters may be subjects, or cells that subjects are hashed into.
 * Source: the cluster-robust variance G/(G−1)·Σ e_g²/n² of a mean, e_g = Σ(value − mean) over a cluster (A. C. Cameron and
 * D. L. Miller, A Practitioner's Guide to Cluster-Robust Inference, 2015).
 */
export function clusteredMeanInterval(options: {
  readonly clusters: ClusterSums;
  readonly level?: number;
}): MeanInterval | UndefinedStatistic {
  const { clusters, level = 0.95 } = options;
  const { rows, sums } = clusters;
  checkOpenUnit('level', level);
  checkSameLength('rows and sums', rows.length, sums.length);
  let [occupied, count, sum] = [0, 0, 0];
  for (let cluster = 0; cluster < rows.length; cluster += 1) {
    const inCluster = rows[cluster] ?? 0;
    if (inCluster === 0) continue;
    occupied += 1;
    count += inCluster;
    sum += sums[cluster] ?? 0;
  }
  if (occupied < 2) return undefinedStatistic('fewer than two clusters of rows');
  const mean = sum / count;
  let squares = 0;
  for (let cluster = 0; cluster < rows.length; cluster += 1) {
    squares += ((sums[cluster] ?? 0) - mean * (rows[cluster] ?? 0)) ** 2;
  }
  const df = occupied - 1;
  const standardError = Math.sqrt((squares * occupied) / df) / count;
  return {
    kind: 'value',
    count,
    mean,
    standardDeviation: standardError * Math.sqrt(count),
    standardError,
    df,
    ...studentTInterval({ estimate: mean, standardError, df, level }),
  };
}
