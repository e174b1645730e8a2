import { z } from 'zod';
import type { Density } from '../report/report-schema.js';
import type { PairedRows } from './paired-rows.js';

/**
 * Rows by score or value of either side. Bin `index` begins at (first + index)·2^exponent: scores always have the same bins, those
 * of [0, 1]; values as narrow ones as their range allows, and since wider bins are made of whole narrower ones, the counts do not
 * depend on the order in which values come.
 */
export const DensityCounts = z.strictObject({
  /** Of the values so far. */
  least: z.number(),
  most: z.number(),
  exponent: z.number(),
  first: z.number(),
  control: z.array(z.number()),
  candidate: z.array(z.number()),
});
export type DensityCounts = z.infer<typeof DensityCounts>;

const binsMax = 64;
/** Values that are all (nearly) the same have bins of this part of their magnitude. */
const exponentsBelowMagnitude = 40;

/** Undefined: no rows, several classes, or a side without scores. */
export function densityCountsOf(rows: PairedRows): DensityCounts | undefined {
  const { control, candidate } = rows;
  if (rows.rows === 0 || rows.scoreDistance !== undefined) return undefined;
  if (control.value.includes(Number.NaN) || candidate.value.includes(Number.NaN)) return undefined;
  const empty = rows.task === 'regression' ? emptyOf([control.value, candidate.value]) : scoreBins();
  countInto(empty.control, control.value, empty);
  countInto(empty.candidate, candidate.value, empty);
  return empty;
}

export function joinDensities(earlier: DensityCounts, later: DensityCounts): DensityCounts {
  const least = Math.min(earlier.least, later.least);
  const most = Math.max(earlier.most, later.most);
  const exponent = Math.max(earlier.exponent, later.exponent, smallestExponent(least, most));
  const range = { least, most, exponent };
  const [mine, other] = [rebinned(earlier, range), rebinned(later, range)];
  return {
    ...mine,
    control: mine.control.map((count, index) => count + (other.control[index] ?? 0)),
    candidate: mine.candidate.map((count, index) => count + (other.candidate[index] ?? 0)),
  };
}

/** As a report shows it; scores outside [0, 1] stand in the outermost bins. */
export function densityOf(counts: DensityCounts | undefined): Density | null {
  if (counts === undefined) return null;
  const width = 2 ** counts.exponent;
  return {
    from: counts.first * width,
    until: (counts.first + counts.control.length) * width,
    control: [...counts.control],
    candidate: [...counts.candidate],
  };
}

function scoreBins(): DensityCounts {
  const exponent = -Math.log2(binsMax);
  return {
    least: 0,
    most: 1 - 2 ** exponent,
    exponent,
    first: 0,
    control: zeros(binsMax),
    candidate: zeros(binsMax),
  };
}

function emptyOf(sides: readonly Float64Array[]): DensityCounts {
  const [least, most] = rangeOf(sides);
  const exponent = smallestExponent(least, most);
  const first = Math.floor(least / 2 ** exponent);
  const size = Math.floor(most / 2 ** exponent) - first + 1;
  return { least, most, exponent, first, control: zeros(size), candidate: zeros(size) };
}

/** Of the narrowest bins that so wide a range fits into. */
function smallestExponent(least: number, most: number): number {
  const magnitude = Math.max(Math.abs(least), Math.abs(most), 2 ** -900);
  let exponent = Math.floor(Math.log2(magnitude)) - exponentsBelowMagnitude;
  while (Math.floor(most / 2 ** exponent) - Math.floor(least / 2 ** exponent) >= binsMax) exponent += 1;
  return exponent;
}

function rebinned(
  counts: DensityCounts,
  { least, most, exponent }: Pick<DensityCounts, 'least' | 'most' | 'exponent'>,
): DensityCounts {
  const bins = 2 ** (exponent - counts.exponent);
  const first = Math.floor(least / 2 ** exponent);
  const size = Math.floor(most / 2 ** exponent) - first + 1;
  const into = (from: readonly number[]): number[] => {
    const target = zeros(size);
    for (const [index, count] of from.entries()) {
      const at = Math.floor((counts.first + index) / bins) - first;
      target[at] = (target[at] ?? 0) + count;
    }
    return target;
  };
  return { least, most, exponent, first, control: into(counts.control), candidate: into(counts.candidate) };
}

function countInto(bins: number[], values: Float64Array, { exponent, first }: DensityCounts): void {
  const scale = 2 ** -exponent;
  const last = bins.length - 1;
  for (let row = 0; row < values.length; row += 1) {
    const bin = Math.floor((values[row] ?? 0) * scale) - first;
    const at = bin < 0 ? 0 : bin > last ? last : bin;
    bins[at] = (bins[at] ?? 0) + 1;
  }
}

function zeros(length: number): number[] {
  return Array.from({ length }, () => 0);
}

function rangeOf(sides: readonly Float64Array[]): readonly [number, number] {
  let low = Infinity;
  let high = -Infinity;
  for (const values of sides) {
    for (let row = 0; row < values.length; row += 1) {
      const value = values[row] ?? 0;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return [low, high];
}
