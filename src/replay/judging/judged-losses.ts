import { binaryBriers } from '../../stats/brier.js';
import { binaryLogLosses } from '../../stats/log-loss.js';
import type { PairedRows } from './paired-rows.js';
import { scratch } from './scratch.js';

/** One number a judged row, of either side. */
export interface SideValues {
  readonly control: Float64Array;
  readonly candidate: Float64Array;
}

/**
 * The rows whose truth is known, with what either side lost on them. All arrays have one entry a judged row, and are good until the next
 * block is judged.
 */
export interface JudgedLosses {
  /** Row numbers in the paired rows, ascending. */
  readonly row: Int32Array;
  /** Log loss, or absolute error of a regression; undefined where it cannot be computed, see `problem`. */
  readonly loss: SideValues | undefined;
  readonly problem: string | undefined;
  /** Squared errors of the score; binary only. */
  readonly brier: SideValues | undefined;
}

export function judgedLosses(rows: PairedRows): JudgedLosses {
  const { clip } = rows;
  const row = rowsWithTruth(rows.truth);
  switch (rows.task) {
    case 'regression':
      return { row, loss: absoluteErrors(rows, row), problem: undefined, brier: undefined };
    case 'binary-classification':
      return binaryLosses(rows, row, clip);
    case 'multiclass-classification':
      return classLosses(rows, row, clip);
  }
}

/** Row numbers with a truth, ascending. */
export function rowsWithTruth(truth: Float64Array): Int32Array {
  const row = new Int32Array(truth.length);
  let count = 0;
  for (let index = 0; index < truth.length; index += 1) {
    if (Number.isNaN(truth[index])) continue;
    row[count] = index;
    count += 1;
  }
  return row.subarray(0, count);
}

/** `row`: ascending. All rows: the array itself; else `into`, which has as many entries as `row`. */
export function gathered(
  values: Float64Array,
  row: Int32Array,
  into: (length: number) => Float64Array,
): Float64Array {
  if (row.length === values.length) return values;
  const picked = into(row.length);
  for (let index = 0; index < row.length; index += 1) picked[index] = values[row[index] ?? 0] ?? Number.NaN;
  return picked;
}

function absoluteErrors(rows: PairedRows, row: Int32Array): SideValues {
  const truth = gathered(rows.truth, row, (length) => scratch('truth', length));
  const errorsOf = (values: Float64Array, side: 'control' | 'candidate'): Float64Array => {
    const found = gathered(values, row, (length) => scratch(`${side}-score`, length));
    const distances = scratch(`${side}-loss`, found.length);
    for (let index = 0; index < found.length; index += 1) {
      distances[index] = Math.abs((found[index] ?? Number.NaN) - (truth[index] ?? Number.NaN));
    }
    return distances;
  };
  return {
    control: errorsOf(rows.control.value, 'control'),
    candidate: errorsOf(rows.candidate.value, 'candidate'),
  };
}

function binaryLosses(rows: PairedRows, row: Int32Array, clip: number): JudgedLosses {
  const truth = new Uint8Array(gathered(rows.truth, row, (length) => scratch('truth', length)));
  const { control, candidate } = scoresOf(rows.control.value, rows.candidate.value, row);
  const problem = unusable(control, candidate, clip, 'the models give a label without a score');
  if (problem !== undefined) return { row, loss: undefined, problem, brier: undefined };
  const brier = (scores: Float64Array, side: 'control' | 'candidate'): Float64Array =>
    binaryBriers({
      scores: clamped(scores),
      labels: truth,
      into: scratch(`${side}-brier`, scores.length),
    });
  return {
    row,
    loss: logLosses({ control, candidate }, truth, clip),
    problem: undefined,
    brier: { control: brier(control, 'control'), candidate: brier(candidate, 'candidate') },
  };
}

function classLosses(rows: PairedRows, row: Int32Array, clip: number): JudgedLosses {
  const { truthScore: controlScore } = rows.control;
  const { truthScore: candidateScore } = rows.candidate;
  if (controlScore === undefined || candidateScore === undefined) {
    return {
      row,
      loss: undefined,
      problem: 'the models give a label without scores of the classes',
      brier: undefined,
    };
  }
  const { control, candidate } = scoresOf(controlScore, candidateScore, row);
  const problem = unusable(control, candidate, clip, 'a true class has no score');
  if (problem !== undefined) return { row, loss: undefined, problem, brier: undefined };
  const happened = new Uint8Array(row.length).fill(1);
  return {
    row,
    loss: logLosses({ control, candidate }, happened, clip),
    problem: undefined,
    brier: undefined,
  };
}

function scoresOf(control: Float64Array, candidate: Float64Array, row: Int32Array): SideValues {
  return {
    control: gathered(control, row, (length) => scratch('control-score', length)),
    candidate: gathered(candidate, row, (length) => scratch('candidate-score', length)),
  };
}

function logLosses({ control, candidate }: SideValues, labels: Uint8Array, clip: number): SideValues {
  const of = (scores: Float64Array, side: 'control' | 'candidate'): Float64Array =>
    binaryLogLosses({ scores, labels, clip, into: scratch(`${side}-loss`, scores.length) });
  return { control: of(control, 'control'), candidate: of(candidate, 'candidate') };
}

function unusable(
  control: Float64Array,
  candidate: Float64Array,
  clip: number,
  absent: string,
): string | undefined {
  if (control.includes(Number.NaN) || candidate.includes(Number.NaN)) return absent;
  return notProbability(control, clip) ?? notProbability(candidate, clip);
}

function notProbability(scores: Float64Array, clip: number): string | undefined {
  for (let index = 0; index < scores.length; index += 1) {
    const score = scores[index] ?? Number.NaN;
    if (!(score >= -clip && score <= 1 + clip)) return `the score ${score} is no probability`;
  }
  return undefined;
}

/** The scores themselves where all lie in [0, 1]. */
function clamped(scores: Float64Array): Float64Array {
  let isWithin = true;
  for (let index = 0; index < scores.length && isWithin; index += 1) {
    const score = scores[index] ?? 0;
    isWithin = score >= 0 && score <= 1;
  }
  if (isWithin) return scores;
  const within = new Float64Array(scores.length);
  for (let index = 0; index < scores.length; index += 1)
    within[index] = Math.min(1, Math.max(0, scores[index] ?? 0));
  return within;
}
