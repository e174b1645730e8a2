import { checkCount, checkSameLength } from './checks.js';

/** Where scores are clipped: the spacing at 1 of the two float types, as scikit-learn does. */
export const logLossClip = { float32: 2 ** -23, float64: 2 ** -52 } as const;

/**
 * −ln of the probability given to what happened, in nats, for one binary row. score: the probability of label 1; label: 0
 * or 1. The score is first moved into [clip, 1 − clip]. Pass `logLossClip.float32` for the output of a float32 model, even
 * when it is stored in doubles: such a model saturates at exactly 0 and 1, and one row clipped at the double's spacing would
 * cost 36 instead of 16. Arithmetic is in doubles. Throws a RangeError for NaN, or a score outside [0, 1] by more than `clip`.
 */
export function binaryLogLoss(options: {
  readonly score: number;
  readonly label: number;
  readonly clip: number;
}): number {
  const { score, label, clip } = options;
  checkScore('score', score, clip);
  checkLabel('label', label);
  return lossOf(score, label, clip);
}

/**
 * The binary log loss of every row. `clip` is by default the spacing at 1 of the type that holds the scores.
 * labels: 0 or 1, as many as scores. `into`: where the losses go, as many as scores; an array of their own unless told.
 */
export function binaryLogLosses(options: {
  readonly scores: Float64Array | Float32Array;
  readonly labels: Uint8Array;
  readonly clip?: number;
  readonly into?: Float64Array;
}): Float64Array {
  const { scores, labels } = options;
  checkSameLength('scores and labels', scores.length, labels.length);
  const clip = options.clip ?? (scores instanceof Float32Array ? logLossClip.float32 : logLossClip.float64);
  const losses = options.into ?? new Float64Array(scores.length);
  for (let row = 0; row < scores.length; row += 1) {
    const score = scores[row] ?? NaN;
    const label = labels[row] ?? NaN;
    if (!(score >= -clip && score <= 1 + clip)) checkScore(`scores[${row}]`, score, clip);
    if (label > 1) checkLabel(`labels[${row}]`, label);
    losses[row] = lossOf(score, label, clip);
  }
  return losses;
}

/**
 * −ln of the probability given to the true class, for one row of a model with several classes. probabilities: one a class,
 * used as given (not scaled to sum 1); truth: the index of what happened. Clipped as in `binaryLogLoss`.
 */
export function classLogLoss(options: {
  readonly probabilities: ArrayLike<number>;
  readonly truth: number;
  readonly clip: number;
}): number {
  const { probabilities, truth, clip } = options;
  checkCount('truth', truth);
  if (truth >= probabilities.length) {
    throw new RangeError(`truth is ${truth}; expected a class index below ${probabilities.length}`);
  }
  const probability = probabilities[truth] ?? NaN;
  checkScore(`probabilities[${truth}]`, probability, clip);
  return lossOf(probability, 1, clip);
}

function lossOf(score: number, label: number, clip: number): number {
  const clipped = Math.min(Math.max(score, clip), 1 - clip);
  return label === 1 ? -Math.log(clipped) : -Math.log1p(-clipped);
}

function checkScore(name: string, score: number, clip: number): void {
  if (!(score >= -clip && score <= 1 + clip)) {
    throw new RangeError(`${name} is ${score}; expected a probability from 0 to 1`);
  }
}

function checkLabel(name: string, label: number): void {
  if (label !== 0 && label !== 1) throw new RangeError(`${name} is ${label}; expected 0 or 1`);
}
