import { checkOpenUnit } from './checks.js';
import { incompleteGamma } from './incomplete-gamma.js';
import { increasingRoot } from './increasing-root.js';

/** P(X > x) for a chi-square X with `df` degrees of freedom. x ≥ 0, df > 0. */
export function chiSquareSf(options: { readonly x: number; readonly df: number }): number {
  return incompleteGamma({ a: options.df / 2, x: options.x / 2 }).upper;
}

/** P(X ≤ x) for a chi-square X with `df` degrees of freedom. x ≥ 0, df > 0. */
export function chiSquareCdf(options: { readonly x: number; readonly df: number }): number {
  return incompleteGamma({ a: options.df / 2, x: options.x / 2 }).lower;
}

/** The x that a chi-square with `df` degrees of freedom exceeds with probability `upperTail`, in (0, 1). */
export function chiSquareCriticalValue(options: { readonly upperTail: number; readonly df: number }): number {
  const { upperTail, df } = options;
  checkOpenUnit('upperTail', upperTail);
  let high = df + 1;
  while (chiSquareSf({ x: high, df }) > upperTail) high *= 2;
  return increasingRoot((x) => upperTail - chiSquareSf({ x, df }), { low: 0, high });
}
