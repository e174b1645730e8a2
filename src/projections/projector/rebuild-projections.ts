import { acquireDatasetLock } from '../datasets/dataset-lock.js';
import {
  datasetsDirectory,
  emptyManifest,
  readManifest,
  writeManifest,
  type DatasetManifest,
} from '../datasets/dataset-manifest.js';
import { systemClock } from '../../services/platform/clock.js';
import { HindcastError } from '../../services/platform/errors.js';
import { projectSteps, type ProjectionResult, type ProjectorOptions } from './project-available.js';
import { removeOrphans } from './remove-files.js';

/**
 * Makes every dataset again from the log and puts the result in force at once; until then readers see the state before.
 * Works on damaged datasets too. An interrupted rebuild changes nothing.
 */
export async function rebuildProjections(options: ProjectorOptions): Promise<ProjectionResult> {
  const directory = datasetsDirectory(options.dataDirectory);
  const lock = await acquireDatasetLock(directory);
  if (lock === undefined) return { kind: 'busy' };
  try {
    const old = await readable(directory);
    const made = await projectSteps({ ...options, directory, before: emptyManifest(), commitEach: false });
    if (options.signal?.aborted === true) return { kind: 'projected', position: old.checkpoint, events: 0 };
    const at = (options.clock ?? systemClock).nowMicros();
    const gone = [...filesOf(old), ...old.replaced.map((file) => file.path)];
    const next = { ...made, replaced: [...made.replaced, ...gone.map((path) => ({ path, at }))] };
    await writeManifest(directory, next);
    await removeOrphans(directory, next);
    return { kind: 'projected', position: next.checkpoint, events: next.checkpoint };
  } finally {
    await lock.release();
  }
}

async function readable(directory: string): Promise<DatasetManifest> {
  try {
    return await readManifest(directory);
  } catch (error) {
    // A rebuild is the remedy for a damaged manifest, so it is no reason to stop.
    if (error instanceof HindcastError && error.code === 'DATASET_DAMAGED') return emptyManifest();
    throw error;
  }
}

function filesOf(manifest: DatasetManifest): string[] {
  return [
    ...manifest.models.flatMap((model) => [
      ...model.parts.map((part) => part.path),
      ...(model.patches === undefined ? [] : [model.patches.path]),
    ]),
    ...Object.values(manifest.shared).flatMap((parts) => parts.map((part) => part.path)),
  ];
}
