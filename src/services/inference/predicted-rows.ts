import type { Column } from '../../schemas/columns.js';
import type { Scalar } from '../../schemas/json-value.js';
import type { HindcastError } from '../platform/errors.js';
import type { OutputBatch } from './inference-model.js';

/** One row's answer. `outputs` by role, as InferenceModel names them. */
export type PredictedRow =
  | { readonly kind: 'predicted'; readonly outputs: { readonly [role: string]: Scalar } }
  | { readonly kind: 'failed'; readonly error: HindcastError };

/** The outputs of a run row by row. 64-bit integers become decimal strings, as everywhere in JSON. */
export function predictedRows(batch: OutputBatch): PredictedRow[] {
  const readers = Object.entries(batch.outputs).map(([role, column]) => ({ role, at: readerOf(column) }));
  const rows: PredictedRow[] = [];
  for (let row = 0; row < batch.rows; row += 1) {
    const outputs: { [role: string]: Scalar } = {};
    for (const reader of readers) outputs[reader.role] = reader.at(row);
    rows.push({ kind: 'predicted', outputs });
  }
  return rows;
}

function readerOf(column: Column): (row: number) => Scalar {
  const { valid } = column;
  const read = valueReader(column);
  return valid === undefined ? read : (row) => (valid[row] === 0 ? null : read(row));
}

function valueReader(column: Column): (row: number) => Scalar {
  switch (column.kind) {
    case 'number':
    case 'text': {
      const { values } = column;
      return (row) => values[row] ?? null;
    }
    case 'boolean':
      return (row) => column.values[row] === 1;
    case 'integer':
      return (row) => String(column.values[row]);
    case 'dictionary':
      return (row) => column.dictionary[column.codes[row] ?? 0] ?? null;
  }
}
