import type { Column } from '../schemas/columns.js';
import { numbersOfBigints } from './numbers-of-bigints.js';

/** Numbers of a column's rows `from` to `until`, written into `target` at `at`; NaN for null, text and no column. */
export function writeNumbers(options: {
  readonly column: Column | undefined;
  readonly from: number;
  readonly until: number;
  readonly target: Float64Array;
  readonly at: number;
}): void {
  const { column, from, until, target, at } = options;
  const values = column === undefined ? undefined : numbersOf(column);
  if (column === undefined || values === undefined) {
    target.fill(Number.NaN, at, at + until - from);
    return;
  }
  target.set(values.subarray(from, until), at);
  const { valid } = column;
  if (valid === undefined) return;
  for (let row = from; row < until; row += 1) {
    if (valid[row] === 0) target[at + row - from] = Number.NaN;
  }
}

function numbersOf(column: Column): Float64Array | Float32Array | Uint8Array | undefined {
  switch (column.kind) {
    case 'number':
    case 'boolean':
      return column.values;
    case 'integer':
      return numbersOfBigints(column.values);
    case 'text':
    case 'dictionary':
      return undefined;
  }
}
