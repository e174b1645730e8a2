const tiny = 1e-300;
const stepsMax = 1_000_000;

/**
 * Evaluates first / (b₀ + a₁/(b₁ + a₂/(b₂ + …))) by Lentz's method until two steps agree to the last bits.
 * `step(i)` gives [aᵢ, bᵢ] for i ≥ 1. Throws a RangeError when it does not settle.
 */
export function continuedFraction(
  firstDenominator: number,
  step: (index: number) => readonly [number, number],
): number {
  let d = 1 / (firstDenominator === 0 ? tiny : firstDenominator);
  let c = 1 / tiny;
  let value = d;
  for (let index = 1; index <= stepsMax; index += 1) {
    const [a, b] = step(index);
    d = b + a * d;
    d = 1 / (d === 0 ? tiny : d);
    c = b + a / c;
    if (c === 0) c = tiny;
    const factor = c * d;
    value *= factor;
    if (Math.abs(factor - 1) <= 2 * Number.EPSILON) return value;
  }
  throw new RangeError(`a continued fraction did not settle in ${stepsMax} steps`);
}
