import { z } from 'zod';
import { effectiveClusters } from '../../stats/effective-clusters.js';
import { subjectCells } from './subject-cells.js';

/** Rows and sums by cell: the `ClusterSums` of an interval that allows for rows of one subject being alike. */
export const CellSums = z.strictObject({
  rows: z.instanceof(Float64Array),
  sums: z.instanceof(Float64Array),
});
export type CellSums = z.infer<typeof CellSums>;

/** `cell`: of each value. */
export function cellSumsOf(values: Float64Array, cell: Uint16Array): CellSums {
  const cells = emptyCells();
  for (let index = 0; index < values.length; index += 1) {
    addToCell(cells, cell[index] ?? 0, values[index] ?? Number.NaN);
  }
  return cells;
}

export function emptyCells(): CellSums {
  return { rows: new Float64Array(subjectCells), sums: new Float64Array(subjectCells) };
}

export function addToCell({ rows, sums }: CellSums, cell: number, value: number): void {
  rows[cell] = (rows[cell] ?? 0) + 1;
  sums[cell] = (sums[cell] ?? 0) + value;
}

/** Undefined: no row had a subject. Where one side has none, its rows are no part of the cells; blocks of one replay all have them or none. */
export function joinCells(earlier: CellSums | undefined, later: CellSums | undefined): CellSums | undefined {
  if (earlier === undefined || later === undefined) return earlier ?? later;
  return { rows: sumOfArrays(earlier.rows, later.rows), sums: sumOfArrays(earlier.sums, later.sums) };
}

/** How many equal cells the rows are worth, see `effectiveClusters`; undefined without cells. */
export function clustersOf(cells: { readonly rows: Float64Array } | undefined): number | undefined {
  return cells === undefined ? undefined : effectiveClusters(cells.rows);
}

/** Item by item; both equally long. */
export function sumOfArrays(earlier: Float64Array, later: Float64Array): Float64Array<ArrayBuffer> {
  const sum = new Float64Array(earlier.length);
  for (let index = 0; index < sum.length; index += 1) {
    sum[index] = (earlier[index] ?? Number.NaN) + (later[index] ?? Number.NaN);
  }
  return sum;
}
