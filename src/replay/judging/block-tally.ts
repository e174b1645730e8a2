import { z } from 'zod';
import { CalibrationTally, calibrationTallyOf, joinCalibrations } from './calibration-tally.js';
import { addToCell, CellSums, emptyCells, joinCells } from './cell-sums.js';
import { DayTally, dayTallyOf, joinDays } from './day-tally.js';
import { DensityCounts, densityCountsOf, joinDensities } from './density-tally.js';
import type { GateRules } from './gate-rules.js';
import type { JudgedLosses, SideValues } from './judged-losses.js';
import { joinJoint, JointTally, jointTallyOf } from './joint-tally.js';
import { joinLabels, LabelTally, labelTallyOf } from './label-tally.js';
import { joinLosses, LossTally, lossTallyOf } from './loss-tally.js';
import { joinPaired, PairedTally, pairedTallyOf } from './mean-tally.js';
import type { PairedRows } from './paired-rows.js';
import { scratch } from './scratch.js';
import type { GroupCodes, SliceFeature } from './slices/slice-feature.js';
import { joinSlices, SliceTally, sliceTallyOf } from './slices/slice-tally.js';
import { joinWorst, WorstRow, worstRowsOf } from './worst-rows.js';

/** All that is summed over the rows of some blocks: plain data, as large for a million rows as for one. */
export const BlockTally = z.strictObject({
  rows: z.number(),
  /** Rows whose labels differ, or whose scores do by more than the tolerance. */
  beyond: z.number(),
  /** The same by the cell of the subject: rows, and those beyond. */
  beyondCells: CellSums.optional(),
  losses: LossTally,
  days: DayTally,
  /** Scores or values of both sides; undefined: some row has none. */
  values: PairedTally.optional(),
  density: DensityCounts.optional(),
  /** Binary only, as the next. */
  joint: JointTally.optional(),
  calibration: CalibrationTally.optional(),
  /** Classifications only. */
  labels: LabelTally.optional(),
  /** By slice feature; null: not declared. */
  slices: z.array(SliceTally.nullable()),
  worstByLoss: z.array(WorstRow),
  worstByDistance: z.array(WorstRow),
});
export type BlockTally = z.infer<typeof BlockTally>;

/** Of a block with rows. `codes`: undefined where the groups of rows are not known, so that there are no slices. */
export function blockTallyOf(
  rows: PairedRows,
  judged: JudgedLosses,
  setting: {
    readonly rules: GateRules;
    readonly features: readonly SliceFeature[];
    readonly codes: GroupCodes | undefined;
  },
): BlockTally {
  const { rules, features, codes } = setting;
  const { control, candidate, task } = rows;
  const distances = scratch('distance', rows.rows);
  const beyondCells = rows.cell === undefined ? undefined : emptyCells();
  let beyond = 0;
  for (let row = 0; row < rows.rows; row += 1) {
    const isFlipped = control.label[row] !== candidate.label[row];
    const before = control.value[row] ?? Number.NaN;
    const distance =
      rows.scoreDistance === undefined
        ? Math.abs((candidate.value[row] ?? Number.NaN) - before)
        : (rows.scoreDistance[row] ?? Number.NaN);
    // Values of a regression: relative to the control's where it is above 1. Without scores the labels alone decide.
    const scale = task === 'regression' ? Math.max(1, Math.abs(before)) : 1;
    const isBeyond = isFlipped || distance > rules.tolerance * scale;
    if (isBeyond) beyond += 1;
    if (beyondCells !== undefined) addToCell(beyondCells, rows.cell?.[row] ?? 0, isBeyond ? 1 : 0);
    distances[row] = Number.isNaN(distance) ? (isFlipped ? 1 : 0) : distance;
  }
  const hasValues = !control.value.includes(Number.NaN) && !candidate.value.includes(Number.NaN);
  const { row, loss } = judged;
  const increase = loss === undefined ? undefined : increasesOf(loss);
  return {
    rows: rows.rows,
    beyond,
    beyondCells,
    losses: lossTallyOf(rows, judged, rules),
    days: dayTallyOf(rows, judged),
    values: hasValues
      ? pairedTallyOf({ control: control.value, candidate: candidate.value }, rows.cell)
      : undefined,
    density: densityCountsOf(rows),
    joint: hasValues && task === 'binary-classification' ? jointTallyOf(rows) : undefined,
    calibration: task === 'binary-classification' ? calibrationTallyOf(rows) : undefined,
    labels: task === 'regression' ? undefined : labelTallyOf(rows),
    slices: features.map(({ declared, labels }, index) =>
      declared && codes !== undefined
        ? sliceTallyOf(rows, judged, {
            groups: labels.length,
            codes: codes(index, undefined),
            allowed: rules.margin,
          })
        : null,
    ),
    worstByLoss: increase === undefined ? [] : worstRowsOf(rows, increase, row),
    worstByDistance: worstRowsOf(rows, distances, undefined),
  };
}

function increasesOf({ control, candidate }: SideValues): Float64Array {
  const increase = scratch('increase', control.length);
  for (let index = 0; index < increase.length; index += 1) {
    increase[index] = (candidate[index] ?? Number.NaN) - (control[index] ?? Number.NaN);
  }
  return increase;
}

/** Of neighbours, the earlier first. What one of them lacks, both lack; labels and slices they both have or both lack. */
export function joinBlocks(earlier: BlockTally, later: BlockTally): BlockTally {
  const both = <Part>(a: Part | undefined, b: Part | undefined, join: (a: Part, b: Part) => Part) =>
    a === undefined || b === undefined ? undefined : join(a, b);
  return {
    rows: earlier.rows + later.rows,
    beyond: earlier.beyond + later.beyond,
    beyondCells: joinCells(earlier.beyondCells, later.beyondCells),
    losses: joinLosses(earlier.losses, later.losses),
    days: joinDays(earlier.days, later.days),
    values: both(earlier.values, later.values, (a, b) => joinPaired(a, b) ?? a),
    density: both(earlier.density, later.density, joinDensities),
    joint: both(earlier.joint, later.joint, joinJoint),
    calibration: both(earlier.calibration, later.calibration, joinCalibrations),
    labels: both(earlier.labels, later.labels, joinLabels),
    slices: earlier.slices.map((slice, index) => {
      const other = later.slices[index] ?? null;
      return slice === null || other === null ? null : joinSlices(slice, other);
    }),
    worstByLoss: joinWorst(earlier.worstByLoss, later.worstByLoss),
    worstByDistance: joinWorst(earlier.worstByDistance, later.worstByDistance),
  };
}
