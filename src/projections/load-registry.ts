import type { LogReader } from '../services/event-log/event-log.js';
import {
  emptyRegistry,
  evolveRegistry,
  registryEventTypes,
  type RegistryState,
} from '../services/inference/registry.js';
import { datasetsDirectory, readManifest } from './datasets/dataset-manifest.js';
import { againWhenOvertaken } from './retention/overtaken.js';

/** The registry at the log's head: the manifest's snapshot, then the model events after it. Reads the tail only. */
export async function loadRegistry(options: {
  readonly dataDirectory: string;
  readonly reader: LogReader;
}): Promise<{ readonly state: RegistryState; readonly position: number }> {
  return await againWhenOvertaken(async () => {
    const manifest = await readManifest(datasetsDirectory(options.dataDirectory));
    const { firstPosition, nextPosition } = await options.reader.head();
    // Datasets that were lost, restored from an old copy, or made from a longer log: the log alone has the registry
    // too, in a snapshot.
    const isBehind = manifest.checkpoint < firstPosition || manifest.checkpoint > nextPosition;
    let state = isBehind ? emptyRegistry : manifest.registry;
    const fromPosition = isBehind ? firstPosition : manifest.checkpoint;
    if (nextPosition > fromPosition) {
      const events = options.reader.read({
        fromPosition,
        untilPosition: nextPosition,
        types: registryEventTypes,
      });
      for await (const batch of events) {
        for (const event of batch) state = evolveRegistry(state, event);
      }
    }
    return { state, position: nextPosition };
  });
}
