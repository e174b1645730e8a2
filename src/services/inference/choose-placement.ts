import type { Column, ColumnBatch } from '../../schemas/columns.js';
import type { Feature, ModelManifest } from '../../schemas/model-manifest.js';
import type { InferenceModel } from './inference-model.js';
import { type LoadOnnxOptions, loadOnnxModel } from './onnx-adapter.js';
import { loadModelInWorker } from './worker-model.js';

/** `inline`: on the caller's thread. `worker`: in one of its own, at about 100 µs more a run. */
export type Placement = 'inline' | 'worker';

export interface ServingInferenceModel extends InferenceModel {
  readonly placement: Placement;
  /** Median microseconds of a run of one row on this machine; undefined: it was not measured. */
  readonly oneRowMicros: number | undefined;
}

/**
 * Loads a model for serving. Where it runs is measured: inline when a run of one row takes at most `inlineMicrosMax`
 * (1000 unless told), else in a worker, so that no run holds up other requests for long. A model that fails on the
 * made-up row runs in a worker: nothing is known of its cost. `placement` overrides the measurement.
 */
export async function loadServingModel(
  options: LoadOnnxOptions & { readonly placement?: Placement; readonly inlineMicrosMax?: number },
): Promise<ServingInferenceModel> {
  const { placement, inlineMicrosMax = 1_000 } = options;
  if (placement === 'worker') return placed(await loadModelInWorker(options), 'worker', undefined);
  const inline = await loadOnnxModel(options);
  if (placement === 'inline') return placed(inline, 'inline', undefined);
  const oneRowMicros = await measureOneRow(inline);
  if (oneRowMicros !== undefined && oneRowMicros <= inlineMicrosMax) {
    return placed(inline, 'inline', oneRowMicros);
  }
  await inline.close();
  return placed(await loadModelInWorker(options), 'worker', oneRowMicros);
}

function placed(
  model: InferenceModel,
  placement: Placement,
  oneRowMicros: number | undefined,
): ServingInferenceModel {
  return {
    manifest: model.manifest,
    servedBy: model.servedBy,
    placement,
    oneRowMicros,
    run: (batch) => model.run(batch),
    close: () => model.close(),
  };
}

const warmUpRuns = 3;
const measuredRuns = 9;

async function measureOneRow(model: InferenceModel): Promise<number | undefined> {
  const batch = plausibleRow(model.manifest);
  const micros: number[] = [];
  try {
    for (let run = 0; run < warmUpRuns + measuredRuns; run += 1) {
      const { inferenceMicros } = await model.run(batch);
      if (run >= warmUpRuns) micros.push(inferenceMicros);
    }
  } catch {
    // The row is made up, so a failure says nothing about the model; the caller treats the cost as unknown.
    return undefined;
  }
  return micros.toSorted((a, b) => a - b)[measuredRuns >> 1];
}

/** One row that the model can take: the middle of each range, the first category, else zero or empty. */
function plausibleRow(manifest: ModelManifest): ColumnBatch {
  return {
    rows: 1,
    columns: Object.fromEntries(manifest.features.map((feature) => [feature.name, plausibleColumn(feature)])),
  };
}

function plausibleColumn({ tensorType, range, categories }: Feature): Column {
  if (tensorType === 'string') return { kind: 'text', values: [categories?.[0] ?? ''], valid: undefined };
  if (tensorType === 'bool') return { kind: 'boolean', values: new Uint8Array(1), valid: undefined };
  const middle = range === undefined ? 0 : (range.min + range.max) / 2;
  const value =
    tensorType === 'float32' || tensorType === 'float64' ? Math.fround(middle) : Math.round(middle);
  return { kind: 'number', values: Float64Array.of(value), valid: undefined };
}
