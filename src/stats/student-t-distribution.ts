import { checkOpenUnit } from './checks.js';
import { incompleteBeta } from './incomplete-beta.js';
import { increasingRoot } from './increasing-root.js';
import { normalQuantile } from './normal-distribution.js';

/** P(T > t) for Student's t with `df` > 0 degrees of freedom (real numbers are allowed). */
export function studentTSf(options: { readonly t: number; readonly df: number }): number {
  const { t, df } = options;
  const half = halfTail(t, df);
  return t > 0 ? half.tail : 0.5 + half.centre;
}

/** P(T ≤ t) for Student's t with `df` > 0 degrees of freedom. */
export function studentTCdf(options: { readonly t: number; readonly df: number }): number {
  return studentTSf({ t: -options.t, df: options.df });
}

/** The t with P(T ≤ t) = probability, for a probability in (0, 1) and df > 0. */
export function studentTQuantile(options: { readonly probability: number; readonly df: number }): number {
  const { probability, df } = options;
  checkOpenUnit('probability', probability);
  if (probability === 0.5) return 0;
  const tail = probability < 0.5 ? probability : 1 - probability;
  const low = -normalQuantile(tail);
  let high = 2 * low + 1;
  while (studentTSf({ t: high, df }) > tail) high *= 4;
  const t = increasingRoot((x) => Math.log(tail / studentTSf({ t: x, df })), {
    low: low * (1 - 1e-12),
    high,
  });
  return probability < 0.5 ? -t : t;
}

/** P(|T| > |t|)/2 and P(|T| ≤ |t|)/2. */
function halfTail(t: number, df: number): { readonly tail: number; readonly centre: number } {
  if (!(df > 0)) throw new RangeError(`df is ${df}; expected a number above 0`);
  if (Number.isNaN(t)) throw new RangeError('t is NaN; expected a number');
  const square = t * t;
  if (square === Infinity) return { tail: 0, centre: 0.5 };
  const total = df + square;
  const { lower, upper } = incompleteBeta({
    a: df / 2,
    b: 0.5,
    x: df / total,
    y: square / total,
    excess: (df * (square - 1)) / (2 * total),
  });
  return { tail: lower / 2, centre: upper / 2 };
}
