import type { ModelManifest } from '../schemas/model-manifest.js';
import { loadServingModel } from '../services/inference/choose-placement.js';
import type { ArtefactStore } from '../services/inference/artefact-store.js';
import type { InferenceModel } from '../services/inference/inference-model.js';
import type { LoadOnnxOptions } from '../services/inference/onnx-adapter.js';
import { errors } from '../services/platform/errors.js';
import { registeredModel, requireVersion } from '../services/inference/registry.js';
import type { RegisteredVersion, RegistryState } from '../services/inference/registry.js';

/** What an adapter needs to load a registered version, its artefact's digest verified. Throws ARTEFACT_DAMAGED. */
export async function loadOptions(
  artefacts: ArtefactStore,
  registered: RegisteredVersion,
): Promise<LoadOnnxOptions> {
  const digest = registered.artefacts.model.sha256;
  await artefacts.verify(digest);
  return {
    manifest: registered.manifest,
    modelPath: artefacts.path(digest),
    artefactDigest: digest,
    featureSchemaDigest: registered.featureSchemaDigest,
  };
}

/** Loads a registered version for serving, inline or in a worker by its measured cost. */
export async function loadForServing(
  artefacts: ArtefactStore,
  registry: RegistryState,
  model: string,
  version: string,
): Promise<InferenceModel> {
  return loadServingModel(await loadOptions(artefacts, requireVersion(registry, model, version)));
}

/** The manifest of the newest version of a model: enough to know its task. Throws MODEL_NOT_FOUND. */
export function newestManifest(registry: RegistryState, model: string): ModelManifest {
  const newest = Object.values(registeredModel(registry, model)?.versions ?? {}).at(-1);
  if (newest === undefined) throw errors.MODEL_NOT_FOUND({ model, known: Object.keys(registry.models) });
  return newest.manifest;
}
