import { clusteredMeanInterval } from '../../stats/clustered-mean.js';
import type { MeanInterval } from '../../stats/paired-mean.js';
import { meanInterval } from '../../stats/paired-mean.js';
import type { UndefinedStatistic } from '../../stats/undefined-statistic.js';
import { cellTally, type CellTally } from './cell-sums.js';
import { replaySettings } from './replay-settings.js';
import type { Moments } from '../../stats/moments.js';
import { emptyMoments, mergeMoments } from '../../stats/moments.js';
import type { SideValues } from './judged-losses.js';
import { pairedMoments } from './paired-moments.js';

/** Means of both sides, and moments of candidate − control, over blocks of rows in a fixed order. */
export interface MeanTally {
  /** `cell`: of each value, where rows may depend on each other. */
  add(sides: SideValues, cell?: Uint16Array): void;
  readonly rows: number;
  readonly control: number;
  readonly candidate: number;
  readonly difference: Moments;
  /** Of candidate − control; over cells where there are any. */
  interval(): MeanInterval | UndefinedStatistic;
}

export function meanTally(): MeanTally {
  let controlSum = 0;
  let candidateSum = 0;
  let difference = emptyMoments;
  let cells: CellTally | undefined;
  return {
    add: (sides, cell) => {
      if (sides.control.length === 0) return;
      if (cell !== undefined) {
        cells ??= cellTally();
        cells.add(differencesOf(sides), cell);
      }
      const block = pairedMoments(sides);
      controlSum += block.control * sides.control.length;
      candidateSum += block.candidate * sides.control.length;
      difference = mergeMoments(difference, block.difference);
    },
    get rows() {
      return difference.count;
    },
    get control() {
      return controlSum / difference.count;
    },
    get candidate() {
      return candidateSum / difference.count;
    },
    get difference() {
      return difference;
    },
    interval: () =>
      cells === undefined
        ? meanInterval({ moments: difference, level: replaySettings.level })
        : clusteredMeanInterval({ clusters: cells.clusters, level: replaySettings.level }),
  };
}

function differencesOf({ control, candidate }: SideValues): Float64Array {
  const differences = new Float64Array(control.length);
  for (let index = 0; index < differences.length; index += 1) {
    differences[index] = (candidate[index] ?? Number.NaN) - (control[index] ?? Number.NaN);
  }
  return differences;
}
