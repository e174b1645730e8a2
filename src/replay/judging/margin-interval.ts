import type { MeanInterval } from '../../stats/paired-mean.js';
import { skewedMeanInterval } from '../../stats/skewed-mean.js';
import type { UndefinedStatistic } from '../../stats/undefined-statistic.js';
import { replaySettings } from './replay-settings.js';

/** Of candidate loss − (1 + margin) × control loss: what the gate of the loss decides by. */
export interface MarginInterval {
  readonly kind: 'value';
  readonly mean: number;
  /** Of a row. */
  readonly standardDeviation: number;
  readonly lower: number;
  readonly upper: number;
  /** One-sided p of the hypothesis that the mean is 0 or less. */
  readonly pAboveZero: number;
}

/** Student's interval with its limits moved out where skewness wants it. `skewness`: of the mean, see `skewedMeanInterval`. */
export function marginInterval(
  student: MeanInterval | UndefinedStatistic,
  skewness: number,
): MarginInterval | UndefinedStatistic {
  if (student.kind === 'undefined') return student;
  const { mean, standardDeviation, standardError, df } = student;
  const { lower, upper, pAboveZero } = skewedMeanInterval({
    estimate: mean,
    standardError,
    df,
    skewness,
    level: replaySettings.level,
  });
  return { kind: 'value', mean, standardDeviation, lower, upper, pAboveZero };
}
