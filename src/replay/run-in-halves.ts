import type { Column, ColumnBatch } from '../schemas/columns.js';
import type { InferenceModel, OutputBatch } from '../services/inference/inference-model.js';
import { HindcastError } from '../services/platform/errors.js';

/** What a model said of the rows `from` to `until` of a batch; a failure concerns every row of its segment. */
export type RunSegment =
  | { readonly kind: 'answered'; readonly from: number; readonly until: number; readonly output: OutputBatch }
  | { readonly kind: 'failed'; readonly from: number; readonly until: number; readonly message: string };

/** How many failed rows are still to be told apart one by one; shared by all runs of a replay. */
export interface FailureBudget {
  rowsLeft: number;
}

/**
 * Runs a batch; when the model fails on it, runs its halves, and so on down to the rows that it fails on. Once the budget
 * is spent, a failing batch counts as failed whole. Throws only what is no answer of the model (a worker that died).
 */
export async function runInHalves(
  model: InferenceModel,
  batch: ColumnBatch,
  budget: FailureBudget,
): Promise<readonly RunSegment[]> {
  return runRange(model, batch, { from: 0, until: batch.rows }, budget);
}

async function runRange(
  model: InferenceModel,
  batch: ColumnBatch,
  { from, until }: { readonly from: number; readonly until: number },
  budget: FailureBudget,
): Promise<readonly RunSegment[]> {
  try {
    const output = await model.run(rangeOf(batch, from, until));
    return [{ kind: 'answered', from, until, output }];
  } catch (error) {
    if (!isAnswerOfModel(error)) throw error;
    const rows = until - from;
    if (rows === 1 || budget.rowsLeft <= 0) {
      budget.rowsLeft -= rows;
      return [{ kind: 'failed', from, until, message: error.message }];
    }
    const middle = from + Math.floor(rows / 2);
    const before = await runRange(model, batch, { from, until: middle }, budget);
    return [...before, ...(await runRange(model, batch, { from: middle, until }, budget))];
  }
}

/** A worker that cannot be started again fails every row alike; that says nothing about the model on these rows. */
function isAnswerOfModel(error: unknown): error is HindcastError {
  if (!(error instanceof HindcastError) || error.code !== 'INFERENCE_FAILED') return false;
  return !String(error.details['problem']).startsWith('its worker thread ended twice');
}

/** Copies, not views: a view would be sent to a worker with its whole buffer. */
function rangeOf(batch: ColumnBatch, from: number, until: number): ColumnBatch {
  if (from === 0 && until === batch.rows) return batch;
  const columns: { [field: string]: Column } = {};
  for (const [field, column] of Object.entries(batch.columns))
    columns[field] = columnRange(column, from, until);
  return { rows: until - from, columns };
}

function columnRange(column: Column, from: number, until: number): Column {
  const valid = column.valid?.slice(from, until);
  switch (column.kind) {
    case 'number':
      return { kind: 'number', values: column.values.slice(from, until), valid };
    case 'integer':
      return { kind: 'integer', values: column.values.slice(from, until), valid };
    case 'boolean':
      return { kind: 'boolean', values: column.values.slice(from, until), valid };
    case 'text':
      return { kind: 'text', values: column.values.slice(from, until), valid };
    case 'dictionary':
      return {
        kind: 'dictionary',
        codes: column.codes.slice(from, until),
        dictionary: column.dictionary,
        valid,
      };
  }
}
