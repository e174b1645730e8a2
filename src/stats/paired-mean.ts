import { checkCount, checkFinite, checkOpenUnit, checkSameLength } from './checks.js';
import { exactMoments } from './exact-moments.js';
import type { Moments } from './moments.js';
import type { StudentTInterval } from './student-t-interval.js';
import { studentTInterval } from './student-t-interval.js';
import type { UndefinedStatistic } from './undefined-statistic.js';
import { undefinedStatistic } from './undefined-statistic.js';

export interface MeanInterval extends StudentTInterval {
  readonly kind: 'value';
  readonly count: number;
  readonly mean: number;
  /** ddof 1. */
  readonly standardDeviation: number;
  readonly standardError: number;
  readonly df: number;
}

/**
 * Student's t interval for the mean of paired differences (or of anything else) from its moments; `level` is 0.95 by
 * default. Undefined below two values. Rows are taken as independent; at n rows of a skewed difference the coverage is off
 * by a term in skewness/√n.
 */
export function meanInterval(options: {
  readonly moments: Moments;
  readonly level?: number;
}): MeanInterval | UndefinedStatistic {
  const { moments, level = 0.95 } = options;
  const { count, mean, squaredDeviations } = moments;
  checkOpenUnit('level', level);
  checkCount('moments.count', count);
  checkFinite('moments.mean', mean);
  checkFinite('moments.squaredDeviations', squaredDeviations);
  if (squaredDeviations < 0) {
    throw new RangeError(`moments.squaredDeviations is ${squaredDeviations}; expected 0 or more`);
  }
  if (count < 2) return undefinedStatistic('fewer than two rows');

  const df = count - 1;
  const standardDeviation = Math.sqrt(squaredDeviations / df);
  const standardError = standardDeviation / Math.sqrt(count);
  return {
    kind: 'value',
    count,
    mean,
    standardDeviation,
    standardError,
    df,
    ...studentTInterval({ estimate: mean, standardError, df, level }),
  };
}

/**
 * What a row adds to the question "is the candidate's mean loss within (1 + margin) times the control's?": the mean of
 * candidate − (1 + margin)·control is 0 or less exactly then. Losses are 0 or more, margin is 0 or more (0.01 is 1 %).
 */
export function marginDifference(options: {
  readonly candidate: number;
  readonly control: number;
  readonly margin: number;
}): number {
  return options.candidate - (1 + options.margin) * options.control;
}

/**
 * The interval of that mean over rows of paired losses. The candidate is not worse than the margin allows where `upper` is
 * below 0, worse where `lower` is above 0, and neither is shown otherwise. Bit-identical in any row order.
 */
export function marginInterval(options: {
  readonly candidate: Float64Array;
  readonly control: Float64Array;
  readonly margin: number;
  readonly level?: number;
}): MeanInterval | UndefinedStatistic {
  const { candidate, control, margin } = options;
  checkSameLength('candidate and control', candidate.length, control.length);
  if (!(margin >= 0 && margin < Infinity))
    throw new RangeError(`margin is ${margin}; expected a finite number, 0 or more`);
  const differences = exactMoments();
  for (let row = 0; row < candidate.length; row += 1) {
    const candidateLoss = candidate[row] ?? NaN;
    const controlLoss = control[row] ?? NaN;
    checkFinite(`candidate[${row}]`, candidateLoss);
    checkFinite(`control[${row}]`, controlLoss);
    differences.add(marginDifference({ candidate: candidateLoss, control: controlLoss, margin }));
  }
  const moments = differences.moments();
  return meanInterval(options.level === undefined ? { moments } : { moments, level: options.level });
}
