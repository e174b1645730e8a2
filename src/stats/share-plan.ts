import { checkCount, checkOpenUnit } from './checks.js';
import { exactProportionP } from './exact-proportion.js';
import { incompleteBeta } from './incomplete-beta.js';
import { increasingRoot } from './increasing-root.js';

export interface SharePlan {
  /** The most failures with which the whole interval lies above the limit; undefined: not even with none. */
  readonly failuresMax: number | undefined;
  /** At this true share of failures, `failuresMax` or fewer come with probability `power`; undefined like it. */
  readonly failureShare: number | undefined;
  /** The fewest rows whose interval lies above the limit when nothing fails. */
  readonly rowsNeeded: number;
}

/**
 * What `rows` independent rows can show about a share of successes that must lie above `limit`, judged by the exact
 * interval at `level` (0.95). Source: the binomial law through the incomplete beta function, P(X ≤ k) = I_{1−p}(n − k, k + 1).
 */
export function sharePlan(options: {
  readonly rows: number;
  readonly limit: number;
  readonly level?: number;
  readonly power?: number;
}): SharePlan {
  const { rows, limit, level = 0.95, power = 0.8 } = options;
  checkCount('rows', rows);
  checkOpenUnit('limit', limit);
  checkOpenUnit('power', power);
  checkOpenUnit('level', level);
  const passes = (failures: number, trials: number): boolean =>
    exactProportionP({ successes: trials - failures, trials, limit, side: 'above' }) < (1 - level) / 2;
  const rowsNeeded = first((trials) => passes(0, trials));
  if (!passes(0, rows)) return { failuresMax: undefined, failureShare: undefined, rowsNeeded };
  const failuresMax = first((failures) => !passes(failures, rows)) - 1;
  return { failuresMax, failureShare: shareWithPower(rows, failuresMax, power), rowsNeeded };
}

/** The smallest whole number from 1 on for which it holds, once it holds for all larger ones. */
function first(holds: (count: number) => boolean): number {
  let high = 1;
  while (!holds(high)) high *= 2;
  let low = Math.floor(high / 2) + 1;
  while (low < high) {
    const middle = low + Math.floor((high - low) / 2);
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return high;
}

function shareWithPower(rows: number, failuresMax: number, power: number): number {
  const tooMany = (share: number): number =>
    incompleteBeta({ a: failuresMax + 1, b: rows - failuresMax, x: share, y: 1 - share }).lower;
  return increasingRoot((share) => tooMany(share) - (1 - power), { low: 0, high: 1 });
}
