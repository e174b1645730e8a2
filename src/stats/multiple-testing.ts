import { checkUnit } from './checks.js';

export interface AdjustedP {
  /** Adjusted p-values in the order given, capped at 1; NaN stays NaN. */
  readonly adjusted: readonly number[];
  /** How many hypotheses were tested: the entries that are not NaN. */
  readonly tested: number;
}

/**
 * Holm's step-down adjustment: flagging adjusted ≤ α holds the chance of any false flag at α under any dependence.
 * NaN marks a hypothesis that could not be tested; it takes no part. Throws a RangeError for a p outside [0, 1].
 */
export function holm(ps: readonly number[]): AdjustedP {
  const ascending = testable(ps);
  const adjusted = ps.map(() => NaN);
  let running = 0;
  for (const [rank, { p, index }] of ascending.entries()) {
    running = Math.max(running, Math.min(1, p * (ascending.length - rank)));
    adjusted[index] = running;
  }
  return { adjusted, tested: ascending.length };
}

/**
 * Benjamini and Hochberg's step-up adjustment: flagging adjusted ≤ α holds the expected share of false flags at α for
 * independent or positively dependent tests. NaN takes no part. Throws a RangeError for a p outside [0, 1].
 */
export function benjaminiHochberg(ps: readonly number[]): AdjustedP {
  const ascending = testable(ps);
  const adjusted = ps.map(() => NaN);
  let running = 1;
  for (const [fromTop, { p, index }] of ascending.toReversed().entries()) {
    running = Math.min(running, (p * ascending.length) / (ascending.length - fromTop));
    adjusted[index] = running;
  }
  return { adjusted, tested: ascending.length };
}

function testable(ps: readonly number[]): { readonly p: number; readonly index: number }[] {
  const entries = ps.map((p, index) => ({ p, index })).filter(({ p }) => !Number.isNaN(p));
  for (const { p, index } of entries) checkUnit(`ps[${index}]`, p);
  return entries.sort((first, second) => first.p - second.p);
}
