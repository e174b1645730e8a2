import type { Column } from '../../schemas/columns.js';
import type { FieldProfile } from '../../schemas/reference-profile.js';
import { frozenBins } from '../../stats/frozen-bins.js';

const binsMax = 10;

/** Counts the values of one field over any number of batches. Memory grows with the distinct values. */
export interface FieldCounter {
  add(column: Column, rows: number): void;
  finish(): FieldProfile;
}

/** A counter of numbers (64-bit integers beyond 2^53 as the nearest double) or of categories (values as text). */
export function fieldCounter(kind: FieldProfile['kind']): FieldCounter {
  return kind === 'number' ? numberCounter() : categoryCounter();
}

function numberCounter(): FieldCounter {
  const counts = new Map<number, number>();
  let missing = 0;
  let nonFinite = 0;
  return {
    add: (column, rows) => {
      const read = numberReader(column);
      for (let row = 0; row < rows; row += 1) {
        if (column.valid?.[row] === 0) {
          missing += 1;
          continue;
        }
        const value = read(row);
        if (Number.isFinite(value)) counts.set(value, (counts.get(value) ?? 0) + 1);
        else nonFinite += 1;
      }
    },
    finish: () => {
      const ascending = [...counts].sort(([a], [b]) => a - b);
      // A Map holds −0 and 0 as one key, 0.
      const values = ascending.map(([value]) => value);
      const perValue = ascending.map(([, count]) => count);
      const binEdges =
        values.length === 0
          ? []
          : frozenBins({
              reference: { values: Float64Array.from(values), counts: Float64Array.from(perValue) },
              binsMax,
            }).edges;
      return { kind: 'number', missing, nonFinite, values, counts: perValue, binEdges: [...binEdges] };
    },
  };
}

function categoryCounter(): FieldCounter {
  const counts = new Map<string, number>();
  let missing = 0;
  return {
    add: (column, rows) => {
      const read = textReader(column);
      for (let row = 0; row < rows; row += 1) {
        if (column.valid?.[row] === 0) {
          missing += 1;
          continue;
        }
        const value = read(row);
        counts.set(value, (counts.get(value) ?? 0) + 1);
      }
    },
    finish: () => {
      const byName = [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
      return {
        kind: 'category',
        missing,
        values: byName.map(([value]) => value),
        counts: byName.map(([, count]) => count),
      };
    },
  };
}

function numberReader(column: Column): (row: number) => number {
  switch (column.kind) {
    case 'number':
    case 'boolean': {
      const { values } = column;
      return (row) => values[row] ?? Number.NaN;
    }
    case 'integer':
      return (row) => Number(column.values[row]);
    case 'text':
      return (row) => Number(column.values[row]);
    case 'dictionary':
      return (row) => Number(column.dictionary[column.codes[row] ?? 0]);
  }
}

function textReader(column: Column): (row: number) => string {
  switch (column.kind) {
    case 'number':
    case 'integer':
      return (row) => String(column.values[row]);
    case 'boolean':
      return (row) => (column.values[row] === 1 ? 'true' : 'false');
    case 'text':
      return (row) => column.values[row] ?? '';
    case 'dictionary':
      return (row) => column.dictionary[column.codes[row] ?? 0] ?? '';
  }
}
