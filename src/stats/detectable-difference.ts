import { checkCount, checkOpenUnit } from './checks.js';
import { normalQuantile } from './normal-distribution.js';
import { studentTQuantile } from './student-t-distribution.js';
import type { UndefinedStatistic } from './undefined-statistic.js';
import { undefinedStatistic } from './undefined-statistic.js';

/**
 * How far a true mean must lie from a limit for `rows` rows to show on which side it is: then its two-sided t interval at
 * `level` (0.95) lies wholly on that side with probability `power` (0.8). The counterpart of `rowsNeeded`, for independent rows with a
 * near-normal mean and the given standard deviation (ddof 1). Undefined below two rows.
 * Source: the power condition of the one-sample t test in its normal approximation, gap = (t + z)·sd/√n.
 */
export function detectableDifference(options: {
  readonly rows: number;
  readonly standardDeviation: number;
  readonly level?: number;
  readonly power?: number;
}): { readonly kind: 'value'; readonly difference: number } | UndefinedStatistic {
  const { rows, standardDeviation, level = 0.95, power = 0.8 } = options;
  checkCount('rows', rows);
  checkOpenUnit('level', level);
  checkOpenUnit('power', power);
  if (!(standardDeviation >= 0 && standardDeviation < Infinity)) {
    throw new RangeError(`standardDeviation is ${standardDeviation}; expected a finite number, 0 or more`);
  }
  if (rows < 2) return undefinedStatistic('fewer than two rows');
  const criticalValue = -studentTQuantile({ probability: (1 - level) / 2, df: rows - 1 });
  const spread = Math.max(0, criticalValue + normalQuantile(power));
  return { kind: 'value', difference: (spread * standardDeviation) / Math.sqrt(rows) };
}
