import { z } from 'zod';
import { sumOfArrays } from './cell-sums.js';
import type { PairedRows } from './paired-rows.js';
import { subjectCells } from './subject-cells.js';

const Cells = z.instanceof(Float64Array);

/** By the cell of the subject. */
const LabelCells = z.strictObject({
  rows: Cells,
  flipped: Cells,
  judged: Cells,
  rightToWrong: Cells,
  wrongToRight: Cells,
  /** Binary: from the negative label to the positive one, and back. */
  toPositive: Cells,
  toNegative: Cells,
});
export type LabelCells = z.infer<typeof LabelCells>;

/** Rows by truth and both labels. Labels by name: their codes are of one read alone. */
export const LabelTally = z.strictObject({
  counts: z.array(
    z.strictObject({
      /** Null: not known. */
      truth: z.string().nullable(),
      control: z.string(),
      candidate: z.string(),
      rows: z.number(),
    }),
  ),
  cells: LabelCells.optional(),
});
export type LabelTally = z.infer<typeof LabelTally>;

/** Of a block of a classification. */
export function labelTallyOf(rows: PairedRows): LabelTally {
  const { labels } = rows;
  const width = labels.length;
  const name = (code: number): string => labels[code] ?? '';
  const counts: LabelTally['counts'] = [];
  for (const [key, count] of countsByCode(rows, width)) {
    const truth = Math.floor(key / (width * width));
    counts.push({
      truth: truth === width ? null : name(truth),
      control: name(Math.floor(key / width) % width),
      candidate: name(key % width),
      rows: count,
    });
  }
  return { counts, ...(rows.cell === undefined ? undefined : { cells: labelCellsOf(rows, rows.cell) }) };
}

export function joinLabels(earlier: LabelTally, later: LabelTally): LabelTally {
  const counts = new Map(earlier.counts.map((count) => [keyOf(count), count]));
  for (const count of later.counts) {
    const before = counts.get(keyOf(count));
    counts.set(keyOf(count), before === undefined ? count : { ...count, rows: before.rows + count.rows });
  }
  return { counts: [...counts.values()], cells: joinLabelCells(earlier.cells, later.cells) };
}

function keyOf({ truth, control, candidate }: LabelTally['counts'][number]): string {
  return JSON.stringify([truth, control, candidate]);
}

/** Of few labels a table is faster than a map; truth unknown is one more label. */
const tableCellsMax = 4_096;

function countsByCode(rows: PairedRows, width: number): readonly (readonly [number, number])[] {
  const control = rows.control.label;
  const candidate = rows.candidate.label;
  const keyAt = (row: number): number => {
    const truth = rows.truth[row] ?? Number.NaN;
    const known = Number.isNaN(truth) ? width : truth;
    return (known * width + (control[row] ?? 0)) * width + (candidate[row] ?? 0);
  };
  const size = (width + 1) * width * width;
  if (size > tableCellsMax) {
    const counts = new Map<number, number>();
    for (let row = 0; row < rows.rows; row += 1) counts.set(keyAt(row), (counts.get(keyAt(row)) ?? 0) + 1);
    return [...counts];
  }
  const table = new Float64Array(size);
  for (let row = 0; row < rows.rows; row += 1) {
    const key = keyAt(row);
    table[key] = (table[key] ?? 0) + 1;
  }
  return [...table.entries()].filter(([, count]) => count > 0);
}

function labelCellsOf(rows: PairedRows, cell: Uint16Array): LabelCells {
  const cells = emptyCells();
  const bump = (of: Float64Array, at: number): void => {
    of[at] = (of[at] ?? 0) + 1;
  };
  for (let row = 0; row < rows.rows; row += 1) {
    const at = cell[row] ?? 0;
    const before = rows.control.label[row];
    const after = rows.candidate.label[row];
    const truth = rows.truth[row] ?? Number.NaN;
    bump(cells.rows, at);
    if (!Number.isNaN(truth)) bump(cells.judged, at);
    if (before === after) continue;
    bump(cells.flipped, at);
    bump(after === 1 ? cells.toPositive : cells.toNegative, at);
    if (before === truth) bump(cells.rightToWrong, at);
    else if (after === truth) bump(cells.wrongToRight, at);
  }
  return cells;
}

function joinLabelCells(
  earlier: LabelCells | undefined,
  later: LabelCells | undefined,
): LabelCells | undefined {
  if (earlier === undefined || later === undefined) return earlier ?? later;
  return {
    rows: sumOfArrays(earlier.rows, later.rows),
    flipped: sumOfArrays(earlier.flipped, later.flipped),
    judged: sumOfArrays(earlier.judged, later.judged),
    rightToWrong: sumOfArrays(earlier.rightToWrong, later.rightToWrong),
    wrongToRight: sumOfArrays(earlier.wrongToRight, later.wrongToRight),
    toPositive: sumOfArrays(earlier.toPositive, later.toPositive),
    toNegative: sumOfArrays(earlier.toNegative, later.toNegative),
  };
}

function emptyCells(): LabelCells {
  const cells = () => new Float64Array(subjectCells);
  return {
    rows: cells(),
    flipped: cells(),
    judged: cells(),
    rightToWrong: cells(),
    wrongToRight: cells(),
    toPositive: cells(),
    toNegative: cells(),
  };
}
