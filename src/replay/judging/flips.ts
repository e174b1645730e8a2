import { wilsonInterval } from '../../stats/proportion.js';
import type { Flips } from '../report/report-schema.js';
import { intervalOf } from './interval-of.js';
import type { PairedRows } from './paired-rows.js';
import { replaySettings } from './replay-settings.js';

/** How labels changed between the sides, counted over all compared rows and, for right and wrong, over the judged ones. */
export interface FlipCounts {
  readonly rows: number;
  readonly flipped: number;
  readonly judged: number;
  readonly controlRight: number;
  readonly rightToWrong: number;
  readonly wrongToRight: number;
  /** Rows with these label codes. */
  cell(control: number, candidate: number): number;
  /** Those of them whose truth is known. */
  judgedCell(control: number, candidate: number): number;
}

export interface FlipTally extends FlipCounts {
  add(rows: PairedRows): void;
}

/** Not for a regression: it has no labels. */
export function flipTally(): FlipTally {
  // Codes of several classes may come up while rows are read, so the matrix cannot be laid out beforehand.
  const cells = new Map<number, number>();
  const judgedCells = new Map<number, number>();
  const codesMax = 2 ** 20;
  const counts = { rows: 0, flipped: 0, judged: 0, controlRight: 0, rightToWrong: 0, wrongToRight: 0 };
  return {
    get rows() {
      return counts.rows;
    },
    get flipped() {
      return counts.flipped;
    },
    get judged() {
      return counts.judged;
    },
    get controlRight() {
      return counts.controlRight;
    },
    get rightToWrong() {
      return counts.rightToWrong;
    },
    get wrongToRight() {
      return counts.wrongToRight;
    },
    cell: (control, candidate) => cells.get(control * codesMax + candidate) ?? 0,
    judgedCell: (control, candidate) => judgedCells.get(control * codesMax + candidate) ?? 0,
    add: (rows) => {
      const control = rows.control.label;
      const candidate = rows.candidate.label;
      const width = rows.labels.length;
      const block = new Int32Array(width * width);
      const judgedBlock = new Int32Array(width * width);
      counts.rows += rows.rows;
      for (let row = 0; row < rows.rows; row += 1) {
        const before = control[row] ?? 0;
        const after = candidate[row] ?? 0;
        const truth = rows.truth[row] ?? Number.NaN;
        const at = before * width + after;
        block[at] = (block[at] ?? 0) + 1;
        if (before !== after) counts.flipped += 1;
        if (Number.isNaN(truth)) continue;
        counts.judged += 1;
        judgedBlock[at] = (judgedBlock[at] ?? 0) + 1;
        if (before === truth) {
          counts.controlRight += 1;
          if (after !== truth) counts.rightToWrong += 1;
        } else if (after === truth) counts.wrongToRight += 1;
      }
      for (const [at, count] of block.entries()) {
        if (count === 0) continue;
        const key = Math.floor(at / width) * codesMax + (at % width);
        cells.set(key, (cells.get(key) ?? 0) + count);
        judgedCells.set(key, (judgedCells.get(key) ?? 0) + (judgedBlock[at] ?? 0));
      }
    },
  };
}

/** The counts as they stand in the report; null without rows or labels. */
export function flipsOf(labels: readonly string[], counts: FlipCounts | undefined): Flips | null {
  if (counts === undefined) return null;
  const rate = wilsonInterval({
    successes: counts.flipped,
    trials: counts.rows,
    level: replaySettings.level,
  });
  if (rate.kind === 'undefined') return null;
  return {
    rows: counts.rows,
    flipped: counts.flipped,
    rate: rate.estimate,
    interval: intervalOf(rate),
    labels: [...labels],
    matrix: labels.map((_, control) => labels.map((__, candidate) => counts.cell(control, candidate))),
    judged: counts.judged,
    judgedMatrix: labels.map((_, control) =>
      labels.map((__, candidate) => counts.judgedCell(control, candidate)),
    ),
    rightToWrong: counts.rightToWrong,
    wrongToRight: counts.wrongToRight,
  };
}
