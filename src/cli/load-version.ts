import { loadServingModel } from '../services/inference/choose-placement.js';
import type { ArtefactStore } from '../services/inference/artefact-store.js';
import type { InferenceModel } from '../services/inference/inference-model.js';
import type { LoadOnnxOptions } from '../services/inference/onnx-adapter.js';
import type { RegisteredVersion, RegistryState } from '../services/inference/registry.js';
import { errors } from '../services/platform/errors.js';

/** Throws MODEL_NOT_FOUND or MODEL_VERSION_NOT_FOUND. */
export function registeredVersion(
  registry: RegistryState,
  model: string,
  version: string,
): RegisteredVersion {
  const found = registry.models[model];
  if (found === undefined) throw errors.MODEL_NOT_FOUND({ model, known: Object.keys(registry.models) });
  const registered = found.versions[version];
  if (registered === undefined)
    throw errors.MODEL_VERSION_NOT_FOUND({ model, version, known: Object.keys(found.versions) });
  return registered;
}

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
  return loadServingModel(await loadOptions(artefacts, registeredVersion(registry, model, version)));
}
