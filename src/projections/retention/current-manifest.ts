import { join } from 'node:path';
import type { LogHead, LogReader } from '../../services/event-log/event-log.js';
import type { RegistryState } from '../../services/inference/registry.js';
import { errors } from '../../services/platform/errors.js';
import {
  emptyManifest,
  readManifest,
  type DatasetManifest,
  type ModelDataset,
} from '../datasets/dataset-manifest.js';
import { emptySchema, withVersion } from '../datasets/dataset-schema.js';
import { registryBefore } from './registry-before.js';

/**
 * The state in force and the log's head, such that the log can be read from the state's checkpoint. Datasets that were
 * lost begin with the first event that is kept, and say so in `missingBefore`. Throws DATASET_DAMAGED when they end
 * before it (they were restored from an old copy), DATASET_BEYOND_LOG when they end behind the log's head.
 */
export async function currentManifest(
  directory: string,
  reader: LogReader,
): Promise<{ readonly manifest: DatasetManifest; readonly head: LogHead }> {
  let manifest = await readManifest(directory);
  const head = await reader.head();
  const { firstPosition } = head;
  // What was dropped between the two looks was projected before: another look at the manifest finds it.
  if (manifest.checkpoint < firstPosition) manifest = await readManifest(directory);
  if (manifest.checkpoint > head.nextPosition) {
    throw errors.DATASET_BEYOND_LOG({
      path: join(directory, 'manifest.json'),
      checkpoint: String(manifest.checkpoint),
      nextPosition: String(head.nextPosition),
    });
  }
  if (manifest.checkpoint >= firstPosition) return { manifest, head };
  if (manifest.checkpoint === 0) {
    return { manifest: lostManifest(firstPosition, await registryBefore(reader, firstPosition)), head };
  }
  throw errors.DATASET_DAMAGED({
    path: join(directory, 'manifest.json'),
    problem: `it ends before position ${manifest.checkpoint}, and retention has dropped everything before ${firstPosition} from the log: what lies between is in neither`,
  });
}

/** Nothing projected, nothing before `firstPosition` to project; models as they were registered before it. */
export function lostManifest(firstPosition: number, registry: RegistryState): DatasetManifest {
  const models = Object.entries(registry.models).map(([name, { versions }]): ModelDataset => {
    const manifests = Object.values(versions).map((version) => version.manifest);
    return { name, schema: manifests.reduce(withVersion, emptySchema), parts: [] };
  });
  return {
    ...emptyManifest(),
    checkpoint: firstPosition,
    models,
    registry,
    ...(firstPosition === 0 ? undefined : { missingBefore: firstPosition }),
  };
}
