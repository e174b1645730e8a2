import { describe, expect, it } from 'vitest';
import { binaryBriers, classBrier } from '../../../src/stats/brier.js';
import { binaryLogLoss, binaryLogLosses, classLogLoss, logLossClip } from '../../../src/stats/log-loss.js';
import { expectClose, fixtures } from './stats-fixtures.js';

const { logLoss } = fixtures;
const labels = Uint8Array.from(logLoss.labels);

describe('log loss', () => {
  it('agrees with scikit-learn row by row, clipped scores included', () => {
    const losses = binaryLogLosses({ scores: Float64Array.from(logLoss.scores), labels });
    for (const [row, loss] of losses.entries()) {
      // Near 0 scikit-learn's own 1 − score has lost digits.
      expectClose(loss, logLoss.losses[row] ?? NaN, { absolute: 1e-15 });
    }
  });

  it('clips at the spacing of float32 where the scores are float32', () => {
    const losses = binaryLogLosses({ scores: Float32Array.from(logLoss.scores), labels });
    for (const [row, loss] of losses.entries()) expectClose(loss, logLoss.lossesFloat32[row] ?? NaN);
    expect(Math.max(...losses)).toBeCloseTo(-Math.log(2 ** -23), 10);
  });

  it('can be told that doubles hold the output of a float32 model', () => {
    const scores = Float64Array.of(0, 1);
    const [wrong = NaN, right = NaN] = binaryLogLosses({
      scores,
      labels: Uint8Array.of(1, 1),
      clip: logLossClip.float32,
    });
    expect(wrong).toBe(-Math.log(2 ** -23));
    expectClose(right, 2 ** -23, { relative: 1e-6 });
    expect(binaryLogLoss({ score: 0, label: 1, clip: logLossClip.float32 })).toBe(wrong);
  });

  it('agrees with scikit-learn for several classes', () => {
    for (const [row, probabilities] of logLoss.classProbabilities.entries()) {
      const truth = logLoss.classTruth[row] ?? NaN;
      expectClose(
        classLogLoss({ probabilities, truth, clip: logLossClip.float64 }),
        logLoss.classLosses[row] ?? NaN,
      );
      expectClose(classBrier({ probabilities, truth }), logLoss.classBriers[row] ?? NaN);
    }
  });

  it('names the score or label that makes no sense', () => {
    const one = Uint8Array.of(1);
    expect(() => binaryLogLosses({ scores: Float64Array.of(NaN), labels: one })).toThrow(
      /scores\[0\] is NaN/,
    );
    expect(() => binaryLogLosses({ scores: Float64Array.of(1.1), labels: one })).toThrow(
      /scores\[0\] is 1.1/,
    );
    expect(() => binaryLogLosses({ scores: Float64Array.of(0.5), labels: Uint8Array.of(2) })).toThrow(
      /labels\[0\] is 2/,
    );
    expect(() => binaryLogLosses({ scores: new Float64Array(2), labels: one })).toThrow(/2 and 1 entries/);
    expect(() => binaryLogLoss({ score: 0.5, label: NaN, clip: 1e-9 })).toThrow(/label is NaN/);
    expect(() => classLogLoss({ probabilities: [0.5, 0.5], truth: 2, clip: 1e-9 })).toThrow(/truth is 2/);
    expect(() => classBrier({ probabilities: [0.5, NaN], truth: 0 })).toThrow(/probabilities\[1\] is NaN/);
  });
});

describe('the Brier score', () => {
  it('is the squared distance row by row', () => {
    const briers = binaryBriers({ scores: Float64Array.from(logLoss.scores), labels });
    for (const [row, brier] of briers.entries()) expectClose(brier, logLoss.briers[row] ?? NaN);
    expect(() => binaryBriers({ scores: Float64Array.of(2), labels: Uint8Array.of(0) })).toThrow(
      /scores\[0\] is 2/,
    );
    expect(() => binaryBriers({ scores: Float64Array.of(0), labels: Uint8Array.of(7) })).toThrow(
      /labels\[0\] is 7/,
    );
  });
});
