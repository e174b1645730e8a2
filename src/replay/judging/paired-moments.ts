import type { Moments } from '../../stats/moments.js';

/**
 * Means of both sides, and the moments of candidate − control, of rows in a fixed order (so the same bits each time). Two passes: as
 * exact as Welford's, and several times faster, since no step waits for a division. All finite; at least one row.
 */
export function pairedMoments(sides: { readonly control: Float64Array; readonly candidate: Float64Array }): {
  readonly control: number;
  readonly candidate: number;
  readonly difference: Moments;
} {
  const { control, candidate } = sides;
  const count = control.length;
  let controlSum = 0;
  let candidateSum = 0;
  let differenceSum = 0;
  for (let row = 0; row < count; row += 1) {
    const before = control[row] ?? Number.NaN;
    const after = candidate[row] ?? Number.NaN;
    controlSum += before;
    candidateSum += after;
    differenceSum += after - before;
  }
  const mean = differenceSum / count;
  let squaredDeviations = 0;
  let rest = 0;
  for (let row = 0; row < count; row += 1) {
    const gap = (candidate[row] ?? Number.NaN) - (control[row] ?? Number.NaN) - mean;
    squaredDeviations += gap * gap;
    rest += gap;
  }
  // What rounding left in the mean; nothing in exact arithmetic.
  const corrected = Math.max(0, squaredDeviations - (rest * rest) / count);
  return {
    control: controlSum / count,
    candidate: candidateSum / count,
    difference: { count, mean, squaredDeviations: corrected },
  };
}
