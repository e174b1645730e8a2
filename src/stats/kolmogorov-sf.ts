import { binomialDensity, stirlingError } from './saddle-point.js';

/**
 * P(D_n ≥ d) for the two-sided one-sample Kolmogorov statistic of n observations; n ≥ 1, a whole number; d in [0, 1].
 * Source: R. Simard and P. L'Ecuyer, Computing the two-sided Kolmogorov-Smirnov distribution (2011), with the regions of
 * scipy.stats.kstwo: closed forms at both ends, twice the one-sided tail where it is exact to the digits kept, the matrix
 * of Marsaglia, Tsang and Wang (2003), and the expansion of Pelz and Good (1976) for large n.
 */
export function kolmogorovSf(options: { readonly n: number; readonly d: number }): number {
  const { n, d } = options;
  if (!Number.isSafeInteger(n) || n < 1)
    throw new RangeError(`n is ${n}; expected a whole number, 1 or more`);
  if (Number.isNaN(d)) throw new RangeError('d is NaN; expected a number');
  if (d >= 1) return 0;
  if (d <= 0) return 1;
  const t = n * d;
  const s = t * d;
  if (t <= 0.5) return 1;
  if (t <= 1) return 1 - smallestSteps(n, 2 * t - 1);
  if (t >= n - 1) return 2 * (1 - d) ** n;
  if (d >= 0.5) return twiceOneSided(n, d);
  if (n <= 140) return s <= 4 ? clamp(1 - matrixCdf(n, d)) : twiceOneSided(n, d);
  if (s >= 370) return 0;
  if (s >= 2.2) return twiceOneSided(n, d);
  return clamp(1 - (n <= 100_000 && n * d ** 1.5 <= 1.4 ? matrixCdf(n, d) : expansionCdf(n, d)));
}

function clamp(probability: number): number {
  return Math.min(1, Math.max(0, probability));
}

/** n!/nⁿ·stepⁿ. */
function smallestSteps(n: number, step: number): number {
  return Math.exp(stirlingError(n) - n + 0.5 * Math.log(2 * Math.PI * n) + n * Math.log(step));
}

/** Twice Smirnov's one-sided tail. */
function twiceOneSided(n: number, d: number): number {
  let sum = 0;
  const last = Math.floor(n * (1 - d));
  for (let j = 0; j <= last; j += 1) {
    const p = d + j / n;
    const q = 1 - d - j / n;
    if (q <= 0) continue;
    sum += binomialDensity({ a: j, b: n - j, p, q, excess: -n * d }) / p;
  }
  return clamp(2 * d * sum);
}

/** P(D_n < d) as an entry of a power of a banded matrix, scaled against overflow. */
function matrixCdf(n: number, d: number): number {
  const k = Math.floor(n * d) + 1;
  const size = 2 * k - 1;
  const h = k - n * d;
  const matrix = new Float64Array(size * size);
  const inverseFactorial = new Float64Array(size + 2);
  inverseFactorial[0] = 1;
  for (let i = 1; i < size + 2; i += 1) inverseFactorial[i] = (inverseFactorial[i - 1] ?? 0) / i;
  for (let row = 0; row < size; row += 1) {
    for (let column = 0; column <= Math.min(row + 1, size - 1); column += 1) {
      const order = row - column + 1;
      let entry = 1;
      if (column === 0) entry -= h ** order;
      if (row === size - 1) entry -= h ** order;
      if (column === 0 && row === size - 1 && 2 * h > 1) entry += (2 * h - 1) ** order;
      matrix[row * size + column] = entry * (inverseFactorial[order] ?? 0);
    }
  }
  const power = matrixPower(matrix, size, n);
  const logScale = stirlingError(n) - n + 0.5 * Math.log(2 * Math.PI * n);
  const entry = power.matrix[(k - 1) * size + k - 1] ?? NaN;
  return Math.exp(Math.log(entry) + power.exponent * Math.LN2 + logScale);
}

interface ScaledMatrix {
  readonly matrix: Float64Array;
  /** The matrix stands for itself times 2^exponent. */
  readonly exponent: number;
}

function matrixPower(matrix: Float64Array, size: number, power: number): ScaledMatrix {
  let square: ScaledMatrix = { matrix, exponent: 0 };
  let result: ScaledMatrix | undefined;
  for (let left = power; ;) {
    if (left % 2 === 1) result = result === undefined ? square : product(result, square, size);
    left = Math.floor(left / 2);
    if (left === 0) break;
    square = product(square, square, size);
  }
  return result ?? square;
}

function product(first: ScaledMatrix, second: ScaledMatrix, size: number): ScaledMatrix {
  const matrix = new Float64Array(size * size);
  for (let row = 0; row < size; row += 1) {
    for (let inner = 0; inner < size; inner += 1) {
      const factor = first.matrix[row * size + inner] ?? NaN;
      if (factor === 0) continue;
      for (let column = 0; column < size; column += 1) {
        const at = row * size + column;
        matrix[at] = (matrix[at] ?? NaN) + factor * (second.matrix[inner * size + column] ?? NaN);
      }
    }
  }
  const middle = matrix[((size - 1) / 2) * (size + 1)] ?? 1;
  const shift = middle > 2 ** 400 ? 400 : middle < 2 ** -400 ? -400 : 0;
  if (shift !== 0)
    for (let at = 0; at < matrix.length; at += 1) matrix[at] = (matrix[at] ?? NaN) * 2 ** -shift;
  return { matrix, exponent: first.exponent + second.exponent + shift };
}

/** The asymptotic law with three terms of correction in 1/√n. */
function expansionCdf(n: number, d: number): number {
  const rootN = Math.sqrt(n);
  const z = rootN * d;
  const z2 = z * z;
  const z4 = z2 * z2;
  const z6 = z4 * z2;
  const pi2 = Math.PI * Math.PI;
  const rootHalfPi = Math.sqrt(Math.PI / 2);
  let limit = 0;
  let first = 0;
  let second = 0;
  let third = 0;
  const termsMax = Math.ceil(8 * z) + 4;
  for (let k = 0; k <= termsMax; k += 1) {
    const half2 = pi2 * (k + 0.5) ** 2;
    const half4 = half2 * half2;
    const half6 = half4 * half2;
    const decay = Math.exp(-half2 / (2 * z2));
    limit += decay;
    first += 2 * (half2 - z2) * decay;
    second += 2 * (6 * z6 + 2 * z4 + (2 * z4 - 5 * z2) * half2 + (1 - 2 * z2) * half4) * decay;
    third +=
      2 *
      (half6 * (5 - 30 * z2) +
        half4 * (212 * z4 - 60 * z2) +
        half2 * (135 * z4 - 96 * z6) -
        30 * z6 -
        90 * z6 * z2) *
      decay;
  }
  let secondWhole = 0;
  let thirdWhole = 0;
  for (let k = 1; k <= termsMax; k += 1) {
    const whole2 = pi2 * k * k;
    const decay = Math.exp(-whole2 / (2 * z2));
    secondWhole += 2 * whole2 * decay;
    thirdWhole += 2 * (3 * whole2 * z2 - whole2 * whole2) * decay;
  }
  return (
    (Math.sqrt(2 * Math.PI) / z) * limit +
    ((rootHalfPi / (6 * z4)) * first) / rootN +
    (rootHalfPi * (second / (72 * z6 * z) - secondWhole / (36 * z2 * z))) / n +
    (rootHalfPi * (third / (6480 * z6 * z4) + thirdWhole / (216 * z6))) / (n * rootN)
  );
}
