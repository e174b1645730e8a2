import type { Column, ColumnBatch } from '../../schemas/columns.js';
import type { JsonObject, Scalar } from '../../schemas/json-value.js';
import type { InferenceModel } from '../../services/inference/inference-model.js';
import { rowsToColumns } from '../../services/inference/row-columns.js';
import { HindcastError } from '../../services/platform/errors.js';
import type { OutputPairing } from '../output-pairing.js';
import { answeredRows, decodedOutputs, decodeOutputs } from '../output-pairing.js';
import { runInHalves } from '../run-in-halves.js';

/** What a model says of one row, by role, as a replay reads it. */
export type Answer =
  | {
      readonly kind: 'answered';
      /** Null for a regression. */
      readonly label: string | null;
      /** The score of the positive class, or one a class in the order of the pairing, or the value; none without scores. */
      readonly scores: readonly number[];
    }
  | { readonly kind: 'failed'; readonly message: string };

export type Answered = Extract<Answer, { kind: 'answered' }>;

/** What was recorded. Fails when a role has no usable output. */
export function recordedAnswer(
  outputs: { readonly [role: string]: Scalar },
  pairing: OutputPairing,
  threshold: number,
): Answer {
  const columns: { [role: string]: Column } = {};
  for (const role of pairing.roles) {
    const column = columnOf(Object.hasOwn(outputs, role) ? (outputs[role] ?? null) : null);
    if (column !== undefined) columns[role] = column;
  }
  return (
    decoded({ pairing, outputs: columns, rows: 1, threshold })[0] ?? {
      kind: 'failed',
      message: 'nothing was recorded',
    }
  );
}

/**
 * What a model says of rows, in one run; rows that it fails on are told apart by further runs. Throws what is no answer of
 * the model, such as one that was closed.
 */
export async function answersOf(
  model: InferenceModel,
  rows: readonly JsonObject[],
  pairing: OutputPairing,
): Promise<readonly Answer[]> {
  const { manifest } = model;
  let batch: ColumnBatch;
  try {
    batch = rowsToColumns(manifest, rows);
  } catch (error) {
    // A recorded value of another type than the feature's: the row as it stands is not one that the model takes.
    if (!(error instanceof HindcastError)) throw error;
    const { message } = error;
    return rows.map(() => ({ kind: 'failed', message }));
  }
  const segments = await runInHalves(model, batch, { rowsLeft: rows.length });
  return segments.flatMap((segment): readonly Answer[] => {
    if (segment.kind === 'failed') {
      const { from, until, message } = segment;
      return Array.from({ length: until - from }, () => ({ kind: 'failed', message }));
    }
    const { outputs, rows: answered } = segment.output;
    return decoded({ pairing, outputs, rows: answered, threshold: manifest.threshold });
  });
}

function decoded(options: {
  readonly pairing: OutputPairing;
  readonly outputs: { readonly [role: string]: Column };
  readonly rows: number;
  readonly threshold: number;
}): readonly Answer[] {
  const { pairing, rows } = options;
  const sides = decodedOutputs(pairing, rows);
  decodeOutputs({ ...options, decoded: sides, at: 0 });
  const answered = answeredRows(pairing, sides, rows);
  return Array.from({ length: rows }, (_, row): Answer => {
    if (answered?.[row] === 0) return { kind: 'failed', message: 'it gave no usable output' };
    return {
      kind: 'answered',
      label: pairing.task === 'regression' ? null : (pairing.labels[sides.label[row] ?? -1] ?? null),
      scores: sides.scores.map((scores) => scores[row] ?? Number.NaN),
    };
  });
}

function columnOf(value: Scalar): Column | undefined {
  if (value === null) return undefined;
  const valid = undefined;
  if (typeof value === 'number') return { kind: 'number', values: Float64Array.of(value), valid };
  if (typeof value === 'string') return { kind: 'text', values: [value], valid };
  return { kind: 'boolean', values: Uint8Array.of(value ? 1 : 0), valid };
}
