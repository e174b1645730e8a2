import { z } from 'zod';
import { clusteredMeanInterval } from '../../stats/clustered-mean.js';
import { mergeMoments } from '../../stats/moments.js';
import type { MeanInterval } from '../../stats/paired-mean.js';
import { meanInterval } from '../../stats/paired-mean.js';
import type { UndefinedStatistic } from '../../stats/undefined-statistic.js';
import { CellSums, cellSumsOf, joinCells } from './cell-sums.js';
import type { SideValues } from './judged-losses.js';
import { replaySettings } from './replay-settings.js';
import { scratch } from './scratch.js';

/** Moments of one number a row; over cells too, where rows may depend on each other. */
export const MeanTally = z.strictObject({
  count: z.number(),
  mean: z.number(),
  squaredDeviations: z.number(),
  cells: CellSums.optional(),
});
export type MeanTally = z.infer<typeof MeanTally>;

/** Sums of both sides, and the mean of candidate − control. */
export const PairedTally = z.strictObject({
  control: z.number(),
  candidate: z.number(),
  difference: MeanTally,
});
export type PairedTally = z.infer<typeof PairedTally>;

/**
 * Of a block: finite values, at least one. Two passes: as exact as Welford's method, and several times faster, since no step waits
 * for a division. `cell`: of each value.
 */
export function meanTallyOf(values: Float64Array, cell: Uint16Array | undefined): MeanTally {
  const count = values.length;
  let sum = 0;
  for (let index = 0; index < count; index += 1) sum += values[index] ?? Number.NaN;
  const mean = sum / count;
  let squares = 0;
  let rest = 0;
  for (let index = 0; index < count; index += 1) {
    const gap = (values[index] ?? Number.NaN) - mean;
    squares += gap * gap;
    rest += gap;
  }
  // What rounding left in the mean; nothing in exact arithmetic.
  const squaredDeviations = Math.max(0, squares - (rest * rest) / count);
  return {
    count,
    mean,
    squaredDeviations,
    ...(cell === undefined ? undefined : { cells: cellSumsOf(values, cell) }),
  };
}

export function joinMeans(earlier: MeanTally, later: MeanTally): MeanTally {
  const cells = joinCells(earlier.cells, later.cells);
  return {
    ...mergeMoments(momentsOf(earlier), momentsOf(later)),
    ...(cells === undefined ? undefined : { cells }),
  };
}

/** Undefined on a side that has no rows. */
export function joinPaired(
  earlier: PairedTally | undefined,
  later: PairedTally | undefined,
): PairedTally | undefined {
  if (earlier === undefined || later === undefined) return earlier ?? later;
  return {
    control: earlier.control + later.control,
    candidate: earlier.candidate + later.candidate,
    difference: joinMeans(earlier.difference, later.difference),
  };
}

/** Undefined for a block without rows. */
export function pairedTallyOf(sides: SideValues, cell: Uint16Array | undefined): PairedTally | undefined {
  const { control, candidate } = sides;
  const count = control.length;
  if (count === 0) return undefined;
  const difference = scratch('difference', count);
  let controlSum = 0;
  let candidateSum = 0;
  for (let index = 0; index < count; index += 1) {
    const before = control[index] ?? Number.NaN;
    const after = candidate[index] ?? Number.NaN;
    controlSum += before;
    candidateSum += after;
    difference[index] = after - before;
  }
  return { control: controlSum, candidate: candidateSum, difference: meanTallyOf(difference, cell) };
}

/** The interval of the mean, at the level of all intervals; over cells where there are any. */
export function intervalOfMean(tally: MeanTally): MeanInterval | UndefinedStatistic {
  const { level } = replaySettings;
  return tally.cells === undefined
    ? meanInterval({ moments: momentsOf(tally), level })
    : clusteredMeanInterval({ clusters: tally.cells, level });
}

function momentsOf({ count, mean, squaredDeviations }: MeanTally) {
  return { count, mean, squaredDeviations };
}
