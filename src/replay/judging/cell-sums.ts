import type { ClusterSums } from '../../stats/clustered-mean.js';

/** Subjects are hashed into so many cells: bounded memory, and rows of one subject always share one. */
export const subjectCells = 1_024;

export interface CellTally {
  /** `cell`: of each value. */
  add(values: Float64Array, cell: Uint16Array): void;
  addOne(value: number, cell: number): void;
  readonly clusters: ClusterSums;
}

export function cellTally(): CellTally {
  const rows = new Float64Array(subjectCells);
  const sums = new Float64Array(subjectCells);
  const addOne = (value: number, cell: number): void => {
    rows[cell] = (rows[cell] ?? 0) + 1;
    sums[cell] = (sums[cell] ?? 0) + value;
  };
  return {
    clusters: { rows, sums },
    add: (values, cell) => {
      for (let index = 0; index < values.length; index += 1) {
        addOne(values[index] ?? Number.NaN, cell[index] ?? 0);
      }
    },
    addOne,
  };
}
