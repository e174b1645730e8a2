import { benjaminiHochberg } from '../../../stats/multiple-testing.js';
import type { Interval } from '../../report/report-schema.js';
import { considerSlices } from './consider-slices.js';
import { againstRest, rowsPerSideMin } from './rest-test.js';
import { halvesOf, sumsIn, type SampleHalf, type Term } from './sample-half.js';
import type { SliceFeature } from './slice-feature.js';
import type { SliceSample } from './slice-sample.js';

/** Rows whose features have these values. */
export interface SliceCondition {
  readonly feature: string;
  readonly value: string;
}

export interface DiscoveredSlice {
  readonly conditions: readonly SliceCondition[];
  /** Rows of the sample in it, of both halves. */
  readonly rows: number;
  /** Mean in the slice and in the rest, on the half that it was not found on. */
  readonly effect: number;
  readonly rest: number;
  /** Of effect − rest. */
  readonly interval: Interval;
  /** One-sided, adjusted for the number of slices tested. */
  readonly p: number;
  /** Share of all flips of the sample that lie in the slice; undefined: there are none. */
  readonly shareOfFlips: number | undefined;
  /** Positions of the rows that it is worst on, at most five. */
  readonly examples: readonly number[];
}

export interface SliceSearch {
  /** `loss`: candidate loss − control loss of rows with truth; `flips`: share of changed labels. */
  readonly by: 'loss' | 'flips';
  readonly sampledRows: number;
  /** How many slices were looked at on the first half, and tested on the second. */
  readonly considered: number;
  readonly tested: number;
  readonly slices: readonly DiscoveredSlice[];
}

/** Share of false finds among those reported. */
const falseDiscoveryRate = 0.05;
const testedMax = 40;
const reportedMax = 10;
const examplesMax = 5;

/**
 * Where the candidate is worst compared with the rest: groups of one feature and of two, ranked on one half of the rows (by hash
 * of position), tested on the other against their complement (Welch's z, one-sided), with the false discovery rate held at
 * 5 % by Benjamini and Hochberg's procedure. A pair of which one part explains the effect is left out. Pure.
 */
export function discoverSlices(features: readonly SliceFeature[], sample: SliceSample): SliceSearch {
  let judgedRows = 0;
  for (let row = 0; row < sample.rows; row += 1) judgedRows += Number.isNaN(sample.increase[row]) ? 0 : 1;
  const by = judgedRows >= 4 * rowsPerSideMin ? ('loss' as const) : ('flips' as const);
  const values = by === 'loss' ? sample.increase : Float64Array.from(sample.flipped);
  const { first, second } = halvesOf(sample, values);
  const considered = considerSlices(features, first);
  const chosen = considered
    .filter((slice) => slice.z > 0)
    .toSorted((a, b) => b.z - a.z || compareTerms(a, b))
    .slice(0, testedMax);
  const tested = chosen.flatMap((slice) => {
    const test = againstRest(sumsIn(slice.terms, second), second.all);
    return test === undefined ? [] : [{ ...slice, test }];
  });
  const { adjusted } = benjaminiHochberg(tested.map(({ test }) => test.p));
  const significant = tested
    .map((slice, index) => ({ ...slice, p: adjusted[index] ?? 1 }))
    .filter(({ p }) => p <= falseDiscoveryRate)
    .toSorted((a, b) => b.test.z - a.test.z || compareTerms(a, b))
    .filter((slice) => !isExplained(slice.terms, second, tested.length));
  const flips = sample.flipped.reduce((sum, flip) => sum + flip, 0);
  return {
    by,
    sampledRows: sample.rows,
    considered: considered.length,
    tested: tested.length,
    slices: withoutTwins(significant, sample)
      .slice(0, reportedMax)
      .map(({ terms, test, p }): DiscoveredSlice => {
        const rows = rowsIn(terms, sample);
        const flipped = flippedIn(rows, sample);
        return {
          conditions: terms.map(({ feature, code }) => ({
            feature: features[feature]?.feature ?? '',
            value: features[feature]?.labels[code] ?? '',
          })),
          rows: rows.length,
          effect: test.inside,
          rest: test.outside,
          interval: test.interval,
          p,
          shareOfFlips: flips === 0 ? undefined : flipped / flips,
          examples: worstOf(rows, values, sample),
        };
      }),
  };
}

/** Rows that fit all terms: one or two. */
function rowsIn([first, second]: readonly Term[], sample: SliceSample): Int32Array {
  const rows = new Int32Array(sample.rows);
  if (first === undefined) return rows.subarray(0, 0);
  const firstCodes = sample.codes[first.feature] ?? new Uint16Array();
  const secondCodes = second === undefined ? firstCodes : (sample.codes[second.feature] ?? new Uint16Array());
  const secondCode = second?.code ?? first.code;
  let count = 0;
  for (let row = 0; row < sample.rows; row += 1) {
    if (firstCodes[row] !== first.code || secondCodes[row] !== secondCode) continue;
    rows[count] = row;
    count += 1;
  }
  return rows.slice(0, count);
}

/** How many rows two ascending lists have in common. */
function commonRows(one: Int32Array, other: Int32Array): number {
  let common = 0;
  let at = 0;
  for (let index = 0; index < one.length && at < other.length; index += 1) {
    const row = one[index] ?? 0;
    while (at < other.length && (other[at] ?? 0) < row) at += 1;
    if (other[at] === row) common += 1;
  }
  return common;
}

/** Whether one part of a pair is as bad as the pair, as far as so many tests can tell: then the other part adds nothing. */
function isExplained(terms: readonly Term[], half: SampleHalf, tested: number): boolean {
  if (terms.length < 2) return false;
  const inside = sumsIn(terms, half);
  return terms.some((term) => {
    const test = againstRest(inside, sumsIn([term], half));
    return test === undefined || test.p > falseDiscoveryRate / (2 * tested);
  });
}

/** Of two slices with mostly the same rows, the one that is tested more clearly stays. */
function withoutTwins<Slice extends { readonly terms: readonly Term[] }>(
  slices: readonly Slice[],
  sample: SliceSample,
): Slice[] {
  const kept: { readonly slice: Slice; readonly rows: Int32Array }[] = [];
  for (const slice of slices) {
    const rows = rowsIn(slice.terms, sample);
    const isTwin = kept.some((other) => {
      const common = commonRows(rows, other.rows);
      return common > 0.8 * (rows.length + other.rows.length - common);
    });
    if (!isTwin) kept.push({ slice, rows });
    if (kept.length === reportedMax) break;
  }
  return kept.map(({ slice }) => slice);
}

function flippedIn(rows: Int32Array, { flipped }: SliceSample): number {
  let count = 0;
  for (let index = 0; index < rows.length; index += 1) count += flipped[rows[index] ?? 0] ?? 0;
  return count;
}

function worstOf(rows: Int32Array, values: Float64Array, sample: SliceSample): number[] {
  return Array.from(rows.filter((row) => (values[row] ?? 0) > 0))
    .toSorted((a, b) => (values[b] ?? 0) - (values[a] ?? 0) || a - b)
    .slice(0, examplesMax)
    .map((row) => sample.positions[row] ?? 0);
}

interface Terms {
  readonly terms: readonly Term[];
}

function compareTerms(a: Terms, b: Terms): number {
  const key = ({ terms }: Terms): string =>
    terms.map(({ feature, code }) => `${String(feature).padStart(5)}.${String(code).padStart(5)}`).join(' ');
  return key(a) < key(b) ? -1 : 1;
}
