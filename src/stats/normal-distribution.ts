import { checkOpenUnit } from './checks.js';
import { incompleteGamma } from './incomplete-gamma.js';

/** P(Z > z) for a standard normal Z; relative error near 1e-13 far into the tail. z may be infinite. */
export function normalSf(z: number): number {
  const { lower, upper } = incompleteGamma({ a: 0.5, x: (z * z) / 2 });
  return z > 0 ? upper / 2 : 0.5 + lower / 2;
}

/** P(Z ≤ z) for a standard normal Z. */
export function normalCdf(z: number): number {
  return normalSf(-z);
}

/** The z with P(Z ≤ z) = probability, for a probability in (0, 1). Newton's method on the logarithm of the tail. */
export function normalQuantile(probability: number): number {
  checkOpenUnit('probability', probability);
  if (probability === 0.5) return 0;
  const tail = probability < 0.5 ? probability : 1 - probability;
  let z = Math.sqrt(-2 * Math.log(2 * tail));
  for (let round = 0; round < 100; round += 1) {
    const sf = normalSf(z);
    const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
    const step = (Math.log(sf / tail) * sf) / density;
    z = Math.max(0, z + step);
    if (Math.abs(step) <= 4 * Number.EPSILON * z) break;
  }
  return probability < 0.5 ? -z : z;
}
