import type { Density, ReplayExpectation, ReplayMetric, ReplayReport } from '../report/report-schema.js';
import { calibrationTally } from './calibration-tally.js';
import { dayTally } from './day-tally.js';
import { flipsOf, flipTally } from './flips.js';
import { agreementGate, failureGate, lossGate } from './gates.js';
import { defaultRules, type GateRules } from './gate-rules.js';
import { lossTally } from './loss-tally.js';
import { meanTally } from './mean-tally.js';
import { metricGates } from './metric-gates.js';
import { metricsOf } from './metrics.js';
import type { PairedRows } from './paired-rows.js';
import { beyondTolerance, distanceAt, rowRange } from './paired-rows.js';
import { quantilesBySelection } from './quantiles-by-selection.js';
import type { WorstPick } from './worst-rows.js';
import { worstTally } from './worst-rows.js';
import { correctedGates } from './corrected-gates.js';
import { discoverSlices, type SliceSearch } from './slices/discover-slices.js';
import { slicesOf } from './slices/judged-slices.js';
import type { GroupCodes, SliceFeature } from './slices/slice-feature.js';
import { sliceSampler } from './slices/slice-sample.js';
import { sliceTally } from './slices/slice-tally.js';

export type Judgement = Pick<
  ReplayReport,
  'gates' | 'metrics' | 'flips' | 'shift' | 'density' | 'calibration' | 'days' | 'slices'
> & {
  /** Compared rows whose truth is known. */
  readonly judged: number;
  readonly worst: WorstPick;
  /** Undefined: there were no features to search over. */
  readonly search: SliceSearch | undefined;
};

export interface Judge {
  /**
   * The rows `from` to `until`, right after those that were added before; what is in the arrays stays as it is. `codes`: of
   * these rows; asked only before this returns.
   */
  add(rows: PairedRows, from: number, until: number, codes?: GroupCodes): void;
  /** The judgement of all rows, which are those that were added. */
  finish(
    rows: PairedRows,
    options: { readonly expect: ReplayExpectation; readonly candidateFailed: number },
  ): Judgement;
}

/**
 * Judges the compared rows as they come, so that the judging hides behind the model; only what needs all rows at once (AUC,
 * quantiles) is left for the end. Pure: the same rows in the same blocks give the same judgement to the last bit.
 */
export function createJudge(
  setting: {
    readonly features?: readonly SliceFeature[];
    /** About how many rows will come. */
    readonly rowsExpected?: number;
    readonly rules?: GateRules;
  } = {},
): Judge {
  const { features = [], rowsExpected = 0, rules = defaultRules } = setting;
  const slices = features.map(({ declared, labels }) =>
    declared ? sliceTally(labels.length, rules.margin) : undefined,
  );
  const sampler = sliceSampler(features.length, rowsExpected);
  const losses = lossTally(rules.margin);
  const flips = flipTally();
  const days = dayTally();
  const calibration = calibrationTally();
  const values = meanTally();
  const byLoss = worstTally();
  const byDistance = worstTally();
  let beyond = 0;
  let withoutValue = false;

  return {
    add: (rows, from, until, codes) => {
      if (from === until) return;
      const block = rowRange(rows, from, until);
      const judged = losses.add(block);
      days.add(block, judged);
      calibration.add(block);
      if (codes !== undefined) {
        for (const [index, tally] of slices.entries()) tally?.add(block, judged, codes(index, undefined));
        sampler.add(block, judged, codes);
      }
      if (rows.task !== 'regression') flips.add(block);
      if (block.control.value.includes(Number.NaN)) withoutValue = true;
      else values.add({ control: block.control.value, candidate: block.candidate.value }, block.cell);
      for (let row = 0; row < block.rows; row += 1) {
        if (beyondTolerance(block, row, rules.tolerance)) beyond += 1;
        const distance = distanceAt(block, row);
        const flipped = block.control.label[row] === block.candidate.label[row] ? 0 : 1;
        byDistance.add(from + row, Number.isNaN(distance) ? flipped : distance);
      }
      const { row, loss } = judged;
      if (loss === undefined) return;
      for (let index = 0; index < row.length; index += 1) {
        byLoss.add(from + (row[index] ?? 0), (loss.candidate[index] ?? 0) - (loss.control[index] ?? 0));
      }
    },
    finish: (rows, { expect, candidateFailed }) => {
      const counts = rows.task === 'regression' ? undefined : flips;
      const metrics = metricsOf({ rows, losses, flips: counts, values: withoutValue ? undefined : values });
      const judgedByLoss = losses.loss.rows > 0 && losses.problem === undefined;
      const judgedSlices = slicesOf({ task: rows.task, features, tallies: slices, losses, rules });
      const gates = {
        same: () => [agreementGate(rules, { rows: rows.rows, beyond, candidateFailed })],
        'no-worse': () => [
          lossGate(rows.task, rules.margin, {
            judged: losses.judged,
            positives: losses.positives,
            problem: losses.problem,
            loss: losses.loss,
            margin: losses.marginInterval(),
            largestVarianceShare: losses.largestVarianceShare(),
            slice: null,
          }),
          ...(candidateFailed === 0 ? [] : [failureGate(rules, { rows: rows.rows, candidateFailed })]),
          ...judgedSlices.gates,
        ],
        anything: () => [],
      };
      return {
        judged: losses.judged,
        gates: correctedGates([...gates[expect](), ...metricGates(rules, { metrics, flips: counts })]),
        slices: judgedSlices.slices,
        search: features.length === 0 ? undefined : discoverSlices(features, sampler.take()),
        metrics,
        flips: flipsOf(rows.labels, counts),
        shift: shiftOf(rows, metrics, { beyond, tolerance: rules.tolerance }),
        density: densityOf(rows),
        calibration: calibration.result(),
        days: days.list(),
        worst: judgedByLoss ? { by: 'loss', rows: byLoss.rows } : { by: 'distance', rows: byDistance.rows },
      };
    },
  };
}

function shiftOf(
  rows: PairedRows,
  metrics: readonly ReplayMetric[],
  { beyond, tolerance }: { readonly beyond: number; readonly tolerance: number },
): Judgement['shift'] {
  const distances = new Float64Array(rows.rows);
  for (let row = 0; row < rows.rows; row += 1) distances[row] = distanceAt(rows, row);
  // A model without scores has no distances.
  if (rows.rows === 0 || distances.includes(Number.NaN)) return null;
  const mean = metrics.find((metric) => metric.name === 'mean score' || metric.name === 'mean value');
  const probabilities = [0.5, 0.9, 0.99, 1];
  const quantiles = quantilesBySelection(distances, probabilities);
  return {
    mean: mean?.difference ?? null,
    interval: mean?.interval ?? null,
    distance: probabilities.map((probability, index) => ({
      probability,
      value: quantiles[index] ?? Number.NaN,
    })),
    tolerance,
    beyondTolerance: beyond,
  };
}

const densityBins = 50;

function densityOf(rows: PairedRows): Density | null {
  if (rows.rows === 0 || rows.scoreDistance !== undefined || rows.control.value.includes(Number.NaN))
    return null;
  let from = 0;
  let until = 1;
  if (rows.task === 'regression') {
    [from, until] = rangeOf(rows.control.value, rangeOf(rows.candidate.value, [Infinity, -Infinity]));
    if (from === until) until = from + 1;
  }
  const countsOf = (values: Float64Array): number[] => {
    const counts = Array.from({ length: densityBins }, () => 0);
    for (let row = 0; row < values.length; row += 1) {
      const bin = Math.floor((((values[row] ?? 0) - from) / (until - from)) * densityBins);
      const at = Math.min(densityBins - 1, Math.max(0, bin));
      counts[at] = (counts[at] ?? 0) + 1;
    }
    return counts;
  };
  return { from, until, control: countsOf(rows.control.value), candidate: countsOf(rows.candidate.value) };
}

function rangeOf(values: Float64Array, [least, most]: readonly [number, number]): [number, number] {
  let low = least;
  let high = most;
  for (let row = 0; row < values.length; row += 1) {
    const value = values[row] ?? 0;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}
