import type { Task } from '../../schemas/model-manifest.js';

/**
 * The compared rows of one block, side by side, in the order of the read: what the judging half works on. Every array has
 * `rows` entries. `labels`: names of the label codes; binary: code 1 is the positive class.
 */
export interface PairedRows {
  readonly task: Task;
  readonly rows: number;
  readonly labels: readonly string[];
  readonly positions: Float64Array;
  /** `occurredAt`, microseconds UTC. */
  readonly occurredAt: Float64Array;
  readonly control: PairedSide;
  readonly candidate: PairedSide;
  /** Binary: 0 or 1; several classes: the label code; regression: the number. NaN: not known. */
  readonly truth: Float64Array;
  /** Several classes only: the largest difference of a class's score. */
  readonly scoreDistance: Float64Array | undefined;
  /** Rows that share a subject share a cell; undefined: no row has a subject, so each stands for itself. */
  readonly cell: Uint16Array | undefined;
  /**
   * How far scores are kept from 0 and 1 before their logarithm is taken, the same in all blocks of a replay: the spacing of
   * 32-bit floats when either side answers in them, else that of doubles. One for both sides: a side that is stored in
   * more digits must not be punished harder for the same mistake.
   */
  readonly clip: number;
}

export interface PairedSide {
  /** Score of the positive class, or the value of a regression; NaN for several classes. */
  readonly value: Float64Array;
  /** Label codes; -1 where there is no label (regression). */
  readonly label: Int32Array;
  /** Several classes only: the score that the true class got; NaN where truth or score is unknown. */
  readonly truthScore: Float64Array | undefined;
}

/** How far the two sides are apart in one row: |difference| of score or value, or the largest over the classes. */
export function distanceAt(rows: PairedRows, row: number): number {
  if (rows.scoreDistance !== undefined) return rows.scoreDistance[row] ?? Number.NaN;
  return Math.abs((rows.candidate.value[row] ?? Number.NaN) - (rows.control.value[row] ?? Number.NaN));
}
