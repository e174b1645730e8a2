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
  const { valid } = column;
  if (column.kind === 'number' || column.kind === 'integer') {
    const numbers = column.kind === 'integer' ? numbersOf(column.values) : column.values;
    const rows = { numbers: numbers.subarray(from, until), valid: valid?.subarray(from, until) };
    writeCodesOfNumbers(rows, codeOf, target.subarray(at, at + until - from));
    return;
  }
  const code = codeReader(column, codeOf);
  for (let row = from; row < until; row += 1) {
    target[at + row - from] = valid !== undefined && valid[row] === 0 ? -1 : code(row);
  }
}

let converted = new Float64Array(0);

/** Good until the next call. */
function numbersOf(values: BigInt64Array): Float64Array {
  if (converted.length < values.length) converted = new Float64Array(values.length);
  return numbersOfBigints(values, converted.subarray(0, values.length));
}

/** Labels are mostly small whole numbers, whose codes stand in a table. */
const tableMax = 256;
const notAsked = -2;

/** A null is not asked for: what stands there means nothing. */
function writeCodesOfNumbers(
  {
    numbers,
    valid,
  }: { readonly numbers: Float64Array | Float32Array; readonly valid: Uint8Array | undefined },
  codeOf: (label: string) => number,
  target: Int32Array,
): void {
  const table = new Int32Array(tableMax).fill(notAsked);
  const others = new Map<number, number>();
  for (let row = 0; row < numbers.length; row += 1) {
    if (valid !== undefined && valid[row] === 0) {
      target[row] = -1;
      continue;
    }
    const value = numbers[row] ?? Number.NaN;
    const isSmall = value >= 0 && value < tableMax && value % 1 === 0;
    const known = isSmall ? (table[value] ?? notAsked) : notAsked;
    target[row] = known === notAsked ? codeOfNumber(value) : known;
  }

  function codeOfNumber(value: number): number {
    const found = others.get(value);
    if (found !== undefined) return found;
    const code = Number.isNaN(value) ? -1 : codeOf(String(value));
    others.set(value, code);
    if (value >= 0 && value < tableMax && value % 1 === 0) table[value] = code;
    return code;
  }
}

function codeReader(
  column: Column & { readonly kind: 'dictionary' | 'text' | 'boolean' },
  codeOf: (label: string) => number,
): (row: number) => number {
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
  }
}

function remembered(known: Map<string, number>, label: string, codeOf: (label: string) => number): number {
  const found = known.get(label);
  if (found !== undefined) return found;
  const code = codeOf(label);
  known.set(label, code);
  return code;
}
