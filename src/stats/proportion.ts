import { checkCount, checkOpenUnit } from './checks.js';
import { increasingRoot } from './increasing-root.js';
import { normalQuantile } from './normal-distribution.js';
import type { UndefinedStatistic } from './undefined-statistic.js';
import { undefinedStatistic } from './undefined-statistic.js';

export interface ProportionInterval {
  readonly kind: 'value';
  readonly estimate: number;
  readonly lower: number;
  readonly upper: number;
}

/** A count of successes among trials: whole numbers, successes at most trials. */
export interface Proportion {
  readonly successes: number;
  readonly trials: number;
}

/** Two-sided score interval for one proportion; `level` is 0.95 by default. Source: E. B. Wilson (1927). */
export function wilsonInterval(
  options: Proportion & { readonly level?: number },
): ProportionInterval | UndefinedStatistic {
  const { successes, trials, level = 0.95 } = options;
  checkProportion('', options);
  const z2 = criticalZ(level) ** 2;
  if (trials === 0) return undefinedStatistic('there are no trials');
  const estimate = successes / trials;
  const failures = trials - successes;
  const spread = Math.sqrt(z2 * ((successes * failures) / trials + z2 / 4));
  const scale = trials + z2;
  return {
    kind: 'value',
    estimate,
    lower: successes === 0 ? 0 : Math.max(0, (successes + z2 / 2 - spread) / scale),
    upper: failures === 0 ? 1 : Math.min(1, (successes + z2 / 2 + spread) / scale),
  };
}

/**
 * Two-sided interval for candidate − control, two independent proportions; `level` is 0.95 by default.
 * Source: R. G. Newcombe (1998), method 10: Wilson limits combined.
 */
export function independentProportionDifference(options: {
  readonly control: Proportion;
  readonly candidate: Proportion;
  readonly level?: number;
}): ProportionInterval | UndefinedStatistic {
  const { level = 0.95 } = options;
  checkProportion('control.', options.control);
  checkProportion('candidate.', options.candidate);
  const control = wilsonInterval({ ...options.control, level });
  const candidate = wilsonInterval({ ...options.candidate, level });
  if (control.kind === 'undefined') return undefinedStatistic('the control has no trials');
  if (candidate.kind === 'undefined') return undefinedStatistic('the candidate has no trials');
  const estimate = candidate.estimate - control.estimate;
  return {
    kind: 'value',
    estimate,
    lower: estimate - Math.hypot(candidate.estimate - candidate.lower, control.upper - control.estimate),
    upper: estimate + Math.hypot(candidate.upper - candidate.estimate, control.estimate - control.lower),
  };
}

/**
 * Two-sided score interval for candidate − control where both answered the same `rows` rows. `candidateOnly` rows were a
 * success for the candidate alone, `controlOnly` for the control alone; the others do not matter. `level` is 0.95 by
 * default. With no discordant row it is ±z²/(rows + z²): agreement on few rows is not taken for equality.
 * Source: T. Tango, Equivalence test and confidence interval for the difference in proportions for the paired-sample
 * design, Statistics in Medicine 17 (1998).
 */
export function pairedProportionDifference(options: {
  readonly candidateOnly: number;
  readonly controlOnly: number;
  readonly rows: number;
  readonly level?: number;
}): ProportionInterval | UndefinedStatistic {
  const { candidateOnly, controlOnly, rows, level = 0.95 } = options;
  checkCount('candidateOnly', candidateOnly);
  checkCount('controlOnly', controlOnly);
  checkCount('rows', rows);
  if (candidateOnly + controlOnly > rows) {
    throw new RangeError(
      `candidateOnly + controlOnly is ${candidateOnly + controlOnly}; expected at most rows, ${rows}`,
    );
  }
  checkOpenUnit('level', level);
  if (rows === 0) return undefinedStatistic('there are no rows');
  return pairedScoreInterval({ candidateOnly, controlOnly, rows, level });
}

/** The same on counts that need not be whole, so that effective rows can stand for rows; rows above 0, not checked. */
export function pairedScoreInterval(options: {
  readonly candidateOnly: number;
  readonly controlOnly: number;
  readonly rows: number;
  readonly level: number;
}): ProportionInterval {
  const z = criticalZ(options.level);
  const estimate = (options.candidateOnly - options.controlOnly) / options.rows;
  const scoreAt = (difference: number): number => tangoScore(options, difference);
  return {
    kind: 'value',
    estimate,
    lower: estimate === -1 ? -1 : increasingRoot((x) => z - scoreAt(x), { low: -1, high: estimate }),
    upper: estimate === 1 ? 1 : increasingRoot((x) => -z - scoreAt(x), { low: estimate, high: 1 }),
  };
}

/** The standardised distance of the data from a true difference, falling in it; infinite at ±1. */
function tangoScore(
  data: { readonly candidateOnly: number; readonly controlOnly: number; readonly rows: number },
  difference: number,
): number {
  const { candidateOnly, controlOnly, rows } = data;
  const distance = candidateOnly - controlOnly - rows * difference;
  if (distance === 0) return 0;
  if (Math.abs(difference) === 1) return -difference * Infinity;
  // The constrained maximum-likelihood estimate of the chance of a control-only row: the larger root of a quadratic.
  const b = -candidateOnly - controlOnly + (2 * rows - candidateOnly + controlOnly) * difference;
  const c = -controlOnly * difference * (1 - difference);
  const root = Math.sqrt(Math.max(0, b * b - 8 * rows * c));
  const controlShare = b > 0 ? (-2 * c) / (b + root) : (root - b) / (4 * rows);
  const variance = rows * (2 * controlShare + difference * (1 - difference));
  return variance > 0 ? distance / Math.sqrt(variance) : Math.sign(distance) * Infinity;
}

function criticalZ(level: number): number {
  checkOpenUnit('level', level);
  return -normalQuantile((1 - level) / 2);
}

function checkProportion(prefix: string, { successes, trials }: Proportion): void {
  checkCount(`${prefix}successes`, successes);
  checkCount(`${prefix}trials`, trials);
  if (successes > trials)
    throw new RangeError(`${prefix}successes is ${successes}; expected at most trials, ${trials}`);
}
