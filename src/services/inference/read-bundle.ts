import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { BundleManifest, type ModelManifest } from '../../schemas/model-manifest.js';
import { errors } from '../platform/errors.js';
import { readYamlFile } from '../platform/yaml-file.js';
import { completeManifest } from './complete-manifest.js';
import { inspectOnnxFile } from './onnx-adapter.js';

/** A bundle as it was found in a folder, with everything filled in that the ONNX file tells. */
export interface Bundle {
  readonly manifest: ModelManifest;
  readonly modelPath: string;
  /** A sample of training rows; undefined: the bundle has none. */
  readonly referencePath: string | undefined;
  /** `model.yaml` as its author wrote it. */
  readonly modelYaml: string;
}

/**
 * Reads model.yaml, model.onnx and reference.parquet of a folder. Throws BUNDLE_INVALID (a file is missing, model.yaml
 * breaks its schema, or the two do not fit together), MODEL_FILE_DAMAGED and MODEL_OUTPUT_NOT_TENSOR.
 */
export async function readBundle(directory: string): Promise<Bundle> {
  if (!(await exists(directory))) {
    throw errors.BUNDLE_INVALID({ path: directory, problem: 'there is no such folder' });
  }
  const yaml = await readYamlFile(join(directory, 'model.yaml'), BundleManifest);
  if (yaml.kind === 'absent') {
    throw errors.BUNDLE_INVALID({ path: directory, problem: 'it has no model.yaml' });
  }
  if (yaml.kind === 'invalid') {
    throw errors.BUNDLE_INVALID({ path: directory, problem: `model.yaml: ${yaml.problem}` });
  }
  const modelPath = join(directory, 'model.onnx');
  if (!(await exists(modelPath))) {
    throw errors.BUNDLE_INVALID({ path: directory, problem: 'it has no model.onnx' });
  }
  const manifest = completeManifest(yaml.value, await inspectOnnxFile(modelPath), directory);
  const referencePath = join(directory, 'reference.parquet');
  return {
    manifest,
    modelPath,
    referencePath: (await exists(referencePath)) ? referencePath : undefined,
    modelYaml: yaml.text,
  };
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (cause: unknown) => {
      const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
      if (code === 'ENOENT' || code === 'ENOTDIR') return false;
      throw cause;
    },
  );
}
