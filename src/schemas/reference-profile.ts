import { z } from 'zod';

const Count = z.int().nonnegative();

/** Exact integer counts of one field over the reference rows. Numbers ascending, categories by name. */
export const FieldProfile = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('number'),
    missing: Count,
    /** NaN and infinities, counted apart from `values`. */
    nonFinite: Count,
    values: z.array(z.number()),
    counts: z.array(Count),
    /** Upper edges of the frozen bins (deciles, left-open); the last bin is open to the right. */
    binEdges: z.array(z.number()),
  }),
  z.strictObject({
    kind: z.literal('category'),
    missing: Count,
    values: z.array(z.string()),
    counts: z.array(Count),
  }),
]);
export type FieldProfile = z.infer<typeof FieldProfile>;

/** What training saw: the reference that drift is measured against. An artefact, stored by its SHA-256. */
export const ReferenceProfile = z.strictObject({
  schemaVersion: z.literal(1),
  rows: Count,
  features: z.record(z.string(), FieldProfile),
  /** The model's own outputs on the reference rows, by role. */
  outputs: z.record(z.string(), FieldProfile),
});
export type ReferenceProfile = z.infer<typeof ReferenceProfile>;
