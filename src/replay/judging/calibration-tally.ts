import { meanInterval } from '../../stats/paired-mean.js';
import { momentsOfSums } from '../../stats/moments.js';
import { wilsonInterval } from '../../stats/proportion.js';
import type { Calibration, SideCalibration } from '../report/report-schema.js';
import { intervalOf } from './interval-of.js';
import type { PairedRows } from './paired-rows.js';
import { replaySettings } from './replay-settings.js';

const bins = 10;
const { level } = replaySettings;

/** How far scores are what they claim to be: the share of positives among rows by score, of both sides. Binary tasks. */
export interface CalibrationTally {
  add(rows: PairedRows): void;
  /** Null without rows that have a truth and scores of both sides in [0, 1]. */
  result(): Calibration | null;
}

export function calibrationTally(): CalibrationTally {
  const control = sideTally();
  const candidate = sideTally();
  let isBroken = false;
  return {
    add: (rows) => {
      if (isBroken || rows.task !== 'binary-classification') return;
      for (let row = 0; row < rows.rows; row += 1) {
        const truth = rows.truth[row] ?? Number.NaN;
        if (Number.isNaN(truth)) continue;
        const before = rows.control.value[row] ?? Number.NaN;
        const after = rows.candidate.value[row] ?? Number.NaN;
        if (!(before >= 0 && before <= 1 && after >= 0 && after <= 1)) {
          isBroken = true;
          return;
        }
        control.add(before, truth);
        candidate.add(after, truth);
      }
    },
    result: () => {
      if (isBroken) return null;
      const sides = { control: control.result(), candidate: candidate.result() };
      return sides.control === undefined || sides.candidate === undefined
        ? null
        : { control: sides.control, candidate: sides.candidate };
    },
  };
}

/** Ten bins of equal width; a score of 1 belongs to the last. */
function sideTally(): { add(score: number, truth: number): void; result(): SideCalibration | undefined } {
  const rows = new Float64Array(bins);
  const scores = new Float64Array(bins);
  const positives = new Float64Array(bins);
  let errorSum = 0;
  let errorSquares = 0;
  return {
    add: (score, truth) => {
      const bin = Math.min(bins - 1, Math.floor(score * bins));
      rows[bin] = (rows[bin] ?? 0) + 1;
      scores[bin] = (scores[bin] ?? 0) + score;
      positives[bin] = (positives[bin] ?? 0) + truth;
      errorSum += score - truth;
      errorSquares += (score - truth) ** 2;
    },
    result: () => {
      const count = rows.reduce((sum, each) => sum + each, 0);
      const moments = momentsOfSums({ count, sum: errorSum, sumOfSquares: errorSquares });
      const bias = meanInterval({ moments, level });
      if (bias.kind === 'undefined') return undefined;
      let gaps = 0;
      for (let bin = 0; bin < bins; bin += 1) gaps += Math.abs((scores[bin] ?? 0) - (positives[bin] ?? 0));
      return {
        rows: count,
        bias: bias.mean,
        biasInterval: intervalOf(bias),
        expectedError: gaps / count,
        bins: [...rows.keys()].flatMap((bin) => {
          const trials = rows[bin] ?? 0;
          const found = wilsonInterval({ successes: positives[bin] ?? 0, trials, level });
          if (found.kind === 'undefined') return [];
          return [
            {
              from: bin / bins,
              until: (bin + 1) / bins,
              rows: trials,
              meanScore: (scores[bin] ?? 0) / trials,
              share: found.estimate,
              interval: intervalOf(found),
            },
          ];
        }),
      };
    },
  };
}
