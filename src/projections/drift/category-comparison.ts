import { chiSquare } from '../../stats/chi-square.js';
import { independentProportionDifference, wilsonInterval, type Proportion } from '../../stats/proportion.js';
import type { CategoryComparison, DriftInterval } from './drift-report.js';

const newCategoriesNamed = 10;

type Counts = ReadonlyMap<string, number>;

/** Two counted samples of categories, adjusted p left open. Undefined where either is empty. */
export function compareCategories(reference: Counts, live: Counts): CategoryComparison | undefined {
  const names = [...new Set([...reference.keys(), ...live.keys()])].sort();
  const table = {
    reference: names.map((name) => reference.get(name) ?? 0),
    live: names.map((name) => live.get(name) ?? 0),
  };
  const first = chiSquare({ ...table, pool: true });
  if (first.kind === 'undefined') return undefined;
  // What is left after pooling may still be too small for the plain law: the corrected one does not overstate.
  const test = first.expectedTooSmall ? chiSquare({ ...table, pool: true, yates: true }) : first;
  if (test.kind === 'undefined') return undefined;
  const { referenceCount, liveCount } = test;
  const shares = names.map((category, index) => ({
    category,
    referenceShare: (table.reference[index] ?? 0) / referenceCount,
    liveShare: (table.live[index] ?? 0) / liveCount,
  }));
  const change = (share: (typeof shares)[number]): number => share.liveShare - share.referenceShare;
  const most = (size: (share: (typeof shares)[number]) => number): (typeof shares)[number] | undefined =>
    shares.reduce<(typeof shares)[number] | undefined>(
      (best, share) => (best === undefined || size(share) > size(best) ? share : best),
      undefined,
    );
  const largest = most((share) => Math.abs(change(share)));
  const common = most((share) => share.referenceShare);
  if (largest === undefined || common === undefined) return undefined;
  const gained = most(change);
  const lost = most((share) => -change(share));
  const part = (count: number, trials: number): Proportion => ({ successes: count, trials });
  return {
    kind: 'category',
    chiSquare: {
      p: test.p,
      adjustedP: null,
      statistic: test.statistic,
      df: test.df,
      pooledCategories: test.pooled.length,
      cramersVCorrected: test.cramersVCorrected,
    },
    totalVariation: totalVariation({ ...table, referenceCount, liveCount }),
    largestChange: {
      ...largest,
      difference: difference(
        part(reference.get(largest.category) ?? 0, referenceCount),
        part(live.get(largest.category) ?? 0, liveCount),
      ),
    },
    mostGained: gained === undefined || change(gained) <= 0 ? null : gained.category,
    mostLost: lost === undefined || change(lost) >= 0 ? null : lost.category,
    largestCategory: common,
    newCategories: newCategories(reference, live, liveCount),
  };
}

/**
 * The distance is the difference of the shares of one set: the categories whose share grew. Its interval is Newcombe's
 * for that set. Upper end: the set with the truly largest difference is estimated no larger, so it is safe. Lower end: the
 * set was chosen to be large, so what chance alone would make of it (normal law, shares of both sides pooled) is taken off.
 */
function totalVariation(options: {
  readonly reference: readonly number[];
  readonly live: readonly number[];
  readonly referenceCount: number;
  readonly liveCount: number;
}): DriftInterval {
  const { reference, live, referenceCount, liveCount } = options;
  let referenceInSet = 0;
  let liveInSet = 0;
  let byChance = 0;
  const total = referenceCount + liveCount;
  for (const [index, count] of reference.entries()) {
    const liveHere = live[index] ?? 0;
    if (liveHere / liveCount > count / referenceCount) {
      referenceInSet += count;
      liveInSet += liveHere;
    }
    const pooled = (count + liveHere) / total;
    byChance += Math.sqrt((pooled * (1 - pooled) * (1 / referenceCount + 1 / liveCount)) / (2 * Math.PI));
  }
  const interval = difference(
    { successes: referenceInSet, trials: referenceCount },
    { successes: liveInSet, trials: liveCount },
  );
  return { ...interval, lower: Math.max(0, interval.lower - byChance) };
}

function newCategories(
  reference: Counts,
  live: Counts,
  liveCount: number,
): CategoryComparison['newCategories'] {
  const fresh = [...live]
    .filter(([category]) => !reference.has(category))
    .sort(([a, first], [b, second]) => second - first || (a < b ? -1 : 1));
  const rows = fresh.reduce((sum, [, count]) => sum + count, 0);
  const share = wilsonInterval({ successes: rows, trials: liveCount });
  return {
    categories: fresh.length,
    share:
      share.kind === 'value'
        ? { estimate: share.estimate, lower: share.lower, upper: share.upper }
        : { estimate: 0, lower: 0, upper: 1 },
    named: fresh
      .slice(0, newCategoriesNamed)
      .map(([category, count]) => ({ category, share: count / liveCount })),
  };
}

function difference(control: Proportion, candidate: Proportion): DriftInterval {
  const interval = independentProportionDifference({ control, candidate });
  return interval.kind === 'value'
    ? { estimate: interval.estimate, lower: interval.lower, upper: interval.upper }
    : { estimate: 0, lower: -1, upper: 1 };
}
