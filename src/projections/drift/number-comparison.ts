import { ksTwoSample } from '../../stats/ks-two-sample.js';
import { mannWhitney } from '../../stats/mann-whitney.js';
import { normalQuantile } from '../../stats/normal-distribution.js';
import { quantileOfCounts } from '../../stats/quantiles.js';
import { mergeCounts, totalCount, type ValueCounts } from '../../stats/value-counts.js';
import { wasserstein } from '../../stats/wasserstein.js';
import type { DriftInterval, NumberComparison } from './drift-report.js';

const intervalLevel = 0.95;

/** Two counted samples of finite numbers, adjusted p left open. Undefined where either is empty. */
export function compareNumbers(reference: ValueCounts, live: ValueCounts): NumberComparison | undefined {
  const ks = ksTwoSample({ reference, live });
  const ranks = mannWhitney({ reference, live });
  const moved = wasserstein({ reference, live });
  if (ks.kind === 'undefined' || ranks.kind === 'undefined' || moved.kind === 'undefined') return undefined;
  const { normalised } = moved;
  const median = (sample: ValueCounts): number => quantileOfCounts(sample, 0.5);
  return {
    kind: 'number',
    ks: {
      p: ks.p,
      adjustedP: null,
      d: distanceInterval(ks.d, ks.referenceCount, ks.liveCount),
      location: ks.location,
      sign: ks.sign,
      method: ks.method,
    },
    auc: aucInterval(reference, live, ranks.auc),
    wasserstein: {
      distance: moved.distance,
      nullExpectation: moved.nullExpectation,
      normalised: normalised.kind === 'value' ? normalised.value : null,
      normalisedNullExpectation: normalised.kind === 'value' ? normalised.nullExpectation : null,
    },
    referenceMedian: median(reference),
    liveMedian: median(live),
    referenceSpread: spread(reference),
    liveSpread: spread(live),
  };
}

/**
 * D ± √(ln(2/α)/2)·√(1/n + 1/m), cut to [0, 1]: 1.358 for 95 %. The bound of A. Dvoretzky, J. Kiefer and J. Wolfowitz
 * (1956) with the constant of P. Massart (1990), its two-sample form by F. Wei and R. M. Dudley (2012). It holds for all
 * values at once, so that the place of the largest distance may be any.
 */
function distanceInterval(d: number, n: number, m: number): DriftInterval {
  const margin = Math.sqrt((Math.log(2 / (1 - intervalLevel)) / 2) * (1 / n + 1 / m));
  return { estimate: d, lower: Math.max(0, d - margin), upper: Math.min(1, d + margin) };
}

/**
 * The variance of the AUC after E. R. DeLong, D. M. DeLong and D. L. Clarke-Pearson (1988): of each side's placements
 * within the other, ties counting one half. It needs no assumption on the distributions.
 */
function aucInterval(reference: ValueCounts, live: ValueCounts, auc: number): DriftInterval {
  const merged = mergeCounts(reference, live);
  const { referenceTotal, liveTotal } = merged;
  let referenceBelow = 0;
  let liveBelow = 0;
  let liveSquares = 0;
  let referenceSquares = 0;
  for (let index = 0; index < merged.values.length; index += 1) {
    const referenceHere = merged.reference[index] ?? 0;
    const liveHere = merged.live[index] ?? 0;
    const liveWins = (referenceBelow + referenceHere / 2) / referenceTotal;
    const referenceLoses = (liveTotal - liveBelow - liveHere / 2) / liveTotal;
    liveSquares += liveHere * (liveWins - auc) ** 2;
    referenceSquares += referenceHere * (referenceLoses - auc) ** 2;
    referenceBelow += referenceHere;
    liveBelow += liveHere;
  }
  const variance =
    referenceTotal < 2 || liveTotal < 2
      ? Infinity
      : liveSquares / (liveTotal - 1) / liveTotal + referenceSquares / (referenceTotal - 1) / referenceTotal;
  const margin = -normalQuantile((1 - intervalLevel) / 2) * Math.sqrt(variance);
  return { estimate: auc, lower: Math.max(0, auc - margin), upper: Math.min(1, auc + margin) };
}

function spread(sample: ValueCounts): number {
  return totalCount(sample) === 0 ? 0 : quantileOfCounts(sample, 0.75) - quantileOfCounts(sample, 0.25);
}
