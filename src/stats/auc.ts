import { ascendingOrder } from './ascending-order.js';
import { checkOpenUnit, checkSameLength } from './checks.js';
import { satterthwaite } from './satterthwaite.js';
import { SquareSum } from './square-sum.js';
import { studentTInterval } from './student-t-interval.js';
import type { UndefinedStatistic } from './undefined-statistic.js';
import { undefinedStatistic } from './undefined-statistic.js';

/** One score a row: higher means more likely positive. No NaN; infinities are allowed. */
export type Scores = Float64Array | Float32Array;

export interface Auc {
  readonly kind: 'value';
  /** The chance that a positive row outscores a negative one, ties counting one half. */
  readonly auc: number;
  readonly positives: number;
  readonly negatives: number;
}

/**
 * Area under the ROC curve of `scores` against `labels` (0 or 1), by mid-ranks, in linear time. The counting is exact, so
 * the result does not depend on the order of the rows. Undefined where a class has no row.
 */
export function auc(options: {
  readonly scores: Scores;
  readonly labels: Uint8Array;
}): Auc | UndefinedStatistic {
  const { scores, labels } = options;
  checkSameLength('scores and labels', scores.length, labels.length);
  const { positives, negatives } = countLabels(labels);
  const missing = missingClass(positives, negatives);
  if (missing !== undefined) return undefinedStatistic(missing);

  let twiceWins = 0;
  let negativesBelow = 0;
  forEachTie(
    scores,
    ascendingOrder('scores', scores),
    labels,
    (_start, _end, positivesHere, negativesHere) => {
      twiceWins += positivesHere * (2 * negativesBelow + negativesHere);
      negativesBelow += negativesHere;
    },
  );
  return { kind: 'value', auc: twiceWins / 2 / (positives * negatives), positives, negatives };
}

export interface PairedAuc {
  readonly kind: 'value';
  readonly controlAuc: number;
  readonly candidateAuc: number;
  /** candidateAuc − controlAuc. */
  readonly difference: number;
  readonly standardError: number;
  readonly df: number;
  /** Two-sided limits of the difference. */
  readonly lower: number;
  readonly upper: number;
  /** Two-sided; 1 where the standard error is 0. */
  readonly p: number;
  /** The standard error is 0: both rank every pair alike, or there are too few rows to see any variation. */
  readonly degenerate: boolean;
  readonly positives: number;
  readonly negatives: number;
}

/**
 * Compares the AUC of two models on the same rows; `level` is 0.95 by default. Needs two rows of each class. The limits are
 * Student's: with normal ones, 7 limits in 100 in place of 2.5 lie beyond the truth at fewer than ten rows of a class.
 * Source: E. R. DeLong, D. M. DeLong and D. L. Clarke-Pearson (1988), with the mid-rank form of X. Sun and W. Xu (2014); degrees
 * of freedom by F. E. Satterthwaite (1946), as E. Brunner and U. Munzel (2000) have them for placements.
 */
export function pairedAuc(options: {
  readonly controlScores: Scores;
  readonly candidateScores: Scores;
  readonly labels: Uint8Array;
  readonly level?: number;
}): PairedAuc | UndefinedStatistic {
  const { controlScores, candidateScores, labels, level = 0.95 } = options;
  checkOpenUnit('level', level);
  checkSameLength('controlScores and labels', controlScores.length, labels.length);
  checkSameLength('candidateScores and labels', candidateScores.length, labels.length);
  const { positives, negatives } = countLabels(labels);
  const missing = missingClass(positives, negatives);
  if (missing !== undefined) return undefinedStatistic(missing);
  if (positives < 2 || negatives < 2) return undefinedStatistic('fewer than two rows of one class');

  const control = placements('controlScores', controlScores, labels, negatives);
  const candidate = placements('candidateScores', candidateScores, labels, negatives);
  const squares = gapSquares(control.twice, candidate.twice, labels);
  return pairedAucOfSums({
    positives,
    negatives,
    controlTwiceWins: control.twiceWins,
    candidateTwiceWins: candidate.twiceWins,
    ...squares,
    level,
  });
}

/**
 * What the comparison of two AUCs rests on. A row's *twice placement* is a whole number: of a positive twice the number of negatives
 * that it outscores (ties one half), of a negative twice the number of positives that outscore it.
 */
export interface PlacementSums {
  readonly positives: number;
  readonly negatives: number;
  /** Of twice the placements, over either class: twice the number of won pairs. */
  readonly controlTwiceWins: number;
  readonly candidateTwiceWins: number;
  /** Of the squares of candidate − control. */
  readonly positiveGapSquares: number;
  readonly negativeGapSquares: number;
}

/** `pairedAuc` of rows that were counted elsewhere. */
export function pairedAucOfSums(
  sums: PlacementSums & { readonly level?: number },
): PairedAuc | UndefinedStatistic {
  const { positives, negatives, controlTwiceWins, candidateTwiceWins, level = 0.95 } = sums;
  checkOpenUnit('level', level);
  const missing = missingClass(positives, negatives);
  if (missing !== undefined) return undefinedStatistic(missing);
  if (positives < 2 || negatives < 2) return undefinedStatistic('fewer than two rows of one class');
  const gap = candidateTwiceWins - controlTwiceWins;
  const ofPositives =
    gapVariance(positives, gap, sums.positiveGapSquares) / (4 * negatives * negatives * positives);
  const ofNegatives =
    gapVariance(negatives, gap, sums.negativeGapSquares) / (4 * positives * positives * negatives);
  const standardError = Math.sqrt(ofPositives + ofNegatives);
  const df = satterthwaite(
    { variance: ofPositives, df: positives - 1 },
    { variance: ofNegatives, df: negatives - 1 },
  );
  const difference = gap / 2 / (positives * negatives);
  const { lower, upper, p, degenerate } = studentTInterval({
    estimate: difference,
    standardError,
    df,
    level,
  });
  return {
    kind: 'value',
    controlAuc: controlTwiceWins / 2 / (positives * negatives),
    candidateAuc: candidateTwiceWins / 2 / (positives * negatives),
    difference,
    standardError,
    df,
    lower,
    upper,
    p: degenerate ? 1 : p,
    degenerate,
    positives,
    negatives,
  };
}

/** Variance (ddof 1) of so many numbers from their sum and the sum of their squares. */
function gapVariance(count: number, sum: number, squares: number): number {
  return Math.max(0, count * squares - sum * sum) / count / (count - 1);
}

/**
 * For a positive row twice the number of negatives it outscores (ties one half), for a negative row twice the number of
 * positives that outscore it: whole numbers, and their sum over either class is twice the number of won pairs.
 */
export function placements(
  name: string,
  scores: Scores,
  labels: Uint8Array,
  negatives: number,
): { readonly twice: Float64Array; readonly twiceWins: number } {
  const order = ascendingOrder(name, scores);
  const positives = labels.length - negatives;
  const twice = new Float64Array(labels.length);
  let twiceWins = 0;
  let positivesBelow = 0;
  let negativesBelow = 0;
  forEachTie(scores, order, labels, (start, end, positivesHere, negativesHere) => {
    const ofPositive = 2 * negativesBelow + negativesHere;
    const ofNegative = 2 * (positives - positivesBelow) - positivesHere;
    for (let place = start; place < end; place += 1) {
      const row = order[place] ?? 0;
      twice[row] = labels[row] === 1 ? ofPositive : ofNegative;
    }
    twiceWins += positivesHere * ofPositive;
    positivesBelow += positivesHere;
    negativesBelow += negativesHere;
  });
  return { twice, twiceWins };
}

function gapSquares(
  control: Float64Array,
  candidate: Float64Array,
  labels: Uint8Array,
): Pick<PlacementSums, 'positiveGapSquares' | 'negativeGapSquares'> {
  const ofPositives = new SquareSum();
  const ofNegatives = new SquareSum();
  for (let row = 0; row < labels.length; row += 1) {
    const gap = (candidate[row] ?? NaN) - (control[row] ?? NaN);
    if (labels[row] === 1) ofPositives.add(gap);
    else ofNegatives.add(gap);
  }
  return { positiveGapSquares: ofPositives.total, negativeGapSquares: ofNegatives.total };
}

/** Visits the runs of equal scores in ascending order: places [start, end) of `order`, and how many rows of each class. */
export function forEachTie(
  scores: Scores,
  order: Uint32Array,
  labels: Uint8Array,
  visit: (start: number, end: number, positives: number, negatives: number) => void,
): void {
  let start = 0;
  while (start < order.length) {
    const score = scores[order[start] ?? 0];
    let end = start;
    let positives = 0;
    while (end < order.length) {
      const row = order[end] ?? 0;
      if (scores[row] !== score) break;
      positives += labels[row] ?? 0;
      end += 1;
    }
    visit(start, end, positives, end - start - positives);
    start = end;
  }
}

function countLabels(labels: Uint8Array): { readonly positives: number; readonly negatives: number } {
  let positives = 0;
  for (let row = 0; row < labels.length; row += 1) {
    const label = labels[row] ?? 0;
    if (label > 1) throw new RangeError(`labels[${row}] is ${label}; expected 0 or 1`);
    positives += label;
  }
  return { positives, negatives: labels.length - positives };
}

function missingClass(positives: number, negatives: number): string | undefined {
  if (positives + negatives === 0) return 'there are no rows';
  if (positives === 0) return 'no row is positive';
  if (negatives === 0) return 'no row is negative';
  return undefined;
}
