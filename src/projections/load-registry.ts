import type { LogReader } from '../services/event-log/event-log.js';
import { evolveRegistry, registryEventTypes, type RegistryState } from '../services/inference/registry.js';
import { datasetsDirectory, readManifest } from './datasets/dataset-manifest.js';

/** The registry at the log's head: the manifest's snapshot, then the model events after it. Reads the tail only. */
export async function loadRegistry(options: {
  readonly dataDirectory: string;
  readonly reader: LogReader;
}): Promise<{ readonly state: RegistryState; readonly position: number }> {
  const manifest = await readManifest(datasetsDirectory(options.dataDirectory));
  const { nextPosition } = await options.reader.head();
  let state = manifest.registry;
  if (nextPosition > manifest.checkpoint) {
    const events = options.reader.read({
      fromPosition: manifest.checkpoint,
      untilPosition: nextPosition,
      types: registryEventTypes,
    });
    for await (const batch of events) {
      for (const event of batch) state = evolveRegistry(state, event);
    }
  }
  return { state, position: Math.max(nextPosition, manifest.checkpoint) };
}
