import { checkCount } from './checks.js';
import type { ExactSumState } from './exact-sum.js';
import { exactSum } from './exact-sum.js';
import type { Moments } from './moments.js';
import { emptyMoments } from './moments.js';

/** Past this magnitude a square and its rounding error are no longer both doubles. */
const magnitudeMax = 1e150;
/** Splits a double's 53 bits into two halves whose products are exact. */
const splitter = 2 ** 27 + 1;
const unitsPerOne = 1074n;

/** Exact moments as JSON; equal samples have equal states, whatever their order. */
export interface ExactMomentsState {
  readonly count: number;
  readonly sum: ExactSumState;
  readonly squares: ExactSumState;
}

export interface ExactMoments {
  /** Adds a value of magnitude up to 1e150; throws a RangeError for anything else. */
  add(value: number): void;
  merge(state: ExactMomentsState): void;
  /** Bit-identical for any order of the values and any split into shards; no digits are lost to cancellation. */
  moments(): Moments;
  /** The correctly rounded sum of the values. */
  sum(): number;
  state(): ExactMomentsState;
}

/** Count, mean and squared deviations from exact sums of the values and of their squares (by Dekker's product). */
export function exactMoments(state?: ExactMomentsState): ExactMoments {
  let count = 0;
  const sum = exactSum();
  const squares = exactSum();

  const add = (value: number): void => {
    if (!(Math.abs(value) <= magnitudeMax)) {
      throw new RangeError(`value is ${value}; expected a number of magnitude up to ${magnitudeMax}`);
    }
    const square = value * value;
    const scaled = splitter * value;
    const high = scaled - (scaled - value);
    const low = value - high;
    count += 1;
    sum.add(value);
    squares.add(square);
    squares.add(low * low - (square - high * high - 2 * high * low));
  };

  const merge = (other: ExactMomentsState): void => {
    checkCount('state.count', other.count);
    sum.merge(other.sum);
    squares.merge(other.squares);
    count += other.count;
  };

  const moments = (): Moments => {
    if (count === 0) return emptyMoments;
    const sumUnits = sum.units();
    // count·Σx² − (Σx)², in units of 2⁻²¹⁴⁸, is count times the squared deviations.
    const deviations = ((BigInt(count) * squares.units()) << unitsPerOne) - sumUnits * sumUnits;
    const scaled = deviations > 0n ? roundedShift(deviations, 2 * Number(unitsPerOne)) : 0;
    return { count, mean: sum.total() / count, squaredDeviations: scaled / count };
  };

  if (state !== undefined) merge(state);
  return {
    add,
    merge,
    moments,
    sum: () => sum.total(),
    state: () => ({ count, sum: sum.state(), squares: squares.state() }),
  };
}

/** value·2^−shift for a positive value: 64 leading bits rounded to a double, then scaled in exact steps. */
function roundedShift(value: bigint, shift: number): number {
  const cut = Math.max(0, value.toString(16).length * 4 - 64);
  let result = Number(value >> BigInt(cut));
  let exponent = cut - shift;
  for (; exponent > 0; exponent -= Math.min(512, exponent)) result *= 2 ** Math.min(512, exponent);
  for (; exponent < 0; exponent += Math.min(512, -exponent)) result *= 2 ** -Math.min(512, -exponent);
  return result;
}
