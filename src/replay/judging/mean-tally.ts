import type { Moments } from '../../stats/moments.js';
import { emptyMoments, mergeMoments } from '../../stats/moments.js';
import type { SideValues } from './judged-losses.js';
import { pairedMoments } from './paired-moments.js';

/** Means of both sides, and moments of candidate − control, over blocks of rows in a fixed order. */
export interface MeanTally {
  add(sides: SideValues): void;
  readonly rows: number;
  readonly control: number;
  readonly candidate: number;
  readonly difference: Moments;
}

export function meanTally(): MeanTally {
  let controlSum = 0;
  let candidateSum = 0;
  let difference = emptyMoments;
  return {
    add: (sides) => {
      if (sides.control.length === 0) return;
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
  };
}
