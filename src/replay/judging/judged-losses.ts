import { binaryBriers } from '../../stats/brier.js';
import { binaryLogLosses, logLossClip } from '../../stats/log-loss.js';
import type { PairedRows } from './paired-rows.js';

/** The rows whose truth is known, with what either side lost on them. All arrays have one entry a judged row. */
export interface JudgedLosses {
  /** Row numbers in the paired rows, ascending. */
  readonly row: Int32Array;
  /** Log loss, or absolute error of a regression; undefined where it cannot be computed, see `problem`. */
  readonly loss: { readonly control: Float64Array; readonly candidate: Float64Array } | undefined;
  readonly problem: string | undefined;
  /** Binary with scores only. */
  readonly binary: BinaryJudged | undefined;
}

export interface BinaryJudged {
  readonly truth: Uint8Array;
  /** In 32 bits where every score of both sides fits, which is what most models give. */
  readonly scores: Scores;
  /** Squared errors of the score. */
  readonly brier: { readonly control: Float64Array; readonly candidate: Float64Array } | undefined;
}

export type Scores =
  | { readonly control: Float64Array; readonly candidate: Float64Array }
  | { readonly control: Float32Array; readonly candidate: Float32Array };

export function judgedLosses(rows: PairedRows): JudgedLosses {
  const row = rowsWithTruth(rows.truth);
  switch (rows.task) {
    case 'regression':
      return { row, loss: absoluteErrors(rows, row), problem: undefined, binary: undefined };
    case 'binary-classification':
      return binaryLosses(rows, row);
    case 'multiclass-classification':
      return classLosses(rows, row);
  }
}

function rowsWithTruth(truth: Float64Array): Int32Array {
  const row = new Int32Array(truth.length);
  let count = 0;
  for (let index = 0; index < truth.length; index += 1) {
    if (Number.isNaN(truth[index])) continue;
    row[count] = index;
    count += 1;
  }
  return row.slice(0, count);
}

function absoluteErrors(rows: PairedRows, row: Int32Array) {
  const errorsOf = (values: Float64Array): Float64Array => {
    const found = new Float64Array(row.length);
    for (let index = 0; index < found.length; index += 1) {
      const at = row[index] ?? 0;
      found[index] = Math.abs((values[at] ?? Number.NaN) - (rows.truth[at] ?? Number.NaN));
    }
    return found;
  };
  return { control: errorsOf(rows.control.value), candidate: errorsOf(rows.candidate.value) };
}

function binaryLosses(rows: PairedRows, row: Int32Array): JudgedLosses {
  const truth = new Uint8Array(gathered(rows.truth, row));
  const control = gathered(rows.control.value, row);
  const candidate = gathered(rows.candidate.value, row);
  if (control.includes(Number.NaN) || candidate.includes(Number.NaN)) {
    return { row, loss: undefined, problem: 'the models give a label without a score', binary: undefined };
  }
  const single = fitsFloat32(control) && fitsFloat32(candidate);
  const scores = single
    ? { control: new Float32Array(control), candidate: new Float32Array(candidate) }
    : { control, candidate };
  // One clip for both sides: a side that is stored in more digits must not be punished harder for the same mistake.
  const clip = fitsFloat32(control) || fitsFloat32(candidate) ? logLossClip.float32 : logLossClip.float64;
  const problem = notProbability(control, clip) ?? notProbability(candidate, clip);
  if (problem !== undefined)
    return { row, loss: undefined, problem, binary: { truth, scores, brier: undefined } };
  const logLoss = (side: Float64Array): Float64Array =>
    binaryLogLosses({ scores: side, labels: truth, clip });
  const brier = (side: Float64Array): Float64Array => binaryBriers({ scores: clamped(side), labels: truth });
  return {
    row,
    loss: { control: logLoss(control), candidate: logLoss(candidate) },
    problem: undefined,
    binary: { truth, scores, brier: { control: brier(control), candidate: brier(candidate) } },
  };
}

function classLosses(rows: PairedRows, row: Int32Array): JudgedLosses {
  const { truthScore: controlScore } = rows.control;
  const { truthScore: candidateScore } = rows.candidate;
  if (controlScore === undefined || candidateScore === undefined) {
    return {
      row,
      loss: undefined,
      problem: 'the models give a label without scores of the classes',
      binary: undefined,
    };
  }
  const control = gathered(controlScore, row);
  const candidate = gathered(candidateScore, row);
  if (control.includes(Number.NaN) || candidate.includes(Number.NaN)) {
    return { row, loss: undefined, problem: 'a true class has no score', binary: undefined };
  }
  const clip = fitsFloat32(control) || fitsFloat32(candidate) ? logLossClip.float32 : logLossClip.float64;
  const problem = notProbability(control, clip) ?? notProbability(candidate, clip);
  if (problem !== undefined) return { row, loss: undefined, problem, binary: undefined };
  const happened = new Uint8Array(row.length).fill(1);
  const logLoss = (side: Float64Array): Float64Array =>
    binaryLogLosses({ scores: side, labels: happened, clip });
  return {
    row,
    loss: { control: logLoss(control), candidate: logLoss(candidate) },
    problem: undefined,
    binary: undefined,
  };
}

function gathered(values: Float64Array, row: Int32Array): Float64Array {
  const picked = new Float64Array(row.length);
  for (let index = 0; index < row.length; index += 1) picked[index] = values[row[index] ?? 0] ?? Number.NaN;
  return picked;
}

function fitsFloat32(values: Float64Array): boolean {
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index] ?? 0;
    if (Math.fround(value) !== value) return false;
  }
  return true;
}

function notProbability(scores: Float64Array, clip: number): string | undefined {
  for (let index = 0; index < scores.length; index += 1) {
    const score = scores[index] ?? Number.NaN;
    if (!(score >= -clip && score <= 1 + clip)) return `the score ${score} is no probability`;
  }
  return undefined;
}

function clamped(scores: Float64Array): Float64Array {
  const within = new Float64Array(scores.length);
  for (let index = 0; index < scores.length; index += 1)
    within[index] = Math.min(1, Math.max(0, scores[index] ?? 0));
  return within;
}
