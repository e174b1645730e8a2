import { z } from 'zod';
import { JsonObject, Scalar } from './json-value.js';
import { ModelManifest } from './model-manifest.js';

const Id = z.string().min(1).max(200);
const Digest = z.string().regex(/^[0-9a-f]{64}$/, 'expected a SHA-256 digest in lower-case hex');
/** The first 122 bits of a SHA-256 in the form of a UUID (version 8): the codec stores it in 16 bytes. */
const ShortDigest = z
  .string()
  .regex(
    /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    'expected a digest as a UUID of version 8',
  );
const Micros = z.int();
const Version = z.string().min(1);
const Verdict = z.enum(['PASS', 'FAIL', 'INCONCLUSIVE', 'INVALID']);

/** Something about an input that training did not see, or that broke the contract. */
export const Violation = z.strictObject({
  field: z.string(),
  kind: z.enum([
    'wrong-type',
    'lossy-cast',
    'missing',
    'unexpected-missing',
    'out-of-range',
    'new-category',
    'not-well-formed',
  ]),
  message: z.string(),
});
export type Violation = z.infer<typeof Violation>;

/** What produced a served prediction; constant for a loaded model, so the codec stores it once a frame. */
export const ServedBy = z.strictObject({
  kind: z.literal('served'),
  artefactDigest: Digest,
  featureSchemaDigest: Digest,
  runtime: z.strictObject({
    name: z.string(),
    version: z.string(),
    provider: z.string(),
    threads: z.int(),
    graphOptimization: z.string(),
  }),
});
export type ServedBy = z.infer<typeof ServedBy>;

export const ImportedFrom = z.strictObject({ kind: z.literal('imported'), source: z.string() });
export type ImportedFrom = z.infer<typeof ImportedFrom>;

/** Inputs, raw body and subject: a section of its own, so that it can be encrypted and erased without the rest. */
export const Sensitive = z.strictObject({
  keyId: z.string().optional(),
  inputs: JsonObject.optional(),
  rawBody: z.string().optional(),
  subject: z.string().optional(),
});
export type Sensitive = z.infer<typeof Sensitive>;

/**
 * Only of a request that came with an Idempotency-Key: digests of the key with its scope, and of the body, by which a
 * repeated request finds this one. Neither key nor access token is stored.
 */
const idempotency = {
  idempotencyDigest: ShortDigest.optional(),
  bodyDigest: ShortDigest.optional(),
};

const PredictionServedData = z.strictObject({
  requestId: Id,
  row: z.int().nonnegative(),
  key: Id.optional(),
  model: z.string(),
  version: Version,
  provenance: z.union([ServedBy, ImportedFrom]),
  /** Rows in the ONNX run that this row shared; absent for imported predictions. */
  batchRows: z.int().positive().optional(),
  /** Microseconds: waiting for the shared run, and the run itself. */
  latency: z.strictObject({ queueMicros: z.int(), inferenceMicros: z.int() }).optional(),
  /** By role (`label`, `score`, `value`) or `score_<class>`; other outputs by their own name. */
  outputs: z.record(z.string(), Scalar),
  violations: z.array(Violation).optional(),
  /** `buffered`: it was answered before it was durable, and was to become so within `bufferWindowMs`. */
  durability: z.enum(['durable', 'buffered']),
  bufferWindowMs: z.int().positive().optional(),
  ...idempotency,
});

const PredictionRejectedData = z.strictObject({
  requestId: Id,
  row: z.int().nonnegative().optional(),
  key: Id.optional(),
  model: z.string(),
  code: z.string(),
  message: z.string(),
  violations: z.array(Violation).optional(),
  ...idempotency,
});

const PredictionFailedData = z.strictObject({
  requestId: Id,
  row: z.int().nonnegative(),
  key: Id.optional(),
  model: z.string(),
  version: Version,
  provenance: ServedBy,
  code: z.string(),
  message: z.string(),
  ...idempotency,
});

const OutcomeObservedData = z.strictObject({
  model: z.string(),
  predictionId: Id.optional(),
  requestId: Id.optional(),
  row: z.int().nonnegative().optional(),
  key: Id.optional(),
  truth: Scalar,
  /** When the truth became known to its source, microseconds UTC. */
  observedAt: Micros,
  /** `live`: known to us when recorded; `imported` and `seeded`: known at `observedAt`. */
  origin: z.enum(['live', 'imported', 'seeded']),
  source: z.string().optional(),
});

const Artefact = z.strictObject({ sha256: Digest, bytes: z.int().nonnegative() });

const ModelRegisteredData = z.strictObject({
  manifest: ModelManifest,
  featureSchemaDigest: Digest,
  artefacts: z.strictObject({
    model: Artefact,
    reference: Artefact.optional(),
    profile: Artefact.optional(),
  }),
});

/** Why a version may serve. */
export const PromotionEvidence = z.strictObject({
  /** A replay that passed; the word of whoever promoted it without one; or that no version served and no replay was run. */
  basis: z.enum(['replay', 'without-evidence', 'first-promotion']),
  /** The last replay that judged the version, whatever it said; absent: there was none. */
  replay: z
    .strictObject({ replayId: Id, verdict: Verdict, reportDigest: Digest, completedAt: Micros })
    .optional(),
});
export type PromotionEvidence = z.infer<typeof PromotionEvidence>;

const ModelPromotedData = z.strictObject({
  model: z.string(),
  version: Version,
  previousVersion: Version.optional(),
  rollback: z.boolean(),
  /** Absent in events of before it was asked for, and for a rollback. */
  evidence: PromotionEvidence.optional(),
});

const ModelRetiredData = z.strictObject({ model: z.string(), version: Version });

const ReplayCompletedData = z.strictObject({
  replayId: Id,
  model: z.string(),
  controlVersion: z.string(),
  candidateVersion: Version,
  verdict: Verdict,
  exitCode: z.int(),
  reportDigest: Digest,
  summary: JsonObject,
});

/** A part of what must outlive retention: every registered version and promotion, the configuration in force. */
const StateSnapshottedData = z.strictObject({
  /** Everything before this position is in it. A registry event that slipped in between overtakes the snapshot. */
  asOfPosition: z.int().nonnegative(),
  /** Parts stand side by side, 0 first; the first begins the state anew. */
  part: z.int().nonnegative(),
  parts: z.int().positive(),
  models: z.array(
    z.strictObject({
      name: z.string(),
      versions: z.array(
        z.strictObject({
          ...ModelRegisteredData.shape,
          registeredAt: Micros,
          position: z.int().nonnegative(),
          retired: z.boolean(),
        }),
      ),
      promotions: z.array(
        z.strictObject({
          version: Version,
          occurredAt: Micros,
          position: z.int().nonnegative(),
          rollback: z.boolean(),
          evidence: PromotionEvidence.optional(),
        }),
      ),
    }),
  ),
  /** Keys as `hindcast config` names them; in the first part. */
  configuration: z.record(z.string(), Scalar),
});

const envelope = {
  /** UUIDv7. Of a `PredictionServed` it is the prediction id. */
  id: Id,
  stream: z.string().min(1),
  /** When it happened, integer microseconds UTC: from the clock, or from the source of an import. */
  occurredAt: Micros,
  correlationId: Id.optional(),
  causationId: Id.optional(),
  traceparent: z.string().optional(),
  sensitive: Sensitive.optional(),
};

function event<const Type extends string, Data extends z.ZodType>(type: Type, data: Data) {
  return z.strictObject({ type: z.literal(type), schemaVersion: z.literal(1), ...envelope, data });
}

export const PredictionServed = event('PredictionServed', PredictionServedData);
export type PredictionServed = z.infer<typeof PredictionServed>;
export const PredictionRejected = event('PredictionRejected', PredictionRejectedData);
export type PredictionRejected = z.infer<typeof PredictionRejected>;
export const PredictionFailed = event('PredictionFailed', PredictionFailedData);
export type PredictionFailed = z.infer<typeof PredictionFailed>;
export const OutcomeObserved = event('OutcomeObserved', OutcomeObservedData);
export type OutcomeObserved = z.infer<typeof OutcomeObserved>;
export const ModelRegistered = event('ModelRegistered', ModelRegisteredData);
export type ModelRegistered = z.infer<typeof ModelRegistered>;
export const ModelPromoted = event('ModelPromoted', ModelPromotedData);
export type ModelPromoted = z.infer<typeof ModelPromoted>;
export const ModelRetired = event('ModelRetired', ModelRetiredData);
export type ModelRetired = z.infer<typeof ModelRetired>;
export const ReplayCompleted = event('ReplayCompleted', ReplayCompletedData);
export type ReplayCompleted = z.infer<typeof ReplayCompleted>;

export const StateSnapshotted = event('StateSnapshotted', StateSnapshottedData);
export type StateSnapshotted = z.infer<typeof StateSnapshotted>;

/** An event on its way into the log: everything but what the log alone gives. Validated in full before the write. */
export const NewEvent = z.discriminatedUnion('type', [
  PredictionServed,
  PredictionRejected,
  PredictionFailed,
  OutcomeObserved,
  ModelRegistered,
  ModelPromoted,
  ModelRetired,
  ReplayCompleted,
  StateSnapshotted,
]);
export type NewEvent = z.infer<typeof NewEvent>;

export type EventType = NewEvent['type'];
export const eventTypes: readonly EventType[] = NewEvent.options.map((option) => option.shape.type.value);

/**
 * An event in the log. `position`: dense, from 0, below 2^53 (decimal string in JSON). `recordedAt`: microseconds
 * UTC, never decreasing. Both come from the log alone.
 */
export type Recorded<E extends NewEvent = NewEvent> = E & {
  readonly position: number;
  readonly recordedAt: number;
};
export type StoredEvent =
  | Recorded<PredictionServed>
  | Recorded<PredictionRejected>
  | Recorded<PredictionFailed>
  | Recorded<OutcomeObserved>
  | Recorded<ModelRegistered>
  | Recorded<ModelPromoted>
  | Recorded<ModelRetired>
  | Recorded<ReplayCompleted>
  | Recorded<StateSnapshotted>;

/** The stream of an event: one per model and kind of fact. */
export function streamOf(kind: 'prediction' | 'outcome' | 'registry' | 'replay', name: string): string {
  return `${kind}-${name}`;
}
