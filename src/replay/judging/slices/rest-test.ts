import { normalQuantile, normalSf } from '../../../stats/normal-distribution.js';
import type { Interval } from '../../report/report-schema.js';
import { replaySettings } from '../replay-settings.js';

/** Fewer rows than this on either side are not compared. */
export const rowsPerSideMin = 50;

export interface Sums {
  readonly rows: number;
  readonly sum: number;
  readonly squares: number;
}

export interface RestTest {
  readonly z: number;
  readonly p: number;
  readonly inside: number;
  readonly outside: number;
  readonly interval: Interval;
}

/**
 * Whether the mean of some rows is above that of all others: Welch's z, one-sided. Undefined where either side has too few rows,
 * or nothing differs.
 */
export function againstRest(inside: Sums, all: Sums): RestTest | undefined {
  const outside = {
    rows: all.rows - inside.rows,
    sum: all.sum - inside.sum,
    squares: all.squares - inside.squares,
  };
  if (inside.rows < rowsPerSideMin || outside.rows < rowsPerSideMin) return undefined;
  const mean = (of: Sums): number => of.sum / of.rows;
  const errorSquared = (of: Sums): number =>
    Math.max(0, of.squares - of.sum * mean(of)) / (of.rows - 1) / of.rows;
  const standardError = Math.sqrt(errorSquared(inside) + errorSquared(outside));
  const gap = mean(inside) - mean(outside);
  if (Number.isNaN(standardError) || (standardError === 0 && gap === 0)) return undefined;
  // Where nothing varies on either side and the means differ, z is infinite.
  const z = gap / standardError;
  const { level } = replaySettings;
  const reach = -normalQuantile((1 - level) / 2) * standardError;
  return {
    z,
    p: normalSf(z),
    inside: mean(inside),
    outside: mean(outside),
    interval: { lower: gap - reach, upper: gap + reach, level },
  };
}
