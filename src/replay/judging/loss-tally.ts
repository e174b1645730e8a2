import { exactMoments } from '../../stats/exact-moments.js';
import { clusteredMeanInterval } from '../../stats/clustered-mean.js';
import type { MeanInterval } from '../../stats/paired-mean.js';
import { marginDifference, meanInterval } from '../../stats/paired-mean.js';
import type { UndefinedStatistic } from '../../stats/undefined-statistic.js';
import { cellTally, type CellTally } from './cell-sums.js';
import type { JudgedLosses, SideValues } from './judged-losses.js';
import { clipOf, judgedLosses } from './judged-losses.js';
import type { MeanTally } from './mean-tally.js';
import { meanTally } from './mean-tally.js';
import type { PairedRows } from './paired-rows.js';
import { replaySettings } from './replay-settings.js';

/** What the losses of all rows so far come to. */
export interface LossTally {
  /** Gives back the losses of these rows; the rest of the judging shares them. */
  add(rows: PairedRows): JudgedLosses;
  /** Why there is no loss; undefined: there is, or no row has a truth. */
  readonly problem: string | undefined;
  readonly judged: number;
  /** Judged rows whose truth is 1; of meaning for binary tasks only. */
  readonly positives: number;
  readonly loss: MeanTally;
  readonly brier: MeanTally;
  /** Errors of a regression, with their sign. */
  readonly error: MeanTally;
  /** Of candidate loss − (1 + margin) × control loss: exact; over cells where there are any. */
  marginInterval(): MeanInterval | UndefinedStatistic;
  /** The share of the variance of that difference that the farthest row makes up; in [0, 1]. */
  largestVarianceShare(): number;
}

/** `margin`: see `GateRules`. */
export function lossTally(allowed: number): LossTally {
  const loss = meanTally();
  const brier = meanTally();
  const error = meanTally();
  const difference = exactMoments();
  let clip: number | undefined;
  let problem: string | undefined;
  let judged = 0;
  let positives = 0;
  let least = Infinity;
  let most = -Infinity;
  let cells: CellTally | undefined;

  const addDifferences = ({ control, candidate }: SideValues, cell: Uint16Array | undefined): void => {
    const values = new Float64Array(control.length);
    for (let index = 0; index < control.length; index += 1) {
      const value = marginDifference({
        candidate: candidate[index] ?? Number.NaN,
        control: control[index] ?? Number.NaN,
        margin: allowed,
      });
      difference.add(value);
      values[index] = value;
      if (value < least) least = value;
      if (value > most) most = value;
    }
    if (cell === undefined) return;
    cells ??= cellTally();
    cells.add(values, cell);
  };

  return {
    loss,
    brier,
    error,
    get problem() {
      return problem;
    },
    get judged() {
      return judged;
    },
    get positives() {
      return positives;
    },
    add: (rows) => {
      // The first rows that have a truth decide, so that rows can be judged as they come.
      clip ??= clipOf(rows);
      const found = judgedLosses(rows, clip ?? 0);
      judged += found.row.length;
      for (let index = 0; index < found.row.length; index += 1)
        positives += rows.truth[found.row[index] ?? 0] ?? 0;
      if (found.row.length === 0) return found;
      problem ??= found.problem;
      const cell = cellsOf(rows.cell, found.row);
      if (found.loss !== undefined) {
        loss.add(found.loss, cell);
        addDifferences(found.loss, cell);
      }
      if (found.brier !== undefined) brier.add(found.brier, cell);
      if (rows.task === 'regression') error.add(errorsOf(rows, found.row), cell);
      return found;
    },
    marginInterval: () =>
      cells === undefined
        ? meanInterval({ moments: difference.moments(), level: replaySettings.level })
        : clusteredMeanInterval({ clusters: cells.clusters, level: replaySettings.level }),
    largestVarianceShare: () => {
      const { mean, squaredDeviations } = difference.moments();
      const farthest = Math.max((most - mean) ** 2, (least - mean) ** 2);
      return squaredDeviations > 0 ? farthest / squaredDeviations : 0;
    },
  };
}

function errorsOf(rows: PairedRows, judgedRow: Int32Array): SideValues {
  const of = (values: Float64Array): Float64Array => {
    const found = new Float64Array(judgedRow.length);
    for (let index = 0; index < found.length; index += 1) {
      const row = judgedRow[index] ?? 0;
      found[index] = (values[row] ?? Number.NaN) - (rows.truth[row] ?? Number.NaN);
    }
    return found;
  };
  return { control: of(rows.control.value), candidate: of(rows.candidate.value) };
}

function cellsOf(cell: Uint16Array | undefined, row: Int32Array): Uint16Array | undefined {
  return cell === undefined ? undefined : Uint16Array.from(row, (at) => cell[at] ?? 0);
}
