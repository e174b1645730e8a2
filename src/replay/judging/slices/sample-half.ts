import { positionSampler } from '../../eligible-rows.js';
import type { Sums } from './rest-test.js';
import type { SliceSample } from './slice-sample.js';

/** Rows whose feature has this code. */
export interface Term {
  readonly feature: number;
  readonly code: number;
}

/** The rows of one half of a sample that have a value; all arrays have `rows` entries. */
export interface SampleHalf {
  readonly rows: number;
  readonly values: Float64Array;
  /** By feature. */
  readonly codes: readonly Uint16Array[];
  readonly all: Sums;
}

const halfSeed = 0x68616c66;

/** Halves by a hash of the position, so that a row's half depends on nothing else. NaN: the row has no value. */
export function halvesOf(
  sample: SliceSample,
  values: Float64Array,
): { readonly first: SampleHalf; readonly second: SampleHalf } {
  const inFirst = positionSampler(0.5, halfSeed);
  const first: number[] = [];
  const second: number[] = [];
  for (let row = 0; row < sample.rows; row += 1) {
    if (Number.isNaN(values[row])) continue;
    (inFirst(sample.positions[row] ?? 0) ? first : second).push(row);
  }
  return { first: halfOf(sample, values, first), second: halfOf(sample, values, second) };
}

function halfOf(sample: SliceSample, values: Float64Array, rows: readonly number[]): SampleHalf {
  const ofHalf = Float64Array.from(rows, (row) => values[row] ?? 0);
  let [sum, squares] = [0, 0];
  for (const value of ofHalf) {
    sum += value;
    squares += value * value;
  }
  return {
    rows: rows.length,
    values: ofHalf,
    codes: sample.codes.map((codes) => Uint16Array.from(rows, (row) => codes[row] ?? 0)),
    all: { rows: rows.length, sum, squares },
  };
}

/** What the values of the rows that fit all terms come to. */
export function sumsIn(terms: readonly Term[], { rows, values, codes }: SampleHalf): Sums {
  let [count, sum, squares] = [0, 0, 0];
  for (let row = 0; row < rows; row += 1) {
    if (!terms.every(({ feature, code }) => codes[feature]?.[row] === code)) continue;
    const value = values[row] ?? 0;
    count += 1;
    sum += value;
    squares += value * value;
  }
  return { rows: count, sum, squares };
}
