import { z } from 'zod';

const ColumnName = z.string().min(1);

/** A mapping file: which columns of a foreign table hold what. See docs/import.md. */
export const ImportMapping = z.strictObject({
  model: z.string().min(1),
  /** The version that made these predictions, as its owner calls it. */
  version: z.string().min(1),
  /** Where they come from; the file's name unless told. */
  source: z.string().min(1).optional(),
  columns: z.strictObject({
    /** Instant of the prediction: a timestamp, an ISO text (UTC unless it has an offset), or seconds since 1970. */
    occurredAt: ColumnName,
    key: ColumnName.optional(),
    requestId: ColumnName.optional(),
    subject: ColumnName.optional(),
    truth: ColumnName.optional(),
    /** When the truth became known; the prediction's own instant unless told. */
    observedAt: ColumnName.optional(),
    /** Role (`label`, `score`, `value`, `score_<class>`) → column. */
    outputs: z.record(z.string().min(1), ColumnName),
  }),
  /** Input columns by name, or field → column; left out: every column that is not named above. */
  inputs: z.union([z.array(ColumnName), z.record(z.string().min(1), ColumnName)]).optional(),
});
export type ImportMapping = z.infer<typeof ImportMapping>;
