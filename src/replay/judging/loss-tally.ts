import { z } from 'zod';
import { mergeCubedDeviations, skewnessOfMoments } from '../../stats/cubed-deviations.js';
import { skewnessOfMean } from '../../stats/skewed-mean.js';
import type { UndefinedStatistic } from '../../stats/undefined-statistic.js';
import { undefinedStatistic } from '../../stats/undefined-statistic.js';
import type { GateRules } from './gate-rules.js';
import type { JudgedLosses, SideValues } from './judged-losses.js';
import { gathered } from './judged-losses.js';
import type { MarginInterval } from './margin-interval.js';
import { marginInterval } from './margin-interval.js';
import {
  intervalOfMean,
  joinMeans,
  joinPaired,
  MeanTally,
  meanTallyOf,
  PairedTally,
  pairedTallyOf,
} from './mean-tally.js';
import type { PairedRows } from './paired-rows.js';
import { scratch } from './scratch.js';

/** Candidate loss − (1 + margin) × control loss of the judged rows. */
const MarginTally = z.strictObject({
  ...MeanTally.shape,
  cubedDeviations: z.number(),
  least: z.number(),
  most: z.number(),
});
type MarginTally = z.infer<typeof MarginTally>;

/** Rows whose value is off by no more than a limit, and of those, the ones of one side alone. */
const WithinTally = z.strictObject({
  control: z.number(),
  controlOnly: z.number(),
  candidateOnly: z.number(),
});
type WithinTally = z.infer<typeof WithinTally>;

/** What the losses of some rows come to. */
export const LossTally = z.strictObject({
  judged: z.number(),
  /** Judged rows whose truth is 1; of meaning for binary tasks only. */
  positives: z.number(),
  /** Why there is no loss, of the first rows that have none. */
  problem: z.string().optional(),
  loss: PairedTally.optional(),
  margin: MarginTally.optional(),
  /** Binary only. */
  brier: PairedTally.optional(),
  /** Of a regression: errors with their sign, and squared. */
  error: PairedTally.optional(),
  squaredError: PairedTally.optional(),
  within: WithinTally.optional(),
});
export type LossTally = z.infer<typeof LossTally>;

export function lossTallyOf(
  rows: PairedRows,
  judged: JudgedLosses,
  { margin, errorWithin }: Pick<GateRules, 'margin' | 'errorWithin'>,
): LossTally {
  const { row, loss, problem, brier } = judged;
  if (row.length === 0) return { judged: 0, positives: 0 };
  const truth = gathered(rows.truth, row, (length) => scratch('truth', length));
  const cell = cellsOf(rows.cell, row);
  let positives = 0;
  for (let index = 0; index < truth.length; index += 1) positives += truth[index] === 1 ? 1 : 0;
  const errors = rows.task === 'regression' ? errorsOf(rows, row, truth) : undefined;
  return {
    judged: row.length,
    positives,
    problem,
    loss: loss === undefined ? undefined : pairedTallyOf(loss, cell),
    margin: loss === undefined ? undefined : marginTallyOf(loss, margin, cell),
    brier: brier === undefined ? undefined : pairedTallyOf(brier, cell),
    error: errors === undefined ? undefined : pairedTallyOf(errors, cell),
    squaredError: errors === undefined ? undefined : pairedTallyOf(squared(errors), cell),
    within:
      errors === undefined || errorWithin === undefined ? undefined : withinTallyOf(errors, errorWithin),
  };
}

export function joinLosses(earlier: LossTally, later: LossTally): LossTally {
  return {
    judged: earlier.judged + later.judged,
    positives: earlier.positives + later.positives,
    problem: earlier.problem ?? later.problem,
    loss: joinPaired(earlier.loss, later.loss),
    margin: joinMargins(earlier.margin, later.margin),
    brier: joinPaired(earlier.brier, later.brier),
    error: joinPaired(earlier.error, later.error),
    squaredError: joinPaired(earlier.squaredError, later.squaredError),
    within: joinWithin(earlier.within, later.within),
  };
}

/** The share of the variance of the margin's difference that the farthest row makes up; in [0, 1]. */
export function largestVarianceShare(margin: MarginTally | undefined): number {
  if (margin === undefined || !(margin.squaredDeviations > 0)) return 0;
  const { mean, least, most, squaredDeviations } = margin;
  return Math.min(1, Math.max((most - mean) ** 2, (least - mean) ** 2) / squaredDeviations);
}

/** With the skewness of the differences: over cells where there are any, else over rows. */
export function intervalOfMargin(margin: MarginTally | undefined): MarginInterval | UndefinedStatistic {
  if (margin === undefined) return undefinedStatistic('there is no loss');
  const skewness = margin.cells === undefined ? skewnessOfMoments(margin) : skewnessOfMean(margin.cells);
  return marginInterval(intervalOfMean(margin), skewness);
}

function marginTallyOf(
  { control, candidate }: SideValues,
  margin: number,
  cell: Uint16Array | undefined,
): MarginTally {
  const differences = scratch('margin', control.length);
  let least = Infinity;
  let most = -Infinity;
  for (let index = 0; index < differences.length; index += 1) {
    // As `marginDifference`, whose object a row would cost more than the rest.
    const value = (candidate[index] ?? Number.NaN) - (1 + margin) * (control[index] ?? Number.NaN);
    differences[index] = value;
    if (value < least) least = value;
    if (value > most) most = value;
  }
  const tally = meanTallyOf(differences, cell);
  let cubedDeviations = 0;
  for (let index = 0; index < differences.length; index += 1) {
    const gap = (differences[index] ?? Number.NaN) - tally.mean;
    cubedDeviations += gap * gap * gap;
  }
  return { ...tally, cubedDeviations, least, most };
}

function joinMargins(
  earlier: MarginTally | undefined,
  later: MarginTally | undefined,
): MarginTally | undefined {
  if (earlier === undefined || later === undefined) return earlier ?? later;
  return {
    ...joinMeans(earlier, later),
    cubedDeviations: mergeCubedDeviations(earlier, later),
    least: Math.min(earlier.least, later.least),
    most: Math.max(earlier.most, later.most),
  };
}

function withinTallyOf({ control, candidate }: SideValues, limit: number): WithinTally {
  const tally = { control: 0, controlOnly: 0, candidateOnly: 0 };
  for (let index = 0; index < control.length; index += 1) {
    const before = Math.abs(control[index] ?? Number.NaN) <= limit;
    const after = Math.abs(candidate[index] ?? Number.NaN) <= limit;
    if (before) tally.control += 1;
    if (before && !after) tally.controlOnly += 1;
    if (after && !before) tally.candidateOnly += 1;
  }
  return tally;
}

function joinWithin(
  earlier: WithinTally | undefined,
  later: WithinTally | undefined,
): WithinTally | undefined {
  if (earlier === undefined || later === undefined) return earlier ?? later;
  return {
    control: earlier.control + later.control,
    controlOnly: earlier.controlOnly + later.controlOnly,
    candidateOnly: earlier.candidateOnly + later.candidateOnly,
  };
}

function errorsOf(rows: PairedRows, row: Int32Array, truth: Float64Array): SideValues {
  const of = (values: Float64Array, side: 'control' | 'candidate'): Float64Array => {
    const picked = gathered(values, row, (length) => scratch(`${side}-score`, length));
    const errors = scratch(`${side}-error`, picked.length);
    for (let index = 0; index < errors.length; index += 1) {
      errors[index] = (picked[index] ?? Number.NaN) - (truth[index] ?? Number.NaN);
    }
    return errors;
  };
  return { control: of(rows.control.value, 'control'), candidate: of(rows.candidate.value, 'candidate') };
}

function squared({ control, candidate }: SideValues): SideValues {
  return { control: control.map((value) => value ** 2), candidate: candidate.map((value) => value ** 2) };
}

/** Of the judged rows. */
export function cellsOf(cell: Uint16Array | undefined, row: Int32Array): Uint16Array | undefined {
  if (cell === undefined || row.length === cell.length) return cell;
  return Uint16Array.from(row, (at) => cell[at] ?? 0);
}
