import { checkCount, checkOpenUnit } from './checks.js';
import { incompleteBeta } from './incomplete-beta.js';
import { binomialDensity } from './saddle-point.js';

/** Outcomes whose probability exceeds the observed one's by rounding alone still count as no more probable. */
const roundingSlack = 1 + 1e-7;

/**
 * Exact two-sided binomial test: the probability of all outcomes no more probable than the observed one.
 * `probability` is the null hypothesis (default 0.5). Returns p in (0, 1]; no trials give 1.
 * Source: the method of small p-values, as scipy.stats.binomtest.
 */
export function binomialTest(options: {
  readonly successes: number;
  readonly trials: number;
  readonly probability?: number;
}): number {
  const { successes, trials, probability = 0.5 } = options;
  checkCount('successes', successes);
  checkCount('trials', trials);
  checkOpenUnit('probability', probability);
  if (successes > trials)
    throw new RangeError(`successes is ${successes}; expected at most trials, ${trials}`);
  const q = 1 - probability;
  const density = (k: number): number => binomialDensity({ a: k, b: trials - k, p: probability, q });
  const mean = probability * trials;
  if (successes === mean) return 1;
  const limit = density(successes) * roundingSlack;
  if (successes < mean) {
    const mirror = firstWhere(Math.ceil(mean), trials + 1, (k) => density(k) <= limit);
    return Math.min(1, atMost(successes, trials, probability) + atLeast(mirror, trials, probability));
  }
  const mirror = firstWhere(0, Math.floor(mean) + 1, (k) => density(k) > limit) - 1;
  return Math.min(1, atMost(mirror, trials, probability) + atLeast(successes, trials, probability));
}

function atMost(k: number, trials: number, probability: number): number {
  if (k < 0) return 0;
  if (k >= trials) return 1;
  return incompleteBeta({ a: k + 1, b: trials - k, x: probability, y: 1 - probability }).upper;
}

function atLeast(k: number, trials: number, probability: number): number {
  if (k <= 0) return 1;
  if (k > trials) return 0;
  return incompleteBeta({ a: k, b: trials - k + 1, x: probability, y: 1 - probability }).lower;
}

/** The first whole number in [from, to) that `holds`, where once held it holds on; `to` when none does. */
function firstWhere(from: number, to: number, holds: (k: number) => boolean): number {
  let low = from;
  let high = to;
  while (low < high) {
    const middle = low + Math.floor((high - low) / 2);
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
