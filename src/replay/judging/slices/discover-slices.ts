import { benjaminiHochberg } from '../../../stats/multiple-testing.js';
import { positionSampler } from '../../eligible-rows.js';
import type { Interval } from '../../report/report-schema.js';
import { againstRest, rowsPerSideMin, type Sums } from './rest-test.js';
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
/** Per feature, the groups with most rows take part in pairs: a bound on the work, whatever the categories. */
const pairedGroupsMax = 12;
const halfSeed = 0x68616c66;

/**
 * Where the candidate is worst compared with the rest: groups of one feature and of two, ranked on one half of the rows (by hash
 * of position), tested on the other against their complement (Welch's z, one-sided), with the false discovery rate held at
 * 5 % by Benjamini and Hochberg's procedure. A pair of which one part explains the effect is left out. Pure.
 */
export function discoverSlices(features: readonly SliceFeature[], sample: SliceSample): SliceSearch {
  const judgedRows = sample.increase.reduce((count, value) => count + (Number.isNaN(value) ? 0 : 1), 0);
  const by = judgedRows >= 4 * rowsPerSideMin ? ('loss' as const) : ('flips' as const);
  const values = by === 'loss' ? sample.increase : Float64Array.from(sample.flipped);
  const found = halves(sample, values);
  const pairable = features.map((feature, index) => largestGroups(feature, sample.codes[index]));
  const considered = [
    ...singles(features, sample, found.first),
    ...pairs(features, pairable, sample, found.first),
  ];
  const chosen = considered
    .filter((slice) => slice.score > 0)
    .toSorted((a, b) => b.score - a.score || compareTerms(a, b))
    .slice(0, testedMax);
  const tested = chosen.flatMap((slice) => {
    const test = againstRest(momentsIn(slice.terms, sample, found.second), found.second.moments);
    return test === undefined ? [] : [{ ...slice, test }];
  });
  const { adjusted } = benjaminiHochberg(tested.map(({ test }) => test.p));
  const significant = tested
    .map((slice, index) => ({ ...slice, p: adjusted[index] ?? 1 }))
    .filter(({ p }) => p <= falseDiscoveryRate)
    .toSorted((a, b) => b.test.z - a.test.z || compareTerms(a, b))
    .filter((slice) => !isExplained(slice.terms, sample, { half: found.second, tested: tested.length }));
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

interface Term {
  readonly feature: number;
  readonly code: number;
}

interface Half {
  /** 1: the row belongs to the half and has a value. */
  readonly isIn: Uint8Array;
  readonly values: Float64Array;
  readonly moments: Sums;
}

interface Considered {
  readonly terms: readonly Term[];
  readonly score: number;
}

function halves(sample: SliceSample, values: Float64Array): { readonly first: Half; readonly second: Half } {
  const inFirst = positionSampler(0.5, halfSeed);
  const first = new Uint8Array(sample.rows);
  const second = new Uint8Array(sample.rows);
  for (let row = 0; row < sample.rows; row += 1) {
    if (Number.isNaN(values[row])) continue;
    (inFirst(sample.positions[row] ?? 0) ? first : second)[row] = 1;
  }
  const half = (isIn: Uint8Array): Half => {
    let [rows, sum, squares] = [0, 0, 0];
    for (let row = 0; row < isIn.length; row += 1) {
      if (isIn[row] === 0) continue;
      const value = values[row] ?? 0;
      rows += 1;
      sum += value;
      squares += value * value;
    }
    return { isIn, values, moments: { rows, sum, squares } };
  };
  return { first: half(first), second: half(second) };
}

function singles(features: readonly SliceFeature[], sample: SliceSample, half: Half): Considered[] {
  return features.flatMap(({ labels }, feature) => {
    const codes = sample.codes[feature] ?? new Uint16Array();
    const cells = cellSums(labels.length, half, (row) => codes[row] ?? 0);
    return labels.flatMap((_, code) => consider([{ feature, code }], cells, code, half));
  });
}

function pairs(
  features: readonly SliceFeature[],
  pairable: readonly (readonly number[])[],
  sample: SliceSample,
  half: Half,
): Considered[] {
  const found: Considered[] = [];
  for (let a = 0; a < features.length; a += 1) {
    const groupsA = pairable[a] ?? [];
    const placeA = placesOf(groupsA, features[a]?.labels.length ?? 0);
    const codesA = sample.codes[a] ?? new Uint16Array();
    for (let b = a + 1; b < features.length; b += 1) {
      const groupsB = pairable[b] ?? [];
      const placeB = placesOf(groupsB, features[b]?.labels.length ?? 0);
      const codesB = sample.codes[b] ?? new Uint16Array();
      const cells = cellSums(groupsA.length * groupsB.length, half, (row) => {
        const first = placeA[codesA[row] ?? 0] ?? -1;
        const second = placeB[codesB[row] ?? 0] ?? -1;
        return first < 0 || second < 0 ? -1 : first * groupsB.length + second;
      });
      for (const [i, codeA] of groupsA.entries()) {
        for (const [j, codeB] of groupsB.entries()) {
          const terms = [
            { feature: a, code: codeA },
            { feature: b, code: codeB },
          ];
          found.push(...consider(terms, cells, i * groupsB.length + j, half));
        }
      }
    }
  }
  return found;
}

/** Rows, sum and sum of squares by cell; −1 is no cell. */
function cellSums(cells: number, { isIn, values }: Half, cellOf: (row: number) => number): Float64Array {
  const sums = new Float64Array(cells * 3);
  for (let row = 0; row < isIn.length; row += 1) {
    if (isIn[row] === 0) continue;
    const cell = cellOf(row);
    if (cell < 0) continue;
    const value = values[row] ?? 0;
    sums[cell * 3] = (sums[cell * 3] ?? 0) + 1;
    sums[cell * 3 + 1] = (sums[cell * 3 + 1] ?? 0) + value;
    sums[cell * 3 + 2] = (sums[cell * 3 + 2] ?? 0) + value * value;
  }
  return sums;
}

function consider(terms: readonly Term[], cells: Float64Array, cell: number, half: Half): Considered[] {
  const inside = {
    rows: cells[cell * 3] ?? 0,
    sum: cells[cell * 3 + 1] ?? 0,
    squares: cells[cell * 3 + 2] ?? 0,
  };
  const test = againstRest(inside, half.moments);
  return test === undefined ? [] : [{ terms, score: test.z }];
}

function isInSlice(terms: readonly Term[], sample: SliceSample, row: number): boolean {
  return terms.every(({ feature, code }) => sample.codes[feature]?.[row] === code);
}

function rowsIn(terms: readonly Term[], sample: SliceSample): number[] {
  const rows: number[] = [];
  for (let row = 0; row < sample.rows; row += 1) if (isInSlice(terms, sample, row)) rows.push(row);
  return rows;
}

function momentsIn(terms: readonly Term[], sample: SliceSample, { isIn, values }: Half): Sums {
  let [rows, sum, squares] = [0, 0, 0];
  for (let row = 0; row < sample.rows; row += 1) {
    if (isIn[row] === 0 || !isInSlice(terms, sample, row)) continue;
    const value = values[row] ?? 0;
    rows += 1;
    sum += value;
    squares += value * value;
  }
  return { rows, sum, squares };
}

/** Whether one part of a pair is as bad as the pair, as far as so many tests can tell: then the other part adds nothing. */
function isExplained(
  terms: readonly Term[],
  sample: SliceSample,
  { half, tested }: { readonly half: Half; readonly tested: number },
): boolean {
  if (terms.length < 2) return false;
  const inside = momentsIn(terms, sample, half);
  return terms.some((term) => {
    const test = againstRest(inside, momentsIn([term], sample, half));
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

function largestGroups(feature: SliceFeature, codes: Uint16Array | undefined): number[] {
  const counts = new Float64Array(feature.labels.length);
  for (const code of codes ?? []) counts[code] = (counts[code] ?? 0) + 1;
  return [...counts.keys()]
    .filter((code) => (counts[code] ?? 0) > 0)
    .toSorted((a, b) => (counts[b] ?? 0) - (counts[a] ?? 0) || a - b)
    .slice(0, pairedGroupsMax);
}

function placesOf(groups: readonly number[], labels: number): Int32Array {
  const places = new Int32Array(labels).fill(-1);
  for (const [place, code] of groups.entries()) places[code] = place;
  return places;
}

function worstOf(rows: readonly number[], values: Float64Array, sample: SliceSample): number[] {
  return rows
    .filter((row) => (values[row] ?? 0) > 0)
    .toSorted((a, b) => (values[b] ?? 0) - (values[a] ?? 0) || a - b)
    .slice(0, examplesMax)
    .map((row) => sample.positions[row] ?? 0);
}

function compareTerms(a: Considered, b: Considered): number {
  const key = ({ terms }: Considered): string =>
    terms.map(({ feature, code }) => `${String(feature).padStart(5)}.${String(code).padStart(5)}`).join(' ');
  return key(a) < key(b) ? -1 : 1;
}
