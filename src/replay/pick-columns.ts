import type { Column } from '../schemas/columns.js';

/** Some rows of every column, copied. `picked`: row numbers, ascending. */
export function pickColumns(
  columns: { readonly [name: string]: Column },
  picked: Int32Array,
): { readonly [name: string]: Column } {
  return Object.fromEntries(
    Object.entries(columns).map(([name, column]) => [name, pickColumn(column, picked)]),
  );
}

/** Types of values and dictionaries stay as they are. */
export function pickColumn(column: Column, picked: Int32Array): Column {
  const valid = column.valid === undefined ? undefined : pickNumbers(column.valid, picked, Uint8Array);
  switch (column.kind) {
    case 'number':
      return column.values instanceof Float32Array
        ? { kind: 'number', values: pickNumbers(column.values, picked, Float32Array), valid }
        : { kind: 'number', values: pickNumbers(column.values, picked, Float64Array), valid };
    case 'integer':
      return { kind: 'integer', values: pickBigints(column.values, picked), valid };
    case 'boolean':
      return { kind: 'boolean', values: pickNumbers(column.values, picked, Uint8Array), valid };
    case 'text':
      return { kind: 'text', values: Array.from(picked, (row) => column.values[row] ?? ''), valid };
    case 'dictionary':
      return {
        kind: 'dictionary',
        codes: pickNumbers(column.codes, picked, Uint32Array),
        dictionary: column.dictionary,
        valid,
      };
  }
}

interface NumberArray {
  [index: number]: number;
}

/** Numbers of some rows in an array of their own. */
export function pickNumbers<Target extends NumberArray>(
  values: Readonly<NumberArray>,
  picked: Int32Array,
  target: new (length: number) => Target,
): Target {
  const taken = new target(picked.length);
  for (let index = 0; index < picked.length; index += 1) {
    taken[index] = values[picked[index] ?? 0] ?? Number.NaN;
  }
  return taken;
}

function pickBigints(values: BigInt64Array, picked: Int32Array): BigInt64Array {
  const taken = new BigInt64Array(picked.length);
  for (let index = 0; index < picked.length; index += 1) taken[index] = values[picked[index] ?? 0] ?? 0n;
  return taken;
}
