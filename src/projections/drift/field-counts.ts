import type { Feature } from '../../schemas/model-manifest.js';
import type { FieldProfile } from '../../schemas/reference-profile.js';
import type { ValueCounts } from '../../stats/value-counts.js';

/** One side of a comparison. `missing` of `rows` have no value; the counts sum to the others. */
export type FieldCounts =
  | { readonly kind: 'number'; readonly rows: number; readonly missing: number; readonly counts: ValueCounts }
  | {
      readonly kind: 'category';
      readonly rows: number;
      readonly missing: number;
      readonly counts: ReadonlyMap<string, number>;
    };

/**
 * A profile's field as the model sees it. Missing: no value, not finite, or the very value that the model is given
 * instead of one. Numbers are rounded to float32 where the model takes float32, as a 23.4 kept with more digits on one
 * side would be another value.
 */
export function referenceCounts(
  profile: FieldProfile,
  rows: number,
  feature: Pick<Feature, 'tensorType' | 'missing'> | undefined,
): FieldCounts {
  let { missing } = profile;
  if (profile.kind === 'category') {
    const counts = new Map<string, number>();
    for (const [index, category] of profile.values.entries()) {
      const count = profile.counts[index] ?? 0;
      if (category === feature?.missing) missing += count;
      else counts.set(category, count);
    }
    return { kind: 'category', rows, missing, counts };
  }
  missing += profile.nonFinite;
  const round = roundingOf(feature);
  const sentinel = sentinelOf(feature);
  const merged = new Map<number, number>();
  for (const [index, raw] of profile.values.entries()) {
    const count = profile.counts[index] ?? 0;
    const value = round(raw);
    if (value === sentinel || !Number.isFinite(value)) missing += count;
    else merged.set(value, (merged.get(value) ?? 0) + count);
  }
  // Rounding keeps the order, so the keys still ascend.
  return {
    kind: 'number',
    rows,
    missing,
    counts: { values: Float64Array.from(merged.keys()), counts: Float64Array.from(merged.values()) },
  };
}

/** The number that stands for a missing one, as the model sees it; undefined: none (NaN is never finite anyway). */
export function sentinelOf(feature: Pick<Feature, 'tensorType' | 'missing'> | undefined): number | undefined {
  const value = feature?.missing;
  return typeof value === 'number' && Number.isFinite(value) ? roundingOf(feature)(value) : undefined;
}

function roundingOf(feature: Pick<Feature, 'tensorType'> | undefined): (value: number) => number {
  return feature?.tensorType === 'float32' ? Math.fround : (value) => value;
}
