import { z } from 'zod';

const Share = z.number().min(0).max(1);

/**
 * `replay.gates.yaml`: what a replay must show beyond, or instead of, its defaults. Shares and rates are fractions (0.01 is
 * 1 %). What is left out keeps its default or is not gated.
 */
export const GateFile = z.strictObject({
  /** `no-worse`: the candidate's mean loss may be this share larger than the control's. Default 0.01. */
  margin: Share.optional(),
  /** Whether declared slices that are large enough have the gate of the whole. Default true. */
  slices: z.strictObject({ gate: z.boolean() }).optional(),
  /** `same`: at least this share of rows agrees, scores within the tolerance. Defaults 0.999 and 0.00001. */
  agreement: z
    .strictObject({ atLeast: Share.optional(), tolerance: z.number().positive().optional() })
    .optional(),
  /** Share of rows on which the candidate fails; gated once it failed on any. Default 0.001. */
  failures: z.strictObject({ atMost: Share }).optional(),
  /** Share of rows whose label changes. */
  flips: z.strictObject({ atMost: Share }).optional(),
  /** Share of rows with truth that were right before and are wrong now. */
  negativeFlips: z.strictObject({ atMost: Share }).optional(),
  /** Equivalence: the share of positive labels moves by no more than this, up or down. */
  positiveRate: z.strictObject({ within: Share }).optional(),
  /** Equivalence: the mean score (or value) moves by no more than this, up or down. */
  meanScore: z.strictObject({ within: z.number().positive() }).optional(),
  /** Non-inferiority: accuracy falls by no more than this. */
  accuracy: z.strictObject({ loseAtMost: Share }).optional(),
  /** Non-inferiority: the area under the ROC curve falls by no more than this. */
  auc: z.strictObject({ loseAtMost: Share }).optional(),
  /** Regression: the share of values that are off by no more than `error` falls by no more than this. Shown when only `error` is given. */
  errorWithin: z.strictObject({ error: z.number().positive(), loseAtMost: Share.optional() }).optional(),
  /**
   * One row alone takes the candidate at most so many times as long as the control, measured now on this machine. A report with this
   * gate is not the same to the byte when run again.
   */
  latency: z.strictObject({ ratioAtMost: z.number().positive() }).optional(),
  /** Known differences: rows that fit the SQL condition are left out, and counted, until the date (a UTC day, inclusive). */
  ignore: z
    .array(z.strictObject({ where: z.string().min(1), reason: z.string().min(1), until: z.iso.date() }))
    .optional(),
});
export type GateFile = z.infer<typeof GateFile>;
