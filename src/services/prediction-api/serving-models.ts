import type { StoredEvent } from '../../schemas/events.js';
import { streamOf } from '../../schemas/events.js';
import type { ModelManifest } from '../../schemas/model-manifest.js';
import { errors } from '../platform/errors.js';
import type { Logger } from '../platform/logger.js';
import type { RowCheck } from '../inference/row-validator.js';
import { compileRowValidator } from '../inference/row-validator.js';
import type { InferenceModel } from '../inference/inference-model.js';
import { createSharedRunner } from '../inference/shared-run.js';
import type { SharedRunner } from '../inference/shared-run.js';
import { evolveRegistry, servingVersion } from '../inference/registry.js';
import type { RegistryState } from '../inference/registry.js';
import type { JsonObject } from '../../schemas/json-value.js';

/** A model as it serves: its manifest, its validator, and the run that waiting requests share. */
export interface ServingModel {
  readonly manifest: ModelManifest;
  /** Stream of its predictions. */
  readonly stream: string;
  readonly inference: InferenceModel;
  readonly check: (inputs: JsonObject) => RowCheck;
  readonly runner: SharedRunner;
}

/** Loads a registered version. The caller resolves and verifies its artefact. */
export type LoadVersion = (state: RegistryState, model: string, version: string) => Promise<InferenceModel>;

/** The versions that serve now; follows the registry's events as they are appended. */
export interface ServingModels {
  /** Throws MODEL_NOT_FOUND or MODEL_NOT_PROMOTED. */
  serving(model: string): ServingModel;
  names(): readonly string[];
  registry(): RegistryState;
  /** Folds registry events in; resolves when a newly promoted version is loaded and serves. */
  follow(events: readonly StoredEvent[]): Promise<void>;
  close(): Promise<void>;
}

export async function createServingModels(options: {
  readonly registry: RegistryState;
  readonly loadVersion: LoadVersion;
  readonly logger: Logger;
}): Promise<ServingModels> {
  let state = options.registry;
  const loaded = new Map<string, ServingModel>();
  let following: Promise<void> = Promise.resolve();

  const load = async (model: string): Promise<void> => {
    const version = servingVersion(state, model);
    const before = loaded.get(model);
    if (before?.manifest.version === version) return;
    if (version === undefined) {
      loaded.delete(model);
    } else {
      const inference = await options.loadVersion(state, model, version);
      loaded.set(model, {
        manifest: inference.manifest,
        stream: streamOf('prediction', inference.manifest.name),
        inference,
        check: compileRowValidator(inference.manifest),
        runner: createSharedRunner({ model: inference }),
      });
      options.logger.info({ model, version }, 'model serves');
    }
    // Requests that already hold the old version finish on it: its runner drains before its session is released.
    if (before !== undefined) await before.runner.close().then(() => before.inference.close());
  };

  for (const model of Object.keys(state.models)) await load(model);

  return {
    serving: (model) => {
      const found = loaded.get(model);
      if (found !== undefined) return found;
      const known = Object.keys(state.models);
      throw known.includes(model)
        ? errors.MODEL_NOT_PROMOTED({ model })
        : errors.MODEL_NOT_FOUND({ model, known });
    },
    names: () => Object.keys(state.models),
    registry: () => state,
    follow: (events) => {
      for (const event of events) state = evolveRegistry(state, event);
      following = following.then(async () => {
        for (const model of Object.keys(state.models)) await load(model);
      });
      return following;
    },
    close: async () => {
      await following;
      for (const model of loaded.values()) {
        await model.runner.close();
        await model.inference.close();
      }
      loaded.clear();
    },
  };
}
