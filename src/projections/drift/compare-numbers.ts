import { ksTwoSample } from '../../stats/ks-two-sample.js';
import { mannWhitney } from '../../stats/mann-whitney.js';
import { quantileOfCounts } from '../../stats/quantiles.js';
import type { ValueCounts } from '../../stats/value-counts.js';
import { mergeCounts, totalCount } from '../../stats/value-counts.js';
import { wasserstein } from '../../stats/wasserstein.js';
import { resampledInterval } from './resampled-interval.js';
import type { NumberComparison } from './drift-report.js';

/** Distinct values up to which intervals use every one; past it neighbours share a bin of equal mass. */
const binsMax = 512;

/** Live numbers against the reference's; undefined when a side is empty. Finite values, counted. */
export function compareNumbers(options: {
  readonly reference: ValueCounts;
  readonly live: ValueCounts;
  readonly nonFinite: NumberComparison['nonFinite'];
}): NumberComparison | undefined {
  const { reference, live } = options;
  const ks = ksTwoSample({ reference, live });
  const u = mannWhitney({ reference, live });
  const w1 = wasserstein({ reference, live });
  if (ks.kind === 'undefined' || u.kind === 'undefined' || w1.kind === 'undefined') return undefined;
  const bins = equalMassBins(reference, live);
  const scale = w1.normalised.kind === 'value' ? w1.normalised.scale : undefined;
  const intervals = resampledInterval(bins.reference, bins.live, (referenceCounts, liveCounts) => [
    binnedAuc(referenceCounts, liveCounts),
    scale === undefined ? 0 : binnedWasserstein(bins.centres, referenceCounts, liveCounts) / scale,
  ]);
  return {
    kind: 'number',
    ks: { d: ks.d, location: ks.location, p: ks.p },
    direction: u.auc > 0.5 ? 'higher' : u.auc < 0.5 ? 'lower' : 'same',
    auc: u.auc,
    aucInterval: intervals[0] ?? { lower: 0, upper: 1 },
    wasserstein:
      w1.normalised.kind === 'value'
        ? {
            value: w1.normalised.value,
            expected: w1.normalised.nullExpectation,
            interval: intervals[1] ?? { lower: 0, upper: Number.POSITIVE_INFINITY },
          }
        : undefined,
    medians: { reference: quantileOfCounts(reference, 0.5), live: quantileOfCounts(live, 0.5) },
    nonFinite: options.nonFinite,
  };
}

interface Bins {
  /** Mean of the bin's values. */
  readonly centres: Float64Array;
  readonly reference: Float64Array;
  readonly live: Float64Array;
}

function equalMassBins(reference: ValueCounts, live: ValueCounts): Bins {
  const merged = mergeCounts(reference, live);
  const size = merged.values.length;
  if (size <= binsMax) return { centres: merged.values, reference: merged.reference, live: merged.live };
  // Both sides weigh the same, so that a small live sample gets bins where its values are.
  const [referenceTotal, liveTotal] = [totalCount(reference), totalCount(live)];
  const bins = {
    centres: new Float64Array(binsMax),
    reference: new Float64Array(binsMax),
    live: new Float64Array(binsMax),
  };
  const weights = new Float64Array(binsMax);
  let passed = 0;
  for (let index = 0; index < size; index += 1) {
    const r = merged.reference[index] ?? 0;
    const l = merged.live[index] ?? 0;
    const weight = r / referenceTotal + l / liveTotal;
    const bin = Math.min(binsMax - 1, Math.floor(((passed + weight / 2) / 2) * binsMax));
    passed += weight;
    bins.reference[bin] = (bins.reference[bin] ?? 0) + r;
    bins.live[bin] = (bins.live[bin] ?? 0) + l;
    bins.centres[bin] = (bins.centres[bin] ?? 0) + weight * (merged.values[index] ?? 0);
    weights[bin] = (weights[bin] ?? 0) + weight;
  }
  const used = [...weights.keys()].filter((bin) => (weights[bin] ?? 0) > 0);
  return {
    centres: Float64Array.from(used, (bin) => (bins.centres[bin] ?? 0) / (weights[bin] ?? 1)),
    reference: Float64Array.from(used, (bin) => bins.reference[bin] ?? 0),
    live: Float64Array.from(used, (bin) => bins.live[bin] ?? 0),
  };
}

function binnedAuc(reference: Float64Array, live: Float64Array): number {
  let below = 0;
  let wins = 0;
  let liveTotal = 0;
  for (let bin = 0; bin < reference.length; bin += 1) {
    const r = reference[bin] ?? 0;
    const l = live[bin] ?? 0;
    wins += l * (below + r / 2);
    below += r;
    liveTotal += l;
  }
  return wins / (below * liveTotal);
}

function binnedWasserstein(centres: Float64Array, reference: Float64Array, live: Float64Array): number {
  const referenceTotal = sum(reference);
  const liveTotal = sum(live);
  let gap = 0;
  let distance = 0;
  for (let bin = 0; bin + 1 < centres.length; bin += 1) {
    gap += (reference[bin] ?? 0) / referenceTotal - (live[bin] ?? 0) / liveTotal;
    distance += Math.abs(gap) * ((centres[bin + 1] ?? 0) - (centres[bin] ?? 0));
  }
  return distance;
}

function sum(values: Float64Array): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
