import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { loadRegistry } from '../projections/load-registry.js';
import type { Analytics } from '../projections/datasets/open-analytics.js';
import type { EventAppender, LogReader } from '../services/event-log/event-log.js';
import { openAppender } from '../services/event-log/remote-appender.js';
import { openSegmentLogReader } from '../services/event-log/segment-log/segment-log-reader.js';
import { openArtefactStore } from '../services/inference/artefact-store.js';
import type { ArtefactStore } from '../services/inference/artefact-store.js';
import type { RegistryState } from '../services/inference/registry.js';
import { emptyRegistry } from '../services/inference/registry.js';
import { systemClock } from '../services/platform/clock.js';

/** Where things are in a data folder. */
export function dataPaths(directory: string): {
  readonly log: string;
  readonly artefacts: string;
  readonly reports: string;
} {
  return {
    log: join(directory, 'log'),
    artefacts: join(directory, 'artefacts'),
    reports: join(directory, 'reports'),
  };
}

/** A data folder opened for reading; commands that write ask for the appender. Everything opened here is closed by `close`. */
export interface Workspace {
  readonly directory: string;
  readonly reader: LogReader;
  readonly artefacts: ArtefactStore;
  registry(): Promise<RegistryState>;
  analytics(): Promise<Analytics>;
  close(): Promise<void>;
}

/** Throws LOG_NOT_FOUND when the folder holds no log. */
export async function openWorkspace(directory: string): Promise<Workspace> {
  const paths = dataPaths(directory);
  const reader = await openSegmentLogReader({ directory: paths.log });
  const opened: Analytics[] = [];
  return {
    directory,
    reader,
    artefacts: openArtefactStore(paths.artefacts),
    registry: async () => (await loadRegistry({ dataDirectory: directory, reader })).state,
    analytics: async () => {
      // DuckDB takes longer to load than most commands take to run: only those that ask it pay for it.
      const { openAnalytics } = await import('../projections/datasets/open-analytics.js');
      const analytics = await openAnalytics({ dataDirectory: directory, reader });
      opened.push(analytics);
      return analytics;
    },
    close: async () => {
      for (const analytics of opened) await analytics.close();
      await reader.close();
    },
  };
}

export async function withWorkspace<Result>(
  directory: string,
  work: (workspace: Workspace) => Promise<Result>,
): Promise<Result> {
  const workspace = await openWorkspace(directory);
  try {
    return await work(workspace);
  } finally {
    await workspace.close();
  }
}

/**
 * Runs `work` with something that takes events: the log itself when nobody holds it, else the process that does.
 * Makes the log when there is none. `registry` is what the log says at that moment.
 */
export async function withAppender<Result>(
  directory: string,
  work: (tools: {
    readonly appender: EventAppender;
    readonly registry: RegistryState;
    readonly artefacts: ArtefactStore;
  }) => Promise<Result>,
): Promise<Result> {
  const paths = dataPaths(directory);
  const fresh = !existsSync(paths.log);
  const appender = await openAppender({ directory: paths.log, clock: systemClock });
  try {
    const registry = fresh
      ? emptyRegistry
      : await withWorkspace(directory, (workspace) => workspace.registry());
    return await work({ appender, registry, artefacts: openArtefactStore(paths.artefacts) });
  } finally {
    await appender.close();
  }
}
