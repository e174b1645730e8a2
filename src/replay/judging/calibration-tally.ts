import { z } from 'zod';
import { momentsOfSums } from '../../stats/moments.js';
import { meanInterval } from '../../stats/paired-mean.js';
import { wilsonInterval } from '../../stats/proportion.js';
import type { Calibration, SideCalibration } from '../report/report-schema.js';
import { sumOfArrays } from './cell-sums.js';
import { intervalOf } from './interval-of.js';
import type { PairedRows } from './paired-rows.js';
import { replaySettings } from './replay-settings.js';

const bins = 10;
const { level } = replaySettings;
const Bins = z.instanceof(Float64Array);

const SideTally = z.strictObject({
  /** By bin: ten of equal width; a score of 1 belongs to the last. */
  rows: Bins,
  scores: Bins,
  positives: Bins,
  errorSum: z.number(),
  errorSquares: z.number(),
});
type SideTally = z.infer<typeof SideTally>;

/**
 * How far scores are what they claim to be: the share of positives among rows by score, of both sides. Null: some score is no
 * probability, so that it cannot be said.
 */
export const CalibrationTally = z.strictObject({ control: SideTally, candidate: SideTally }).nullable();
export type CalibrationTally = z.infer<typeof CalibrationTally>;

/** Of a block of a binary task; over the rows that have a truth. */
export function calibrationTallyOf(rows: PairedRows): CalibrationTally {
  const control = sideTallyOf(rows.control.value, rows.truth);
  const candidate = sideTallyOf(rows.candidate.value, rows.truth);
  return control === null || candidate === null ? null : { control, candidate };
}

export function joinCalibrations(earlier: CalibrationTally, later: CalibrationTally): CalibrationTally {
  if (earlier === null || later === null) return null;
  return {
    control: joinSides(earlier.control, later.control),
    candidate: joinSides(earlier.candidate, later.candidate),
  };
}

/** Null without rows that have a truth and scores of both sides in [0, 1]. */
export function calibrationOf(tally: CalibrationTally | undefined): Calibration | null {
  if (tally === null || tally === undefined) return null;
  const control = sideOf(tally.control);
  const candidate = sideOf(tally.candidate);
  return control === undefined || candidate === undefined ? null : { control, candidate };
}

function sideTallyOf(scoreOf: Float64Array, truthOf: Float64Array): SideTally | null {
  const rows = new Float64Array(bins);
  const scores = new Float64Array(bins);
  const positives = new Float64Array(bins);
  let errorSum = 0;
  let errorSquares = 0;
  for (let row = 0; row < scoreOf.length; row += 1) {
    const truth = truthOf[row] ?? Number.NaN;
    if (Number.isNaN(truth)) continue;
    const score = scoreOf[row] ?? Number.NaN;
    if (!(score >= 0 && score <= 1)) return null;
    const bin = score === 1 ? bins - 1 : Math.floor(score * bins);
    const error = score - truth;
    rows[bin] = (rows[bin] ?? 0) + 1;
    scores[bin] = (scores[bin] ?? 0) + score;
    positives[bin] = (positives[bin] ?? 0) + truth;
    errorSum += error;
    errorSquares += error * error;
  }
  return { rows, scores, positives, errorSum, errorSquares };
}

function joinSides(earlier: SideTally, later: SideTally): SideTally {
  return {
    rows: sumOfArrays(earlier.rows, later.rows),
    scores: sumOfArrays(earlier.scores, later.scores),
    positives: sumOfArrays(earlier.positives, later.positives),
    errorSum: earlier.errorSum + later.errorSum,
    errorSquares: earlier.errorSquares + later.errorSquares,
  };
}

function sideOf({ rows, scores, positives, errorSum, errorSquares }: SideTally): SideCalibration | undefined {
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
}
