import { quantileOfCounts } from './quantiles.js';
import type { UndefinedStatistic } from './undefined-statistic.js';
import { undefinedStatistic } from './undefined-statistic.js';
import type { Sample, ValueCounts } from './value-counts.js';
import { mergeCounts, totalCount, valueCounts } from './value-counts.js';

/** The interquartile range of a normal distribution in standard deviations. */
const normalInterquartileRange = 1.349;

export type WassersteinScale = 'interquartile-range' | 'standard-deviation';

export interface Wasserstein {
  readonly kind: 'value';
  /** W1 = ∫|F_reference − F_live|, in the unit of the values; 0 or more. */
  readonly distance: number;
  /** What `distance` is expected to be when nothing drifted, at these sample sizes and with the reference's shape. */
  readonly nullExpectation: number;
  /** `distance` in units of the reference's spread; undefined where all reference values are equal. */
  readonly normalised:
    | {
        readonly kind: 'value';
        readonly value: number;
        readonly nullExpectation: number;
        /** One unit of `value`, in the unit of the values. */
        readonly scale: number;
        readonly scaledBy: WassersteinScale;
      }
    | UndefinedStatistic;
  readonly referenceCount: number;
  readonly liveCount: number;
}

/**
 * Wasserstein-1 distance of two samples (finite values, ascending, or counted).
 * `scaleBy` names the preferred spread of the reference (default: interquartile range/1.349, which heavy tails do not
 * inflate; or the standard deviation, ddof 0); where that is 0 the other one is used, and the result says which.
 * The null expectation is √(2/π)·√(1/n + 1/m)·∫√(F(1−F)) with the reference's F.
 */
export function wasserstein(options: {
  readonly reference: Sample;
  readonly live: Sample;
  readonly scaleBy?: WassersteinScale;
}): Wasserstein | UndefinedStatistic {
  const reference = valueCounts('reference', options.reference);
  const merged = mergeCounts(reference, valueCounts('live', options.live));
  const { values, referenceTotal, liveTotal } = merged;
  if (referenceTotal === 0) return undefinedStatistic('the reference sample is empty');
  if (liveTotal === 0) return undefinedStatistic('the live sample is empty');

  let distance = 0;
  let spreadIntegral = 0;
  let referenceBelow = 0;
  let liveBelow = 0;
  for (let index = 0; index + 1 < values.length; index += 1) {
    referenceBelow += merged.reference[index] ?? 0;
    liveBelow += merged.live[index] ?? 0;
    const width = (values[index + 1] ?? NaN) - (values[index] ?? NaN);
    const share = referenceBelow / referenceTotal;
    distance += Math.abs(share - liveBelow / liveTotal) * width;
    spreadIntegral += Math.sqrt(share * (1 - share)) * width;
  }
  const nullExpectation = Math.sqrt((2 / Math.PI) * (1 / referenceTotal + 1 / liveTotal)) * spreadIntegral;
  return {
    kind: 'value',
    distance,
    nullExpectation,
    normalised: normalise(reference, distance, nullExpectation, options.scaleBy ?? 'interquartile-range'),
    referenceCount: referenceTotal,
    liveCount: liveTotal,
  };
}

function normalise(
  reference: ValueCounts,
  distance: number,
  nullExpectation: number,
  preferred: WassersteinScale,
): Wasserstein['normalised'] {
  const other = preferred === 'interquartile-range' ? 'standard-deviation' : 'interquartile-range';
  for (const scaledBy of [preferred, other] as const) {
    const scale =
      scaledBy === 'interquartile-range' ? interquartileScale(reference) : standardDeviation(reference);
    if (scale > 0) {
      return {
        kind: 'value',
        value: distance / scale,
        nullExpectation: nullExpectation / scale,
        scale,
        scaledBy,
      };
    }
  }
  return undefinedStatistic('all reference values are equal');
}

function interquartileScale(sample: ValueCounts): number {
  const range = quantileOfCounts(sample, 0.75) - quantileOfCounts(sample, 0.25);
  return range / normalInterquartileRange;
}

/** ddof 0, in two passes. */
function standardDeviation(sample: ValueCounts): number {
  const total = totalCount(sample);
  let sum = 0;
  for (let index = 0; index < sample.values.length; index += 1)
    sum += (sample.values[index] ?? NaN) * (sample.counts[index] ?? 0);
  const mean = sum / total;
  let squares = 0;
  for (let index = 0; index < sample.values.length; index += 1) {
    const deviation = (sample.values[index] ?? NaN) - mean;
    squares += deviation * deviation * (sample.counts[index] ?? 0);
  }
  // One distinct value can leave a rounding error in the mean, which is no spread.
  return sample.values.length === 1 ? 0 : Math.sqrt(squares / total);
}
