import { z } from 'zod';

const Name = z
  .string()
  .regex(
    /^[a-z][a-z0-9_-]{0,62}$/,
    'expected a lower-case name: a letter, then letters, digits, - or _ (63 at most)',
  );
const Version = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'expected a version such as v2 or 1.4.0');

export const Task = z.enum(['binary-classification', 'multiclass-classification', 'regression']);
export type Task = z.infer<typeof Task>;

/** What happens to a row whose value departs from what training saw. A wrong type or a lossy cast is always refused. */
export const ViolationPolicy = z.enum(['warn', 'reject']);
export type ViolationPolicy = z.infer<typeof ViolationPolicy>;

export const Range = z.strictObject({ min: z.number(), max: z.number() });

const OutputRef = z.strictObject({ output: z.string().min(1), class: z.int().nonnegative().optional() });

/** Roles of the outputs: exporters name outputs differently, replay pairs them by role. */
export const OutputRoles = z.strictObject({
  label: OutputRef.optional(),
  score: OutputRef.optional(),
  value: OutputRef.optional(),
});
export type OutputRoles = z.infer<typeof OutputRoles>;

const Slice = z.union([
  z.string().min(1),
  z.strictObject({ feature: z.string().min(1), protected: z.boolean().optional() }),
]);

const TrainedOn = z.strictObject({
  from: z.iso.datetime({ offset: true }),
  until: z.iso.datetime({ offset: true }),
});

/** `model.yaml` as an author writes it; what can be derived from the ONNX session or from data may be left out. */
export const BundleManifest = z.strictObject({
  name: Name,
  version: Version,
  task: Task,
  description: z.string().optional(),
  features: z
    .array(
      z.strictObject({
        name: z.string().min(1),
        tensor: z.string().min(1).optional(),
        missing: z.union([z.string(), z.number(), z.nan()]).optional(),
        required: z.boolean().optional(),
        range: Range.optional(),
        categories: z.array(z.string()).optional(),
        policy: z
          .strictObject({
            outOfRange: ViolationPolicy.optional(),
            newCategory: ViolationPolicy.optional(),
            unexpectedMissing: ViolationPolicy.optional(),
          })
          .optional(),
      }),
    )
    .min(1),
  outputs: OutputRoles,
  positiveClass: z.union([z.int(), z.string()]).optional(),
  classes: z.array(z.union([z.int(), z.string()])).optional(),
  threshold: z.number().min(0).max(1).optional(),
  truth: z.strictObject({ field: z.string().min(1) }).optional(),
  slices: z.array(Slice).optional(),
  trainedOn: TrainedOn.optional(),
});
export type BundleManifest = z.infer<typeof BundleManifest>;

export const TensorType = z.enum(['string', 'float32', 'float64', 'int64', 'int32', 'bool']);
export type TensorType = z.infer<typeof TensorType>;

/**
 * One feature as it is served. `missing`: what the model is given for null or absence; for float tensors the text
 * `NaN` means not-a-number; undefined: the feature cannot be missing. `column`: index in a matrix tensor.
 */
export const Feature = z.strictObject({
  name: z.string().min(1),
  tensor: z.string().min(1),
  column: z.int().nonnegative().optional(),
  tensorType: TensorType,
  required: z.boolean(),
  missing: z.union([z.string(), z.number()]).optional(),
  range: Range.optional(),
  categories: z.array(z.string()).optional(),
  missingRate: z.number().min(0).max(1).optional(),
  policy: z.strictObject({
    outOfRange: ViolationPolicy,
    newCategory: ViolationPolicy,
    unexpectedMissing: ViolationPolicy,
  }),
});
export type Feature = z.infer<typeof Feature>;

/** A registered model: the bundle's manifest with everything derived filled in. Carried by `ModelRegistered`. */
export const ModelManifest = z.strictObject({
  name: Name,
  version: Version,
  task: Task,
  description: z.string().optional(),
  /** `columns`: one [N,1] (or [N]) tensor per feature; `matrix`: one [N,F] tensor whose columns are the features. */
  layout: z.enum(['columns', 'matrix']),
  features: z.array(Feature).min(1),
  outputs: OutputRoles,
  positiveClass: z.union([z.int(), z.string()]).optional(),
  classes: z.array(z.union([z.int(), z.string()])).optional(),
  threshold: z.number(),
  truth: z.strictObject({ field: z.string() }).optional(),
  slices: z.array(z.strictObject({ feature: z.string(), protected: z.boolean() })),
  trainedOn: TrainedOn.optional(),
});
export type ModelManifest = z.infer<typeof ModelManifest>;
