import type { Column, ColumnBatch } from '../../schemas/columns.js';
import type { ServedBy } from '../../schemas/events.js';
import type { ModelManifest } from '../../schemas/model-manifest.js';

/**
 * A loaded model. `run` takes columns by feature name (a feature without a column counts as absent in every row) and
 * gives the outputs by role: `label`, `score` (probability of the positive class), `score_<class>` for several
 * classes, `value` for regression; outputs without a role by their own name.
 * MUST fill nulls with the feature's missing value, and MUST throw INFERENCE_FAILED rather than guess: a null without
 * a missing value, a lossy cast, a wrong type. Float outputs keep the width that the model gives.
 */
export interface InferenceModel {
  readonly manifest: ModelManifest;
  readonly servedBy: ServedBy;
  run(batch: ColumnBatch): Promise<OutputBatch>;
  close(): Promise<void>;
}

export interface OutputBatch {
  readonly rows: number;
  readonly outputs: { readonly [role: string]: Column };
  /** Microseconds in the ONNX run itself. */
  readonly inferenceMicros: number;
}
