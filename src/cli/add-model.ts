import { readFile } from 'node:fs/promises';
import type { ModelRegistered } from '../schemas/events.js';
import { buildReferenceProfile } from '../projections/reference-profile/build-reference-profile.js';
import type { EventAppender } from '../services/event-log/event-log.js';
import type { ArtefactStore } from '../services/inference/artefact-store.js';
import { loadOnnxModel } from '../services/inference/onnx-adapter.js';
import { applyProfile } from '../services/inference/apply-profile.js';
import { featureSchemaDigest } from '../services/inference/feature-schema-digest.js';
import { readBundle } from '../services/inference/read-bundle.js';
import { decideRegister } from '../services/inference/registry.js';
import type { RegistryState } from '../services/inference/registry.js';
import type { Clock } from '../services/platform/clock.js';
import { errors, HindcastError } from '../services/platform/errors.js';
import { newId } from '../services/platform/new-id.js';

export interface AddedModel {
  readonly model: string;
  readonly version: string;
  /** False: this very version was registered already, and nothing was appended. */
  readonly added: boolean;
  readonly features: number;
  readonly profileRows: number | undefined;
}

/**
 * The use case of `model add`: read the bundle, run it once on its reference rows, derive ranges, categories and
 * missing rates from data, store the artefacts, and append `ModelRegistered`.
 */
export async function addModel(options: {
  readonly bundle: string;
  /** A Parquet file with the whole data set, for ranges and categories wider than the reference sample's. */
  readonly rangesFrom?: string | undefined;
  readonly registry: RegistryState;
  readonly artefacts: ArtefactStore;
  readonly appender: EventAppender;
  readonly clock: Clock;
}): Promise<AddedModel> {
  const { artefacts, clock } = options;
  const bundle = await readBundle(options.bundle);
  const modelArtefact = await artefacts.put(await readFile(bundle.modelPath));
  const model = await loadOnnxModel({
    manifest: bundle.manifest,
    modelPath: artefacts.path(modelArtefact.sha256),
    artefactDigest: modelArtefact.sha256,
    featureSchemaDigest: featureSchemaDigest(bundle.manifest),
  });
  try {
    const profiled = (parquetPath: string): ReturnType<typeof buildReferenceProfile> =>
      buildReferenceProfile({
        parquetPath,
        manifest: bundle.manifest,
        run: (batch) => model.run(batch).catch((error: unknown) => refuseRows(parquetPath, error)),
      });
    const profile = bundle.referencePath === undefined ? undefined : await profiled(bundle.referencePath);
    const ranges = options.rangesFrom === undefined ? undefined : await profiled(options.rangesFrom);
    const manifest = profile === undefined ? bundle.manifest : applyProfile(bundle.manifest, profile, ranges);
    const stored: ModelRegistered['data']['artefacts'] = {
      model: modelArtefact,
      ...(bundle.referencePath === undefined
        ? undefined
        : { reference: await artefacts.put(await readFile(bundle.referencePath)) }),
      ...(profile === undefined
        ? undefined
        : { profile: await artefacts.put(Buffer.from(JSON.stringify(profile))) }),
    };
    const events = decideRegister(options.registry, {
      id: newId(),
      occurredAt: clock.nowMicros(),
      manifest,
      featureSchemaDigest: featureSchemaDigest(manifest),
      artefacts: stored,
    });
    if (events.length > 0) await options.appender.append(events);
    return {
      model: manifest.name,
      version: manifest.version,
      added: events.length > 0,
      features: manifest.features.length,
      profileRows: profile?.rows,
    };
  } finally {
    await model.close();
  }
}

/** Rows that a model was trained on and fails on are a fault of the bundle, mostly a value that its manifest does not allow to be missing. */
function refuseRows(path: string, error: unknown): never {
  if (!(error instanceof HindcastError) || error.code !== 'INFERENCE_FAILED') throw error;
  const problem = `the model fails on its rows (${String(error.details['problem'])}); a feature that may be missing needs \`missing:\` in model.yaml`;
  throw errors.BUNDLE_INVALID({ path, problem }, error);
}
