import type { Column } from '../../schemas/columns.js';

/** Rows `start` to before `end` of a column, in memory of their own: a worker may be given them. */
export function sliceColumn(column: Column, start: number, end: number): Column {
  const valid = column.valid?.slice(start, end);
  switch (column.kind) {
    case 'number':
      return { kind: 'number', values: column.values.slice(start, end), valid };
    case 'integer':
      return { kind: 'integer', values: column.values.slice(start, end), valid };
    case 'boolean':
      return { kind: 'boolean', values: column.values.slice(start, end), valid };
    case 'text':
      return { kind: 'text', values: column.values.slice(start, end), valid };
    case 'dictionary':
      return {
        kind: 'dictionary',
        codes: column.codes.slice(start, end),
        dictionary: column.dictionary,
        valid,
      };
  }
}
