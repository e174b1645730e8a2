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
  const judgedRows = sample.increase.reduce((count, value) => count + (Number.isNaN(value) ? 0 : 1), 0);
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
        const flipped = rows.reduce((sum, row) => sum + (sample.flipped[row] ?? 0), 0);
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

function rowsIn(terms: readonly Term[], sample: SliceSample): number[] {
  const rows: number[] = [];
  for (let row = 0; row < sample.rows; row += 1) {
    if (terms.every(({ feature, code }) => sample.codes[feature]?.[row] === code)) rows.push(row);
  }
  return rows;
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
  const kept: { readonly slice: Slice; readonly rows: ReadonlySet<number> }[] = [];
  for (const slice of slices) {
    const rows = rowsIn(slice.terms, sample);
    const isTwin = kept.some((other) => {
      const common = rows.filter((row) => other.rows.has(row)).length;
      return common > 0.8 * (rows.length + other.rows.size - common);
    });
    if (!isTwin) kept.push({ slice, rows: new Set(rows) });
    if (kept.length === reportedMax) break;
  }
  return kept.map(({ slice }) => slice);
}

function worstOf(rows: readonly number[], values: Float64Array, sample: SliceSample): number[] {
  return rows
    .filter((row) => (values[row] ?? 0) > 0)
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
