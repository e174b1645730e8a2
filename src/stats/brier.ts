import { checkCount, checkSameLength, checkUnit } from './checks.js';

/** (score − label)² of every row: score the probability of label 1, labels 0 or 1. Each in [0, 1]. `into`: where they go. */
export function binaryBriers(options: {
  readonly scores: Float64Array | Float32Array;
  readonly labels: Uint8Array;
  readonly into?: Float64Array;
}): Float64Array {
  const { scores, labels } = options;
  checkSameLength('scores and labels', scores.length, labels.length);
  const briers = options.into ?? new Float64Array(scores.length);
  for (let row = 0; row < scores.length; row += 1) {
    const score = scores[row] ?? NaN;
    const label = labels[row] ?? NaN;
    // Words for what is wrong are made only when something is.
    if (!(score >= 0 && score <= 1)) checkUnit(`scores[${row}]`, score);
    if (label !== 0 && label !== 1) throw new RangeError(`labels[${row}] is ${label}; expected 0 or 1`);
    const error = score - label;
    briers[row] = error * error;
  }
  return briers;
}

/** Σ(pₖ − [k is the truth])² of one row, in [0, 2]: probabilities one a class, truth the index of what happened. */
export function classBrier(options: {
  readonly probabilities: ArrayLike<number>;
  readonly truth: number;
}): number {
  const { probabilities, truth } = options;
  checkCount('truth', truth);
  if (truth >= probabilities.length) {
    throw new RangeError(`truth is ${truth}; expected a class index below ${probabilities.length}`);
  }
  let sum = 0;
  for (let index = 0; index < probabilities.length; index += 1) {
    const probability = probabilities[index] ?? NaN;
    checkUnit(`probabilities[${index}]`, probability);
    sum += (probability - (index === truth ? 1 : 0)) ** 2;
  }
  return sum;
}
