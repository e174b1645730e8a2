import { chiSquare } from '../../stats/chi-square.js';
import type { CategoryComparison } from './drift-report.js';
import { resampledInterval } from './resampled-interval.js';

const newCategoriesShown = 10;

/** Live categories against the reference's; undefined when a side is empty. */
export function compareCategories(options: {
  readonly reference: ReadonlyMap<string, number>;
  readonly live: ReadonlyMap<string, number>;
}): CategoryComparison | undefined {
  const categories = [...new Set([...options.reference.keys(), ...options.live.keys()])].sort();
  const reference = categories.map((category) => options.reference.get(category) ?? 0);
  const live = categories.map((category) => options.live.get(category) ?? 0);
  const test = chiSquare({ reference, live, pool: true });
  if (test.kind === 'undefined') return undefined;
  const [interval] = resampledInterval(Float64Array.from(reference), Float64Array.from(live), (r, l) => [
    totalVariation(r, l),
  ]);
  const changes = categories.map((category, index) => ({
    category,
    referenceShare: (reference[index] ?? 0) / test.referenceCount,
    liveShare: (live[index] ?? 0) / test.liveCount,
  }));
  const mostChanged = changes.reduce((most, change) =>
    Math.abs(change.liveShare - change.referenceShare) > Math.abs(most.liveShare - most.referenceShare)
      ? change
      : most,
  );
  const fresh = categories
    .map((category, index) => ({ category, count: live[index] ?? 0 }))
    .filter((entry) => entry.count > 0 && !options.reference.has(entry.category))
    .sort((a, b) => b.count - a.count);
  return {
    kind: 'category',
    chiSquare: {
      statistic: test.statistic,
      df: test.df,
      p: test.p,
      pooledCategories: test.pooled.length,
    },
    cramersV: test.cramersV,
    totalVariation: totalVariation(Float64Array.from(reference), Float64Array.from(live)),
    totalVariationInterval: interval ?? { lower: 0, upper: 1 },
    mostChanged,
    newCategories: fresh.slice(0, newCategoriesShown),
    newCategoryCount: fresh.length,
  };
}

function totalVariation(reference: Float64Array, live: Float64Array): number {
  let referenceTotal = 0;
  let liveTotal = 0;
  for (const count of reference) referenceTotal += count;
  for (const count of live) liveTotal += count;
  let distance = 0;
  for (let index = 0; index < reference.length; index += 1) {
    distance += Math.abs((reference[index] ?? 0) / referenceTotal - (live[index] ?? 0) / liveTotal);
  }
  return distance / 2;
}
