import { checkOpenUnit } from './checks.js';
import { incompleteBeta } from './incomplete-beta.js';
import { increasingRoot } from './increasing-root.js';
import type { ProportionInterval } from './proportion.js';
import type { UndefinedStatistic } from './undefined-statistic.js';
import { undefinedStatistic } from './undefined-statistic.js';

/** Successes among trials, 0 ≤ successes ≤ trials; they need not be whole, so that an effective number of trials can stand. */
export interface RealProportion {
  readonly successes: number;
  readonly trials: number;
}

/**
 * Two-sided exact interval for one proportion; `level` is 0.95 by default. Either limit is missed with at most (1 − level)/2,
 * however few trials or successes there are, which a score interval does not hold: at a true mean of 0.1 successes the
 * lower limit of Wilson's lies above the truth 9.5 times in 100. Undefined without trials.
 * Source: C. J. Clopper and E. S. Pearson (1934), through the beta distribution; real counts as E. L. Korn and B. I.
 * Graubard (1998) have them.
 */
export function exactProportionInterval(
  options: RealProportion & { readonly level?: number },
): ProportionInterval | UndefinedStatistic {
  const { successes, trials, level = 0.95 } = options;
  checkOpenUnit('level', level);
  checkRealProportion(options);
  if (trials === 0) return undefinedStatistic('there are no trials');
  const tail = (1 - level) / 2;
  const estimate = successes / trials;
  return {
    kind: 'value',
    estimate,
    lower: increasingRoot((share) => atLeast(options, share) - tail, { low: 0, high: estimate }),
    upper: increasingRoot((share) => tail - atMost(options, share), { low: estimate, high: 1 }),
  };
}

/**
 * One-sided p of the hypothesis that the true proportion is `limit`, against its lying `side` it. It is below (1 − level)/2 exactly
 * where the interval at that level lies wholly on that side. `limit` may be 0 or 1. 1 without trials.
 */
export function exactProportionP(
  options: RealProportion & { readonly limit: number; readonly side: 'above' | 'below' },
): number {
  if (!(options.limit >= 0 && options.limit <= 1))
    throw new RangeError(`limit is ${options.limit}; expected a number from 0 to 1`);
  checkRealProportion(options);
  if (options.trials === 0) return 1;
  return options.side === 'above' ? atLeast(options, options.limit) : atMost(options, options.limit);
}

/** The chance of at least so many successes, rising in the share: I_share(successes, trials − successes + 1). */
function atLeast({ successes, trials }: RealProportion, share: number): number {
  if (successes === 0) return 1;
  return incompleteBeta({ a: successes, b: trials - successes + 1, x: share, y: 1 - share }).lower;
}

function atMost({ successes, trials }: RealProportion, share: number): number {
  if (successes === trials) return 1;
  return incompleteBeta({ a: successes + 1, b: trials - successes, x: share, y: 1 - share }).upper;
}

function checkRealProportion({ successes, trials }: RealProportion): void {
  if (!(successes >= 0 && successes <= trials && trials < Infinity)) {
    throw new RangeError(
      `successes is ${successes} of ${trials} trials; expected finite numbers, 0 ≤ successes ≤ trials`,
    );
  }
}
