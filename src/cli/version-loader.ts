import type { ProfiledModel } from '../replay/attribution/compare-on-row.js';
import { loadOnnxModel } from '../services/inference/onnx-adapter.js';
import { registeredModel } from '../services/inference/registry.js';
import type { RegisteredVersion, RegistryState } from '../services/inference/registry.js';
import { HindcastError } from '../services/platform/errors.js';
import { loadOptions } from './load-version.js';
import { readProfile } from './read-profile.js';
import type { Workspace } from './workspace.js';

export interface LoadedVersion extends ProfiledModel {
  readonly digest: string;
}

/** A version ready to run, or why it is not. */
export type Loading = LoadedVersion | { readonly problem: string };

/** Loads each version of a model once, on this thread; `close` closes all that were loaded. */
export interface VersionLoader {
  load(version: string): Promise<Loading>;
  close(): Promise<void>;
}

/** A version that is not registered, or whose artefact is damaged or gone, is an answer and not an error. */
export function versionLoader(
  { artefacts }: Pick<Workspace, 'artefacts'>,
  registry: RegistryState,
  model: string,
): VersionLoader {
  const loaded = new Map<string, Promise<Loading>>();
  const load = async (version: string): Promise<Loading> => {
    const versions = registeredModel(registry, model)?.versions ?? {};
    const registered: RegisteredVersion | undefined = Object.hasOwn(versions, version)
      ? versions[version]
      : undefined;
    if (registered === undefined) return { problem: `${version} is not a registered version` };
    try {
      const found = await loadOptions(artefacts, registered);
      const profile = await readProfile(artefacts, registered);
      return {
        model: await loadOnnxModel(found),
        profile: profile?.features,
        digest: found.artefactDigest,
      };
    } catch (error) {
      if (error instanceof HindcastError) return { problem: `${version} cannot be run: ${error.message}` };
      throw error;
    }
  };
  return {
    load: (version) => {
      const known = loaded.get(version) ?? load(version);
      loaded.set(version, known);
      return known;
    },
    close: async () => {
      for (const each of await Promise.allSettled(loaded.values()))
        if (each.status === 'fulfilled' && 'model' in each.value) await each.value.model.close();
    },
  };
}
