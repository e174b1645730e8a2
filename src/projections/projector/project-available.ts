import type { StoredEvent } from '../../schemas/events.js';
import type { LogReader } from '../../services/event-log/event-log.js';
import { evolveRegistry } from '../../services/inference/registry.js';
import { systemClock, type Clock } from '../../services/platform/clock.js';
import { limits } from '../../services/platform/limits.js';
import { acquireDatasetLock } from '../datasets/dataset-lock.js';
import { datasetsDirectory, writeManifest, type DatasetManifest } from '../datasets/dataset-manifest.js';
import { currentManifest } from '../retention/current-manifest.js';
import { beginStage } from '../datasets/stage-events.js';
import { openDuckDb, type Database } from '../duckdb/open-duckdb.js';
import { removeIdleFiles, removeOrphans } from './remove-files.js';
import { writeStep } from './write-step.js';

/**
 * `busy`: another process projects this folder, nothing was done. `position`: everything before it is in parts, save
 * what retention dropped from the log before these datasets were made: some of what stood before `missingBefore`.
 */
export type ProjectionResult =
  | { readonly kind: 'busy' }
  | {
      readonly kind: 'projected';
      readonly position: number;
      readonly events: number;
      readonly missingBefore: number | undefined;
    };

export interface ProjectorOptions {
  readonly dataDirectory: string;
  readonly reader: LogReader;
  /** Events projected and events to project, in this run. */
  readonly onProgress?: (progress: {
    readonly done: number;
    readonly total: number;
    readonly position: number;
  }) => void;
  /** Stops between two batches; what was written by then is in force. */
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
}

/**
 * Brings the datasets from their checkpoint to the log's head as it is now, in steps of bounded size. Each step is in
 * force at once and whole: a crash leaves the state before it or after it. Throws LOG_CORRUPT,
 * DATASET_DAMAGED and DATASET_BEYOND_LOG.
 */
export async function projectAvailable(options: ProjectorOptions): Promise<ProjectionResult> {
  const directory = datasetsDirectory(options.dataDirectory);
  const lock = await acquireDatasetLock(directory);
  if (lock === undefined) return { kind: 'busy' };
  try {
    const { manifest: before } = await currentManifest(directory, options.reader);
    await removeOrphans(directory, before);
    const after = await projectSteps({ ...options, directory, before, commitEach: true });
    return {
      kind: 'projected',
      position: after.checkpoint,
      events: after.checkpoint - before.checkpoint,
      missingBefore: after.missingBefore,
    };
  } finally {
    await lock.release();
  }
}

/**
 * The steps themselves; the caller holds the lock. `commitEach`: false leaves the manifest as it is and returns the
 * state that the caller may put in force.
 */
export async function projectSteps(
  options: ProjectorOptions & {
    readonly directory: string;
    readonly before: DatasetManifest;
    readonly commitEach: boolean;
  },
): Promise<DatasetManifest> {
  const { directory, before, reader } = options;
  const head = await reader.head();
  let manifest = before;
  if (head.nextPosition === before.checkpoint) return manifest;
  const database = await openDuckDb({ temporaryDirectory: directory });
  try {
    const steps = stepsOf(reader, before.checkpoint, head.nextPosition, options.signal);
    for await (const next of projectEach(
      database,
      directory,
      steps,
      manifest,
      options.clock ?? systemClock,
    )) {
      manifest = next;
      if (options.commitEach) {
        await writeManifest(directory, manifest);
        manifest = await removeIdleFiles(directory, manifest, (options.clock ?? systemClock).nowMicros());
      }
      options.onProgress?.({
        done: manifest.checkpoint - before.checkpoint,
        total: head.nextPosition - before.checkpoint,
        position: manifest.checkpoint,
      });
    }
    return manifest;
  } finally {
    await database.close();
  }
}

/** A step: batches of events, then the position up to which they reach. */
interface Step {
  batches(): AsyncIterable<readonly StoredEvent[]>;
  /** Known after the batches were read. */
  until(): number;
}

async function* stepsOf(
  reader: LogReader,
  from: number,
  head: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Step> {
  let position = from;
  while (position < head && signal?.aborted !== true) {
    const start = position;
    let reached = start;
    yield {
      batches: async function* batches() {
        let events = 0;
        for await (const batch of reader.read({ fromPosition: start, untilPosition: head })) {
          if (signal?.aborted === true) return;
          // Counted, since positions of some logs are far apart.
          const taken = batch.slice(0, limits.tailEventsPerPart - events);
          events += taken.length;
          reached = (taken.at(-1)?.position ?? reached) + 1;
          yield taken;
          if (events === limits.tailEventsPerPart) return;
        }
        reached = head;
      },
      until: () => reached,
    };
    position = reached;
  }
}

async function* projectEach(
  database: Database,
  directory: string,
  steps: AsyncIterable<Step>,
  first: DatasetManifest,
  clock: Clock,
): AsyncGenerator<DatasetManifest> {
  let before = first;
  for await (const step of steps) {
    const stage = await beginStage(
      database,
      new Map(before.models.map((model) => [model.name, model.schema])),
    );
    let registry = before.registry;
    for await (const batch of step.batches()) {
      for (const event of batch) registry = evolveRegistry(registry, event);
      await stage.add(batch);
    }
    const written = await writeStep({ database, directory, before, staged: await stage.finish() });
    const at = clock.nowMicros();
    before = {
      formatVersion: 1,
      checkpoint: step.until(),
      models: [...written.models],
      shared: written.shared,
      registry,
      ...(before.missingBefore === undefined ? undefined : { missingBefore: before.missingBefore }),
      replaced: [...before.replaced, ...written.replaced.map((path) => ({ path, at }))],
    };
    yield before;
  }
}
