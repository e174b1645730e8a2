const logSqrtTwoPi = 0.5 * Math.log(2 * Math.PI);
const seriesStart = 15;

/**
 * ln Γ(n+1) − ln(√(2πn)·(n/e)ⁿ) for any real n > 0, absolute error near 1e-15.
 * Source: Stirling's series from 15 up; below, its own recurrence.
 */
export function stirlingError(n: number): number {
  let shifted = n;
  let correction = 0;
  while (shifted < seriesStart) {
    correction += (shifted + 0.5) * Math.log1p(1 / shifted) - 1;
    shifted += 1;
  }
  const inverse = 1 / shifted;
  const square = inverse * inverse;
  const series =
    inverse *
    (1 / 12 -
      square *
        (1 / 360 -
          square * (1 / 1260 - square * (1 / 1680 - square * (1 / 1188 - (square * 691) / 360360)))));
  return correction + series;
}

/**
 * x·ln(x/m) + m − x, never negative, without cancellation near x = m. x ≥ 0, m > 0.
 * `excess` is x − m; pass it where the caller knows it more exactly than a subtraction would give.
 * Source: C. Loader, Fast and accurate computation of binomial probabilities (2000).
 */
export function deviancePart(x: number, m: number, excess: number = x - m): number {
  if (x === 0) return m;
  if (Math.abs(excess) >= 0.1 * (x + m)) return x * Math.log(x / m) - excess;
  const ratio = excess / (x + m);
  const square = ratio * ratio;
  let term = 2 * x * ratio;
  let sum = excess * ratio;
  for (let odd = 3; ; odd += 2) {
    term *= square;
    const next = sum + term / odd;
    if (next === sum) return sum;
    sum = next;
  }
}

/** λˣ·e^(−λ)/Γ(x+1) for real x > 0 and λ > 0. `excess` is x − λ. Source: Loader's saddle-point form. */
export function poissonDensity(x: number, lambda: number, excess: number = x - lambda): number {
  return Math.exp(-stirlingError(x) - deviancePart(x, lambda, excess) - logSqrtTwoPi - 0.5 * Math.log(x));
}

/**
 * The binomial density Γ(n+1)/(Γ(a+1)Γ(b+1))·pᵃ·qᵇ with n = a + b and q = 1 − p given apart, for real a, b ≥ 0.
 * `excess` is a − n·p. Source: Loader's saddle-point form.
 */
export function binomialDensity(options: {
  readonly a: number;
  readonly b: number;
  readonly p: number;
  readonly q: number;
  readonly excess?: number;
}): number {
  const { a, b, p, q } = options;
  const n = a + b;
  if (p === 0) return a === 0 ? 1 : 0;
  if (q === 0) return b === 0 ? 1 : 0;
  const excess = options.excess ?? a * q - b * p;
  if (a === 0) return Math.exp(p < 0.1 ? n * Math.log1p(-p) : n * Math.log(q));
  if (b === 0) return Math.exp(q < 0.1 ? n * Math.log1p(-q) : n * Math.log(p));
  const exponent =
    stirlingError(n) -
    stirlingError(a) -
    stirlingError(b) -
    deviancePart(a, n * p, excess) -
    deviancePart(b, n * q, -excess);
  return Math.exp(exponent) * Math.sqrt(n / (2 * Math.PI * a * b));
}
