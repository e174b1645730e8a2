import { checkOpenUnit, checkSameLength } from './checks.js';
import { satterthwaite } from './satterthwaite.js';
import type { StudentTInterval } from './student-t-interval.js';
import { studentTInterval } from './student-t-interval.js';
import type { UndefinedStatistic } from './undefined-statistic.js';
import { undefinedStatistic } from './undefined-statistic.js';

/**
 * Sums by cell of what each row adds to the AUC of either side; one entry a cell, empty cells are all 0. The placement of a
 * positive row is the share of all negative rows that it outscores, that of a negative row the share of all positive rows
 * that outscore it, ties counting one half (DeLong's V10 and V01). Added up as twice the rows outscored, which are whole numbers, and divided
 * at the end, the sums do not depend on the order of the rows.
 */
export interface CellPlacements {
  readonly positives: Float64Array;
  readonly negatives: Float64Array;
  /** Sums of the placements of the cell's positive rows, and of its negative rows. */
  readonly control: SidePlacements;
  readonly candidate: SidePlacements;
}

export interface SidePlacements {
  readonly positive: Float64Array;
  readonly negative: Float64Array;
}

export interface ClusteredAuc extends StudentTInterval {
  readonly kind: 'value';
  readonly controlAuc: number;
  readonly candidateAuc: number;
  /** candidateAuc − controlAuc. */
  readonly difference: number;
  readonly standardError: number;
  readonly df: number;
  readonly positives: number;
  readonly negatives: number;
}

/**
 * Compares the AUC of two models on the same rows where rows of one cell may depend on each other, and cells are independent;
 * `level` is 0.95 by default. Undefined where fewer than two cells have a positive row, or a negative one. Where every row
 * has a cell of its own the standard error is DeLong's exactly, not only nearly: the factors I/(I − 1) of the two
 * classes are then DeLong's divisors, and no cell has rows of both classes, so the mixed term is 0.
 * The limits are Student's with the degrees of freedom of a sum of two variances.
 * Source: N. A. Obuchowski, Nonparametric analysis of clustered ROC curve data, Biometrics 53 (1997), on the differences of the
 * placements, which gives the variance of the difference at once; degrees of freedom as `pairedAuc`, over cells in place of rows.
 */
export function clusteredAuc(options: {
  readonly cells: CellPlacements;
  readonly level?: number;
}): ClusteredAuc | UndefinedStatistic {
  const { cells, level = 0.95 } = options;
  checkOpenUnit('level', level);
  checkCells(cells);
  const totals = totalsOf(cells);
  const { positives, negatives } = totals;
  if (totals.cellsWithPositives < 2) return undefinedStatistic('fewer than two cells have a positive row');
  if (totals.cellsWithNegatives < 2) return undefinedStatistic('fewer than two cells have a negative row');

  const controlAuc = totals.control / positives;
  const candidateAuc = totals.candidate / positives;
  const difference = (totals.candidate - totals.control) / positives;
  const { ofPositives, ofNegatives, mixed } = variancesOf(cells, totals, difference);
  // Against the two others the mixed term can be negative; together they are a square but for the factors I/(I − 1).
  const variance = Math.max(0, ofPositives + ofNegatives + 2 * mixed);
  const standardError = Math.sqrt(variance);
  const df = satterthwaite(
    { variance: ofPositives, df: totals.cellsWithPositives - 1 },
    { variance: ofNegatives, df: totals.cellsWithNegatives - 1 },
  );
  const interval = studentTInterval({ estimate: difference, standardError, df, level });
  return {
    kind: 'value',
    controlAuc,
    candidateAuc,
    difference,
    standardError,
    df,
    positives,
    negatives,
    ...interval,
    // Without any variation seen, nothing is shown: on few rows that is common.
    p: interval.degenerate ? 1 : interval.p,
  };
}

interface Totals {
  readonly positives: number;
  readonly negatives: number;
  readonly control: number;
  readonly candidate: number;
  readonly cells: number;
  readonly cellsWithPositives: number;
  readonly cellsWithNegatives: number;
}

function totalsOf({ positives, negatives, control, candidate }: CellPlacements): Totals {
  const totals = {
    positives: 0,
    negatives: 0,
    control: 0,
    candidate: 0,
    cells: 0,
    cellsWithPositives: 0,
    cellsWithNegatives: 0,
  };
  for (let cell = 0; cell < positives.length; cell += 1) {
    const positivesHere = positives[cell] ?? 0;
    const negativesHere = negatives[cell] ?? 0;
    totals.positives += positivesHere;
    totals.negatives += negativesHere;
    totals.control += control.positive[cell] ?? 0;
    totals.candidate += candidate.positive[cell] ?? 0;
    if (positivesHere + negativesHere > 0) totals.cells += 1;
    if (positivesHere > 0) totals.cellsWithPositives += 1;
    if (negativesHere > 0) totals.cellsWithNegatives += 1;
  }
  return totals;
}

/** The three terms of the variance of the difference, from what each cell's placements are off by. */
function variancesOf(
  { positives, negatives, control, candidate }: CellPlacements,
  totals: Totals,
  difference: number,
): { readonly ofPositives: number; readonly ofNegatives: number; readonly mixed: number } {
  let positiveSquares = 0;
  let negativeSquares = 0;
  let products = 0;
  for (let cell = 0; cell < positives.length; cell += 1) {
    const ofPositives =
      (candidate.positive[cell] ?? 0) - (control.positive[cell] ?? 0) - difference * (positives[cell] ?? 0);
    const ofNegatives =
      (candidate.negative[cell] ?? 0) - (control.negative[cell] ?? 0) - difference * (negatives[cell] ?? 0);
    positiveSquares += ofPositives ** 2;
    negativeSquares += ofNegatives ** 2;
    products += ofPositives * ofNegatives;
  }
  const perCell = (cells: number): number => cells / (cells - 1);
  return {
    ofPositives: (perCell(totals.cellsWithPositives) * positiveSquares) / totals.positives ** 2,
    ofNegatives: (perCell(totals.cellsWithNegatives) * negativeSquares) / totals.negatives ** 2,
    mixed: (perCell(totals.cells) * products) / (totals.positives * totals.negatives),
  };
}

function checkCells({ positives, negatives, control, candidate }: CellPlacements): void {
  const length = positives.length;
  checkSameLength('positives and negatives', length, negatives.length);
  checkSameLength('positives and control.positive', length, control.positive.length);
  checkSameLength('positives and control.negative', length, control.negative.length);
  checkSameLength('positives and candidate.positive', length, candidate.positive.length);
  checkSameLength('positives and candidate.negative', length, candidate.negative.length);
}
