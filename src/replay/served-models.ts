import type { InferenceModel } from '../services/inference/inference-model.js';
import type { ReplayLane } from './replay-lane.js';
import type { ReplayOptions } from './replay-options.js';

/** The versions that served what was read so far, loaded in advance. */
export interface ServedModels {
  /** Has an effect once. */
  begin(): void;
  /** Whoever takes a model closes it. */
  take(version: string): Promise<InferenceModel>;
  /** What was loaded and not taken. */
  close(): Promise<void>;
}

export function servedModels(options: ReplayOptions, lane: ReplayLane): ServedModels {
  const loading = new Map<string, Promise<InferenceModel>>();
  let hasBegun = false;
  return {
    begin: () => {
      if (hasBegun) return;
      hasBegun = true;
      for (const { version } of lane.found().noiseSamples) {
        if (!options.manifests.has(version) || loading.has(version)) continue;
        const model = options.loadModel(version);
        // Met by whoever takes it.
        model.catch(() => undefined);
        loading.set(version, model);
      }
    },
    take: (version) => {
      const model = loading.get(version) ?? options.loadModel(version);
      loading.delete(version);
      return model;
    },
    close: async () => {
      const left = await Promise.allSettled(loading.values());
      for (const model of left) if (model.status === 'fulfilled') await model.value.close();
    },
  };
}
