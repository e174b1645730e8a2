import type { RecordedBatch } from '../projections/datasets/recorded-predictions.js';
import type { Column } from '../schemas/columns.js';
import type { EligibleRows } from './eligible-rows.js';
import { pickColumn, pickColumns, pickNumbers } from './pick-columns.js';

/** Rows on their way through the models. */
export interface RowChunk {
  readonly rows: number;
  readonly positions: Float64Array;
  readonly occurredAt: Float64Array;
  readonly inputs: { readonly [feature: string]: Column };
  readonly outputs: { readonly [role: string]: Column };
  readonly truth: Column;
  /** Undefined: no row in range has a subject. */
  readonly subjectCell: Column | undefined;
  /** Lets go of the memory: afterwards nobody may read the columns. */
  release(): void;
}

/**
 * The eligible rows of a batch: the batch itself where all are, else copies. A batch is always the same rows of the record,
 * whatever the layout of the dataset, so a model always runs on the same rows at a time: it may answer differently in
 * the last bits for others.
 */
export function chunkOf(batch: RecordedBatch, eligible: EligibleRows): RowChunk {
  const { inputs, outputs, truth, subjectCell } = batch;
  const { picked, count, positions, occurredAt } = eligible;
  if (picked === undefined) {
    return {
      rows: count,
      positions,
      occurredAt,
      inputs,
      outputs,
      truth,
      subjectCell,
      release: () => {
        batch.release();
      },
    };
  }
  const chunk = {
    rows: count,
    positions: pickNumbers(positions, picked, Float64Array),
    occurredAt: pickNumbers(occurredAt, picked, Float64Array),
    inputs: pickColumns(inputs, picked),
    outputs: pickColumns(outputs, picked),
    truth: pickColumn(truth, picked),
    subjectCell: subjectCell === undefined ? undefined : pickColumn(subjectCell, picked),
    release: () => undefined,
  };
  batch.release();
  return chunk;
}
