import { continuedFraction } from './continued-fraction.js';
import { poissonDensity } from './saddle-point.js';

export interface Tails {
  /** Probability at or below the argument, in [0, 1]. */
  readonly lower: number;
  /** Probability above the argument, in [0, 1]; computed directly, so that small tails keep their digits. */
  readonly upper: number;
}

/**
 * Regularised incomplete gamma functions P(a, x) (lower) and Q(a, x) (upper). a > 0, x ≥ 0, x may be infinite.
 * Source: power series below x = a + 1, Legendre's continued fraction above, prefactor in saddle-point form.
 * Written here because @stdlib 0.2's upper tail is 1 % off at a = 5000.
 */
export function incompleteGamma(options: { readonly a: number; readonly x: number }): Tails {
  const { a, x } = options;
  if (!(a > 0) || !(x >= 0)) throw new RangeError(`a is ${a} and x is ${x}; expected a > 0 and x ≥ 0`);
  if (x === 0) return { lower: 0, upper: 1 };
  if (x === Infinity) return { lower: 1, upper: 0 };
  const density = poissonDensity(a, x);
  if (x < a + 1) {
    const lower = Math.min(1, density * lowerSeries(a, x));
    return { lower, upper: 1 - lower };
  }
  const fraction = continuedFraction(x + 1 - a, (i) => [-i * (i - a), x + 2 * i + 1 - a]);
  const upper = Math.min(1, density * a * fraction);
  return { lower: 1 - upper, upper };
}

function lowerSeries(a: number, x: number): number {
  let term = 1;
  let sum = 1;
  for (let index = 1; ; index += 1) {
    term *= x / (a + index);
    const next = sum + term;
    if (next === sum) return sum;
    sum = next;
  }
}
