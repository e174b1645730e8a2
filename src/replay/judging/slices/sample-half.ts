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
  const first = new Uint32Array(sample.rows);
  const second = new Uint32Array(sample.rows);
  let [firstRows, secondRows] = [0, 0];
  for (let row = 0; row < sample.rows; row += 1) {
    if (Number.isNaN(values[row])) continue;
    if (inFirst(sample.positions[row] ?? 0)) {
      first[firstRows] = row;
      firstRows += 1;
    } else {
      second[secondRows] = row;
      secondRows += 1;
    }
  }
  return {
    first: halfOf(sample, values, first.subarray(0, firstRows)),
    second: halfOf(sample, values, second.subarray(0, secondRows)),
  };
}

function halfOf(sample: SliceSample, values: Float64Array, rows: Uint32Array): SampleHalf {
  const ofHalf = new Float64Array(rows.length);
  let [sum, squares] = [0, 0];
  for (let index = 0; index < rows.length; index += 1) {
    const value = values[rows[index] ?? 0] ?? 0;
    ofHalf[index] = value;
    sum += value;
    squares += value * value;
  }
  return {
    rows: rows.length,
    values: ofHalf,
    codes: sample.codes.map((codes) => gathered(codes, rows)),
    all: { rows: rows.length, sum, squares },
  };
}

function gathered(codes: Uint16Array, rows: Uint32Array): Uint16Array {
  const ofHalf = new Uint16Array(rows.length);
  for (let index = 0; index < rows.length; index += 1) ofHalf[index] = codes[rows[index] ?? 0] ?? 0;
  return ofHalf;
}

/** What the values of the rows that fit all terms come to: one term or two. */
export function sumsIn(terms: readonly Term[], half: SampleHalf): Sums {
  const [first, second] = terms;
  let [count, sum, squares] = [0, 0, 0];
  if (first === undefined) return { rows: count, sum, squares };
  const { values, codes } = half;
  const firstCodes = codes[first.feature] ?? new Uint16Array();
  const secondCodes = second === undefined ? firstCodes : (codes[second.feature] ?? new Uint16Array());
  const secondCode = second?.code ?? first.code;
  for (let row = 0; row < half.rows; row += 1) {
    if (firstCodes[row] !== first.code || secondCodes[row] !== secondCode) continue;
    const value = values[row] ?? 0;
    count += 1;
    sum += value;
    squares += value * value;
  }
  return { rows: count, sum, squares };
}
