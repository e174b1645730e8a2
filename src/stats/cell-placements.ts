import type { Scores } from './auc.js';
import { placements } from './auc.js';
import { checkSameLength } from './checks.js';
import type { CellPlacements, SidePlacements } from './clustered-auc.js';

/**
 * What `clusteredAuc` works on, from rows in memory. labels: 0 or 1; cell: of each row, below `cells`. One entry a row, in any order: the same
 * bits come out. Needs a row of each class; without, the placements of the other class are NaN.
 */
export function cellPlacements(rows: {
  readonly controlScores: Scores;
  readonly candidateScores: Scores;
  readonly labels: Uint8Array;
  readonly cell: Uint16Array;
  readonly cells: number;
}): CellPlacements {
  const { labels, cell, cells } = rows;
  checkSameLength('controlScores and labels', rows.controlScores.length, labels.length);
  checkSameLength('candidateScores and labels', rows.candidateScores.length, labels.length);
  checkSameLength('cell and labels', cell.length, labels.length);
  const positives = new Float64Array(cells);
  const negatives = new Float64Array(cells);
  let allPositives = 0;
  for (let row = 0; row < labels.length; row += 1) {
    const at = cell[row] ?? 0;
    if (labels[row] === 1) {
      positives[at] = (positives[at] ?? 0) + 1;
      allPositives += 1;
    } else negatives[at] = (negatives[at] ?? 0) + 1;
  }
  const allNegatives = labels.length - allPositives;
  const side = (name: string, scores: Scores): SidePlacements => {
    const { twice } = placements(name, scores, labels, allNegatives);
    const positive = new Float64Array(cells);
    const negative = new Float64Array(cells);
    for (let row = 0; row < labels.length; row += 1) {
      const sums = labels[row] === 1 ? positive : negative;
      const at = cell[row] ?? 0;
      sums[at] = (sums[at] ?? 0) + (twice[row] ?? Number.NaN);
    }
    return {
      positive: positive.map((sum) => sum / 2 / allNegatives),
      negative: negative.map((sum) => sum / 2 / allPositives),
    };
  };
  return {
    positives,
    negatives,
    control: side('controlScores', rows.controlScores),
    candidate: side('candidateScores', rows.candidateScores),
  };
}
