import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { loadRegistry } from '../projections/load-registry.js';
import type { Analytics } from '../projections/datasets/open-analytics.js';
import { appendInParts } from '../services/event-log/append-in-parts.js';
import type { EventAppender, LogReader } from '../services/event-log/event-log.js';
import { openClusterLog, openLogReader } from '../services/event-log/log-location.js';
import type { LogLocation } from '../services/event-log/log-location.js';
import { openAppender } from '../services/event-log/remote-appender.js';
import { openArtefactStore } from '../services/inference/artefact-store.js';
import type { ArtefactStore } from '../services/inference/artefact-store.js';
import type { RegistryState } from '../services/inference/registry.js';
import { emptyRegistry } from '../services/inference/registry.js';
import { systemClock } from '../services/platform/clock.js';
import type { Config } from '../services/platform/config.js';
import { errors } from '../services/platform/errors.js';
import { limits } from '../services/platform/limits.js';
import { note } from './print.js';

/** Where things are in a data folder. */
export function dataPaths(directory: string): {
  readonly log: string;
  readonly artefacts: string;
  /** What waits for a cluster that is away. */
  readonly spool: string;
  readonly reports: string;
} {
  return {
    log: join(directory, 'log'),
    artefacts: join(directory, 'artefacts'),
    spool: join(directory, 'spool'),
    reports: join(directory, 'reports'),
  };
}

/** The data folder and where its log is. */
export type DataLocation = Pick<Config, 'data'> & {
  readonly log: Pick<Config['log'], 'url' | 'streamPrefix'>;
};

/** A data folder with its log inside, whatever the configuration says. */
export function embeddedLocation(directory: string): DataLocation {
  return { data: directory, log: { url: undefined, streamPrefix: '' } };
}

/** Where the log of a data folder is. */
export function logLocation({ data, log }: DataLocation): LogLocation {
  return {
    directory: dataPaths(data).log,
    cluster:
      log.url === undefined ? undefined : { connectionString: log.url, streamPrefix: log.streamPrefix },
  };
}

/** The folder of a log on disk. Throws USAGE_INVALID when the log is on a cluster, which has tools of its own. */
export function logFolder(location: DataLocation): string {
  const { cluster, directory } = logLocation(location);
  if (cluster === undefined) return directory;
  throw errors.USAGE_INVALID({
    problem: 'This works on the files of a log on disk, and the log is on a KurrentDB cluster.',
  });
}

/** A data folder opened for reading; commands that write ask for the appender. Everything opened here is closed by `close`. */
export interface Workspace {
  readonly location: DataLocation;
  readonly directory: string;
  readonly reader: LogReader;
  readonly artefacts: ArtefactStore;
  registry(): Promise<RegistryState>;
  analytics(): Promise<Analytics>;
  close(): Promise<void>;
}

/** Throws LOG_NOT_FOUND when the folder holds no log, and LOG_UNAVAILABLE later when the cluster is away. */
async function openWorkspace(location: DataLocation): Promise<Workspace> {
  const directory = location.data;
  const paths = dataPaths(directory);
  const reader = await openLogReader(logLocation(location), systemClock);
  const opened: Analytics[] = [];
  return {
    location,
    directory,
    reader,
    artefacts: openArtefactStore(paths.artefacts),
    registry: async () => (await loadRegistry({ dataDirectory: directory, reader })).state,
    analytics: async () => {
      // DuckDB takes longer to load than most commands take to run: only those that ask it pay for it.
      const { openAnalytics } = await import('../projections/datasets/open-analytics.js');
      const analytics = await openAnalytics({
        dataDirectory: directory,
        reader,
        onLongTail: noteLongTail,
      });
      opened.push(analytics);
      return analytics;
    },
    close: async () => {
      for (const analytics of opened) await analytics.close();
      await reader.close();
    },
  };
}

function noteLongTail(): void {
  const events = limits.longTailEvents.toLocaleString('en-US');
  note(
    `more than ${events} events are in no dataset yet and are read from the log first; after \`hindcast projections run\` that is quicker`,
  );
}

export async function withWorkspace<Result>(
  location: DataLocation,
  work: (workspace: Workspace) => Promise<Result>,
): Promise<Result> {
  const workspace = await openWorkspace(location);
  try {
    return await work(workspace);
  } finally {
    await workspace.close();
  }
}

interface AppenderTools {
  readonly appender: EventAppender;
  readonly registry: RegistryState;
  readonly artefacts: ArtefactStore;
}

/**
 * Runs `work` with something that takes events: the log itself when nobody holds it, else the process that does; on a
 * cluster the log, which needs no lock, in parts where it takes fewer events at once. Makes the log when there is none.
 * `registry` is what the log says at that moment.
 */
export async function withAppender<Result>(
  location: DataLocation,
  work: (tools: AppenderTools) => Promise<Result>,
): Promise<Result> {
  const { directory, cluster } = logLocation(location);
  const artefacts = openArtefactStore(dataPaths(location.data).artefacts);
  if (cluster !== undefined) {
    const log = await openClusterLog(cluster, systemClock);
    try {
      const { state } = await loadRegistry({ dataDirectory: location.data, reader: log });
      return await work({ appender: appendInParts(log), registry: state, artefacts });
    } finally {
      await log.close();
    }
  }
  const fresh = !existsSync(directory);
  const appender = await openAppender({ directory, clock: systemClock });
  try {
    const registry = fresh
      ? emptyRegistry
      : await withWorkspace(location, (workspace) => workspace.registry());
    return await work({ appender, registry, artefacts });
  } finally {
    await appender.close();
  }
}
