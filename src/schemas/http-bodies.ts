import { z } from 'zod';
import { JsonObject, Scalar } from './json-value.js';

const Key = z.string().min(1).max(200);

/** One row to predict: inputs by field, kept as received. `key`: the caller's own name for it; `subject`: whom it concerns. */
export const PredictRow = z.strictObject({
  inputs: JsonObject,
  key: Key.optional(),
  subject: Key.optional(),
});
export type PredictRow = z.infer<typeof PredictRow>;

/** Body of POST /v1/models/{model}/predict: one row as `inputs`, or many as `rows`. */
export const PredictOne = PredictRow.extend({ requestId: Key.optional() });
export const PredictMany = z.strictObject({ rows: z.array(z.unknown()), requestId: Key.optional() });

/** One ground truth, for a prediction named by its id, by request and row, or by the caller's own key. */
export const Outcome = z.strictObject({
  model: z.string().min(1).optional(),
  predictionId: Key.optional(),
  requestId: Key.optional(),
  row: z.int().nonnegative().optional(),
  key: Key.optional(),
  truth: Scalar,
  observedAt: z.iso.datetime({ offset: true }).optional(),
});
export type Outcome = z.infer<typeof Outcome>;

/** Body of POST /v1/outcomes: one outcome, or many. */
export const OutcomeMany = z.strictObject({ outcomes: z.array(Outcome) });
