import { quantileOfSorted } from '../../stats/quantiles.js';
import type { Day, Density, ReplayExpectation, ReplayReport } from '../report/report-schema.js';
import { countFlips, flipsOf } from './flips.js';
import { agreementGate, countBeyondTolerance, failureGate, lossGate } from './gates.js';
import type { JudgedLosses } from './judged-losses.js';
import { judgedLosses } from './judged-losses.js';
import { metricsOf } from './metrics.js';
import type { PairedRows } from './paired-rows.js';
import { distanceAt } from './paired-rows.js';
import { replaySettings } from './replay-settings.js';
import type { WorstPick } from './worst-rows.js';
import { worstRows } from './worst-rows.js';

export type Judgement = Pick<ReplayReport, 'gates' | 'metrics' | 'flips' | 'shift' | 'density' | 'days'> & {
  /** Compared rows whose truth is known. */
  readonly judged: number;
  readonly worst: WorstPick;
};

/** Judges the compared rows. Pure: the same rows give the same judgement to the last bit. */
export function judge(options: {
  readonly rows: PairedRows;
  readonly expect: ReplayExpectation;
  readonly candidateFailed: number;
}): Judgement {
  const { rows, expect, candidateFailed } = options;
  const judged = judgedLosses(rows);
  const flips = countFlips(rows);
  const metrics = metricsOf(rows, judged, flips);
  return {
    judged: judged.row.length,
    gates: gatesOf(rows, judged, expect, candidateFailed),
    metrics,
    flips: flipsOf(rows, flips),
    shift: shiftOf(rows, metrics),
    density: densityOf(rows),
    days: daysOf(rows, judged),
    worst: worstRows(rows, judged),
  };
}

function gatesOf(rows: PairedRows, judged: JudgedLosses, expect: ReplayExpectation, candidateFailed: number) {
  switch (expect) {
    case 'same':
      return [agreementGate(rows, candidateFailed)];
    case 'no-worse': {
      const loss = lossGate(rows, judged);
      return candidateFailed === 0 ? [loss] : [loss, failureGate(rows, candidateFailed)];
    }
    case 'anything':
      return [];
  }
}

function shiftOf(rows: PairedRows, metrics: Judgement['metrics']): Judgement['shift'] {
  const distances = new Float64Array(rows.rows);
  for (let row = 0; row < rows.rows; row += 1) distances[row] = distanceAt(rows, row);
  distances.sort();
  // A model without scores has no distances; NaN sorts last.
  if (rows.rows === 0 || Number.isNaN(distances[distances.length - 1])) return null;
  const mean = metrics.find((metric) => metric.name === 'mean score' || metric.name === 'mean value');
  return {
    mean: mean?.difference ?? null,
    interval: mean?.interval ?? null,
    distance: [0.5, 0.9, 0.99, 1].map((probability) => ({
      probability,
      value: quantileOfSorted(distances, probability),
    })),
    tolerance: replaySettings.tolerance,
    beyondTolerance: countBeyondTolerance(rows),
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

const dayMicros = 86_400_000_000;

interface DaySums {
  rows: number;
  judged: number;
  control: number;
  candidate: number;
}

/** Rows and mean losses by UTC day, ascending. */
function daysOf(rows: PairedRows, judged: JudgedLosses): Day[] {
  const days = new Map<number, DaySums>();
  // Rows come in the order of the log, so most have the day of the one before.
  let lastDay = Number.NaN;
  let lastSums: DaySums = { rows: 0, judged: 0, control: 0, candidate: 0 };
  const sumsOf = (row: number): DaySums => {
    const day = Math.floor((rows.occurredAt[row] ?? 0) / dayMicros);
    if (day === lastDay) return lastSums;
    lastDay = day;
    lastSums = days.get(day) ?? { rows: 0, judged: 0, control: 0, candidate: 0 };
    days.set(day, lastSums);
    return lastSums;
  };
  for (let row = 0; row < rows.rows; row += 1) sumsOf(row).rows += 1;
  const { loss } = judged;
  for (let index = 0; index < judged.row.length; index += 1) {
    const sums = sumsOf(judged.row[index] ?? 0);
    sums.judged += 1;
    sums.control += loss?.control[index] ?? 0;
    sums.candidate += loss?.candidate[index] ?? 0;
  }
  return [...days]
    .sort(([first], [second]) => first - second)
    .map(([day, sums]) => {
      const known = loss !== undefined && sums.judged > 0;
      return {
        day: new Date(day * (dayMicros / 1000)).toISOString().slice(0, 10),
        rows: sums.rows,
        judged: sums.judged,
        controlLoss: known ? sums.control / sums.judged : null,
        candidateLoss: known ? sums.candidate / sums.judged : null,
      };
    });
}
