import type { Column } from '../schemas/columns.js';
import { numbersOfBigints } from './numbers-of-bigints.js';

/**
 * Label codes of a column's rows `from` to `until`, written into `target` at `at`; -1 for null. `codeOf` is asked once per distinct label
 * text where the column allows it.
 */
export function writeLabelCodes(options: {
  readonly column: Column | undefined;
  readonly from: number;
  readonly until: number;
  readonly codeOf: (label: string) => number;
  readonly target: Int32Array;
  readonly at: number;
}): void {
  const { column, from, until, codeOf, target, at } = options;
  if (column === undefined) {
    target.fill(-1, at, at + until - from);
    return;
  }
  const code = codeReader(column, codeOf);
  const { valid } = column;
  for (let row = from; row < until; row += 1) {
    target[at + row - from] = valid !== undefined && valid[row] === 0 ? -1 : code(row);
  }
}

function codeReader(column: Column, codeOf: (label: string) => number): (row: number) => number {
  switch (column.kind) {
    case 'dictionary': {
      const codes = column.dictionary.map(codeOf);
      return (row) => codes[column.codes[row] ?? -1] ?? -1;
    }
    case 'text': {
      const known = new Map<string, number>();
      return (row) => remembered(known, column.values[row] ?? '', codeOf);
    }
    case 'boolean':
      return (row) => codeOf(column.values[row] === 1 ? '1' : '0');
    case 'number':
    case 'integer': {
      const numbers = column.kind === 'integer' ? numbersOfBigints(column.values) : column.values;
      const known = new Map<number, number>();
      return (row) => {
        const value = numbers[row] ?? Number.NaN;
        const found = known.get(value);
        if (found !== undefined) return found;
        const code = Number.isNaN(value) ? -1 : codeOf(String(value));
        known.set(value, code);
        return code;
      };
    }
  }
}

function remembered(known: Map<string, number>, label: string, codeOf: (label: string) => number): number {
  const found = known.get(label);
  if (found !== undefined) return found;
  const code = codeOf(label);
  known.set(label, code);
  return code;
}
