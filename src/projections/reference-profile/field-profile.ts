import type { FieldProfile } from '../../schemas/reference-profile.js';
import { quantileOfCounts } from '../../stats/quantiles.js';
import type { ValueCounts } from '../../stats/value-counts.js';

/** Counts of numbers; NaN and infinities are taken out and counted as non-finite. */
export function numberProfile(counts: ReadonlyMap<number, number>, missing: number): FieldProfile {
  const entries = [...counts].filter(([value]) => Number.isFinite(value)).sort(([a], [b]) => a - b);
  const nonFinite = [...counts].reduce(
    (sum, [value, count]) => (Number.isFinite(value) ? sum : sum + count),
    0,
  );
  // −0 and 0 are one value everywhere else.
  const values = entries.map(([value]) => value + 0);
  const amounts = entries.map(([, count]) => count);
  return {
    kind: 'number',
    missing,
    nonFinite,
    values,
    counts: amounts,
    binEdges: decileEdges({ values: Float64Array.from(values), counts: Float64Array.from(amounts) }),
  };
}

/** Counts of categories, by name. */
export function categoryProfile(counts: ReadonlyMap<string, number>, missing: number): FieldProfile {
  const entries = [...counts].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return {
    kind: 'category',
    missing,
    values: entries.map(([value]) => value),
    counts: entries.map(([, count]) => count),
  };
}

/** Nine deciles, equal ones once. */
function decileEdges(sample: ValueCounts): number[] {
  if (sample.values.length === 0) return [];
  const edges: number[] = [];
  for (let decile = 1; decile < 10; decile += 1) {
    const edge = quantileOfCounts(sample, decile / 10);
    if (edge > (edges.at(-1) ?? -Infinity)) edges.push(edge);
  }
  return edges;
}
