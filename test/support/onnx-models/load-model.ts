import { fileURLToPath } from 'node:url';
import type { BundleManifest, ModelManifest } from '../../../src/schemas/model-manifest.js';
import { completeManifest } from '../../../src/services/inference/complete-manifest.js';
import type { InferenceModel } from '../../../src/services/inference/inference-model.js';
import {
  type LoadOnnxOptions,
  inspectOnnxFile,
  loadOnnxModel,
} from '../../../src/services/inference/onnx-adapter.js';

/** The path of one of the models that make_models.py makes. */
export function modelPath(name: string): string {
  return fileURLToPath(new URL(`./${name}.onnx`, import.meta.url));
}

const features = (...names: string[]): BundleManifest['features'] => names.map((name) => ({ name }));

export const bundles = {
  matrix: {
    name: 'matrix',
    version: 'v1',
    task: 'binary-classification',
    features: features('a', 'b', 'c', 'd'),
    outputs: {},
  },
  columns: {
    name: 'columns',
    version: 'v1',
    task: 'binary-classification',
    features: [
      { name: 'carrier', missing: '' },
      { name: 'distance', missing: 'NaN' },
      { name: 'hour' },
      { name: 'holiday' },
    ],
    outputs: {},
  },
  multiclass: {
    name: 'multiclass',
    version: 'v1',
    task: 'multiclass-classification',
    features: features('a', 'b', 'c', 'd'),
    outputs: {},
    classes: ['high', 'low', 'mid'],
  },
  regression: {
    name: 'regression',
    version: 'v1',
    task: 'regression',
    features: features('a', 'b', 'c', 'd'),
    outputs: {},
  },
  echo: {
    name: 'echo',
    version: 'v1',
    task: 'regression',
    features: [
      { name: 'text', missing: 'none' },
      { name: 'f32', missing: 'NaN' },
      { name: 'f64', missing: -1 },
      { name: 'i64', missing: -7 },
      { name: 'i32', missing: -8 },
      { name: 'flag', missing: 0 },
    ],
    outputs: { value: { output: 'seen_f32' } },
  },
  heavy: {
    name: 'heavy',
    version: 'v1',
    task: 'regression',
    features: features('a', 'b', 'c', 'd'),
    outputs: {},
  },
  wrong_row_count: {
    name: 'wrong-row-count',
    version: 'v1',
    task: 'regression',
    features: features('a'),
    outputs: {},
  },
} satisfies Record<string, BundleManifest>;

export type TestModel = keyof typeof bundles;

export async function testManifest(name: TestModel): Promise<ModelManifest> {
  return completeManifest(bundles[name], await inspectOnnxFile(modelPath(name)), name);
}

export async function loadOptions(name: TestModel): Promise<LoadOnnxOptions> {
  return {
    manifest: await testManifest(name),
    modelPath: modelPath(name),
    artefactDigest: 'a'.repeat(64),
    featureSchemaDigest: 'b'.repeat(64),
  };
}

export async function loadTestModel(name: TestModel): Promise<InferenceModel> {
  return loadOnnxModel(await loadOptions(name));
}
