import { checkFinite, checkOpenUnit } from './checks.js';
import { normalQuantile } from './normal-distribution.js';
import { studentTQuantile } from './student-t-distribution.js';
import type { UndefinedStatistic } from './undefined-statistic.js';
import { undefinedStatistic } from './undefined-statistic.js';

const rowsMax = Number.MAX_SAFE_INTEGER;

export interface RowsNeeded {
  readonly kind: 'value';
  /** The smallest whole number of rows, 2 or more. */
  readonly rows: number;
}

/**
 * How many rows make the two-sided t interval of a mean lie wholly below `limit`, with probability `power` (0.8), if the
 * true mean is `mean` and the standard deviation (ddof 1) stays as observed. Mirrored for a limit from below: negate both.
 * Assumes independent rows and a near-normal mean; take `mean` as observed, or as 0 for "as good as the control". Planning
 * from a mean just observed is optimistic by that mean's own error: print the number as "about".
 * Undefined where the mean is not below the limit (no number of rows helps), or past 2⁵³ rows.
 * Source: the normal approximation n = ((z₁ + z₂)·sd/gap)², iterated with t quantiles for the interval.
 */
export function rowsNeeded(options: {
  readonly limit: number;
  readonly mean: number;
  readonly standardDeviation: number;
  readonly level?: number;
  readonly power?: number;
}): RowsNeeded | UndefinedStatistic {
  const { limit, mean, standardDeviation, level = 0.95, power = 0.8 } = options;
  checkFinite('limit', limit);
  checkFinite('mean', mean);
  checkOpenUnit('level', level);
  checkOpenUnit('power', power);
  if (!(standardDeviation >= 0 && standardDeviation < Infinity)) {
    throw new RangeError(`standardDeviation is ${standardDeviation}; expected a finite number, 0 or more`);
  }
  const gap = limit - mean;
  if (gap <= 0)
    return undefinedStatistic('the mean is not on the good side of its limit, so more rows cannot help');
  const ratio = standardDeviation / gap;
  const tail = (1 - level) / 2;
  const powerZ = normalQuantile(power);
  // With so little power that the sum is negative, two rows are enough.
  const rowsFor = (criticalValue: number): number =>
    Math.max(2, Math.ceil((Math.max(0, criticalValue + powerZ) * ratio) ** 2));
  const asymptotic = rowsFor(-normalQuantile(tail));
  if (!(asymptotic <= rowsMax)) return undefinedStatistic('more than 2^53 rows would be needed');
  const enough = (rows: number): boolean =>
    rowsFor(-studentTQuantile({ probability: tail, df: rows - 1 })) <= rows;
  let low = asymptotic;
  let high = asymptotic;
  while (!enough(high)) high = high * 2;
  while (low < high) {
    const middle = low + Math.floor((high - low) / 2);
    if (enough(middle)) high = middle;
    else low = middle + 1;
  }
  return { kind: 'value', rows: high };
}
