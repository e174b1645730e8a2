import { acquireDatasetLock } from '../datasets/dataset-lock.js';
import {
  datasetsDirectory,
  emptyManifest,
  readManifest,
  writeManifest,
  type DatasetManifest,
} from '../datasets/dataset-manifest.js';
import { systemClock } from '../../services/platform/clock.js';
import type { LogReader } from '../../services/event-log/event-log.js';
import { HindcastError, errors } from '../../services/platform/errors.js';
import { projectSteps, type ProjectionResult, type ProjectorOptions } from './project-available.js';
import { lostManifest } from '../retention/current-manifest.js';
import { againWhenOvertaken } from '../retention/overtaken.js';
import { registryBefore } from '../retention/registry-before.js';
import { removeOrphans } from './remove-files.js';
import { takeOver } from './take-over.js';

/**
 * Makes every dataset again from the log and puts the result in force at once; until then readers see the state before.
 * Works on damaged datasets too. An interrupted rebuild changes nothing. Rows of events that retention dropped from the
 * log are taken over from the datasets that are there; throws DATASET_NOT_REBUILDABLE when those cannot be read,
 * unless `acceptLoss`.
 */
export async function rebuildProjections(
  options: ProjectorOptions & { readonly acceptLoss?: boolean },
): Promise<ProjectionResult> {
  const directory = datasetsDirectory(options.dataDirectory);
  const lock = await acquireDatasetLock(directory);
  if (lock === undefined) return { kind: 'busy' };
  try {
    const old = await readable(directory);
    const { before, made } = await againWhenOvertaken(async () => {
      const { firstPosition } = await options.reader.head();
      const base = await baseOf({ ...options, directory, old, firstPosition });
      return {
        before: base,
        made: await projectSteps({ ...options, directory, before: base, commitEach: false }),
      };
    });
    if (options.signal?.aborted === true) {
      return { kind: 'projected', position: old?.checkpoint ?? 0, events: 0, missingBefore: undefined };
    }
    const at = (options.clock ?? systemClock).nowMicros();
    const gone = old === undefined ? [] : [...filesOf(old), ...old.replaced.map((file) => file.path)];
    const next = { ...made, replaced: [...made.replaced, ...gone.map((path) => ({ path, at }))] };
    await writeManifest(directory, next);
    await removeOrphans(directory, next);
    return {
      kind: 'projected',
      position: next.checkpoint,
      events: next.checkpoint - before.checkpoint,
      missingBefore: next.missingBefore,
    };
  } finally {
    await lock.release();
  }
}

/** What the steps begin with: nothing, or what the log has no longer. Throws DATASET_NOT_REBUILDABLE. */
export async function baseOf(options: {
  readonly directory: string;
  readonly reader: LogReader;
  /** Undefined: damaged. */
  readonly old: DatasetManifest | undefined;
  readonly firstPosition: number;
  readonly acceptLoss?: boolean;
}): Promise<DatasetManifest> {
  const { directory, reader, old, firstPosition, acceptLoss } = options;
  if (firstPosition === 0) return emptyManifest();
  const lost = lostManifest(firstPosition, await registryBefore(reader, firstPosition));
  if (old?.checkpoint === 0 || acceptLoss === true) return lost;
  const refused = (problem: string, cause?: unknown) =>
    errors.DATASET_NOT_REBUILDABLE({ path: directory, firstPosition: String(firstPosition), problem }, cause);
  if (old === undefined) throw refused('the manifest is damaged');
  try {
    return await takeOver({ directory, old, lost });
  } catch (error) {
    throw refused(error instanceof Error ? error.message : String(error), error);
  }
}

/** Undefined: damaged. A rebuild is the remedy for that, so it is no reason to stop. */
export async function readable(directory: string): Promise<DatasetManifest | undefined> {
  try {
    return await readManifest(directory);
  } catch (error) {
    if (error instanceof HindcastError && error.code === 'DATASET_DAMAGED') return undefined;
    throw error;
  }
}

/** Every file that a state names. */
export function filesOf(manifest: DatasetManifest): string[] {
  return [
    ...manifest.models.flatMap((model) => [
      ...model.parts.map((part) => part.path),
      ...(model.patches === undefined ? [] : [model.patches.path]),
    ]),
    ...Object.values(manifest.shared).flatMap((parts) => parts.map((part) => part.path)),
  ];
}
