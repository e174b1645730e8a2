import { z } from 'zod';
import type { Column, ColumnBatch } from '../schemas/columns.js';
import type { Feature, ModelManifest } from '../schemas/model-manifest.js';

/** How many rows of each feature the contract of a model objects to. */
export const ContractCounts = z.strictObject({
  rows: z.int(),
  features: z.array(
    z.strictObject({
      feature: z.string(),
      outOfRange: z.int(),
      newCategory: z.int(),
      missing: z.int(),
    }),
  ),
});
export type ContractCounts = z.infer<typeof ContractCounts>;

export interface ContractCounter {
  add(batch: ColumnBatch): void;
  counts(): ContractCounts;
}

/** Holds columns against the ranges, categories and missing rates of the features, as serving would hold each row. */
export function contractCounter({ features }: ModelManifest): ContractCounter {
  const counted = features.map((feature) => ({
    feature,
    counts: { feature: feature.name, outOfRange: 0, newCategory: 0, missing: 0 },
    check: checkOf(feature),
  }));
  let rows = 0;
  return {
    add: (batch) => {
      rows += batch.rows;
      for (const { feature, counts, check } of counted) {
        const column = batch.columns[feature.name];
        if (column === undefined) continue;
        counts.missing += missingIn(column);
        const objections = check(column);
        if (column.kind === 'dictionary' || column.kind === 'text') counts.newCategory += objections;
        else counts.outOfRange += objections;
      }
    },
    counts: () => ({ rows, features: counted.map(({ counts }) => ({ ...counts })) }),
  };
}

export function joinContracts(earlier: ContractCounts, later: ContractCounts): ContractCounts {
  return {
    rows: earlier.rows + later.rows,
    features: earlier.features.map((counts, index) => {
      const other = later.features[index];
      return {
        feature: counts.feature,
        outOfRange: counts.outOfRange + (other?.outOfRange ?? 0),
        newCategory: counts.newCategory + (other?.newCategory ?? 0),
        missing: counts.missing + (other?.missing ?? 0),
      };
    }),
  };
}

function missingIn({ valid }: Column): number {
  if (valid === undefined) return 0;
  let missing = 0;
  for (let row = 0; row < valid.length; row += 1) if (valid[row] === 0) missing += 1;
  return missing;
}

/** Counts the values of a column that are outside the range, or in no category; 0 where the feature says nothing of them. */
function checkOf({ range, categories }: Feature): (column: Column) => number {
  const known = new Set(categories);
  return (column) => {
    switch (column.kind) {
      case 'number':
        return range === undefined ? 0 : countOutside(column.values, column.valid, range);
      case 'integer':
        return range === undefined
          ? 0
          : countOutside(Float64Array.from(column.values, Number), column.valid, range);
      case 'dictionary':
        return categories === undefined ? 0 : countUnknownCodes(column, known);
      case 'text':
        return categories === undefined
          ? 0
          : column.values.filter((text, row) => column.valid?.[row] !== 0 && !known.has(text)).length;
      case 'boolean':
        return 0;
    }
  };
}

function countOutside(
  values: Float64Array | Float32Array,
  valid: Uint8Array | undefined,
  { min, max }: { readonly min: number; readonly max: number },
): number {
  // One loop for each type: a loop over both is several times slower.
  return values instanceof Float32Array
    ? countSinglesOutside(values, valid, min, max)
    : countDoublesOutside(values, valid, min, max);
}

function countSinglesOutside(
  values: Float32Array,
  valid: Uint8Array | undefined,
  min: number,
  max: number,
): number {
  let outside = 0;
  for (let row = 0; row < values.length; row += 1) {
    const value = values[row] ?? Number.NaN;
    if (value < min || value > max) outside += valid === undefined ? 1 : (valid[row] ?? 0);
  }
  return outside;
}

function countDoublesOutside(
  values: Float64Array,
  valid: Uint8Array | undefined,
  min: number,
  max: number,
): number {
  let outside = 0;
  for (let row = 0; row < values.length; row += 1) {
    const value = values[row] ?? Number.NaN;
    if (value < min || value > max) outside += valid === undefined ? 1 : (valid[row] ?? 0);
  }
  return outside;
}

function countUnknownCodes(
  column: Column & { readonly kind: 'dictionary' },
  known: ReadonlySet<string>,
): number {
  const { codes, dictionary, valid } = column;
  const unknown = Uint8Array.from(dictionary, (text) => (known.has(text) ? 0 : 1));
  if (!unknown.includes(1)) return 0;
  let count = 0;
  for (let row = 0; row < codes.length; row += 1) {
    if (unknown[codes[row] ?? 0] === 1 && valid?.[row] !== 0) count += 1;
  }
  return count;
}
