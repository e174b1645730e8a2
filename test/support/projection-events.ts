import type { NewEvent, OutcomeObserved, PredictionServed } from '../../src/schemas/events.js';
import { streamOf } from '../../src/schemas/events.js';
import type { JsonObject, Scalar } from '../../src/schemas/json-value.js';
import type { ModelManifest, TensorType } from '../../src/schemas/model-manifest.js';
import { sampleProvenance } from './sample-events.js';

export const dayMicros = 86_400_000_000;
/** 2026-01-01T00:00:00Z. */
export const firstDayMicros = 1_767_225_600_000_000;

let ids = 0;
/** A UUID that differs from all others of this process. */
export function nextUuid(): string {
  ids += 1;
  return `018f0000-0000-7000-8000-${ids.toString(16).padStart(12, '0')}`;
}

/** A manifest with these features, one tensor per column, for a binary model unless told. */
export function manifestOf(
  features: { readonly [name: string]: TensorType },
  changes: Partial<ModelManifest> = {},
): ModelManifest {
  return {
    name: 'flights',
    version: 'v1',
    task: 'binary-classification',
    layout: 'columns',
    features: Object.entries(features).map(([name, tensorType]) => ({
      name,
      tensor: name,
      tensorType,
      required: false,
      policy: { outOfRange: 'warn', newCategory: 'warn', unexpectedMissing: 'warn' },
    })),
    outputs: { label: { output: 'label' }, score: { output: 'score', class: 1 } },
    threshold: 0.5,
    slices: [],
    ...changes,
  };
}

export function registered(manifest: ModelManifest): NewEvent {
  return {
    type: 'ModelRegistered',
    schemaVersion: 1,
    id: nextUuid(),
    stream: streamOf('registry', manifest.name),
    occurredAt: firstDayMicros,
    data: {
      manifest,
      featureSchemaDigest: 'b2'.repeat(32),
      artefacts: { model: { sha256: 'c3'.repeat(32), bytes: 1 } },
    },
  };
}

export function predicted(
  options: {
    readonly id?: string;
    readonly inputs?: JsonObject;
    readonly outputs?: { readonly [role: string]: Scalar };
    readonly occurredAt?: number;
    readonly key?: string;
    readonly requestId?: string;
    readonly row?: number;
    readonly model?: string;
    readonly version?: string;
    readonly imported?: boolean;
    readonly subject?: string;
  } = {},
): PredictionServed {
  const id = options.id ?? nextUuid();
  return {
    type: 'PredictionServed',
    schemaVersion: 1,
    id,
    stream: streamOf('prediction', options.model ?? 'flights'),
    occurredAt: options.occurredAt ?? firstDayMicros,
    data: {
      requestId: options.requestId ?? `r-${id}`,
      row: options.row ?? 0,
      ...(options.key === undefined ? {} : { key: options.key }),
      model: options.model ?? 'flights',
      version: options.version ?? 'v1',
      provenance: options.imported === true ? { kind: 'imported', source: 'a file' } : sampleProvenance,
      ...(options.imported === true ? {} : { latency: { queueMicros: 100, inferenceMicros: 400 } }),
      outputs: { ...(options.outputs ?? { label: 0, score: 0.25 }) },
      durability: 'durable',
    },
    sensitive: {
      inputs: options.inputs ?? {},
      ...(options.subject === undefined ? {} : { subject: options.subject }),
    },
  };
}

export function observed(
  target: {
    readonly predictionId?: string;
    readonly requestId?: string;
    readonly row?: number;
    readonly key?: string;
  },
  truth: Scalar,
  options: {
    readonly observedAt?: number;
    readonly origin?: 'live' | 'imported' | 'seeded';
    readonly model?: string;
  } = {},
): OutcomeObserved {
  const observedAt = options.observedAt ?? firstDayMicros;
  return {
    type: 'OutcomeObserved',
    schemaVersion: 1,
    id: nextUuid(),
    stream: streamOf('outcome', options.model ?? 'flights'),
    occurredAt: observedAt,
    data: {
      model: options.model ?? 'flights',
      ...target,
      truth,
      observedAt,
      origin: options.origin ?? 'imported',
    },
  };
}
