import { openAnalytics, type Analytics } from '../../src/projections/datasets/open-analytics.js';
import { projectAvailable } from '../../src/projections/projector/project-available.js';
import { rebuildProjections } from '../../src/projections/projector/rebuild-projections.js';
import { readManifest, datasetsDirectory } from '../../src/projections/datasets/dataset-manifest.js';
import type { EventLog } from '../../src/services/event-log/event-log.js';
import { createMemoryLog } from '../../src/services/event-log/memory-log.js';
import { manualClock } from '../../src/services/platform/clock.js';
import type { NewEvent } from '../../src/schemas/events.js';
import { dayMicros, firstDayMicros } from './projection-events.js';
import { temporaryFolder } from './temporary-folder.js';

/** A log in memory, datasets on disk, and a clock that the test moves. */
export interface ProjectedLog {
  readonly folder: string;
  readonly datasets: string;
  readonly log: EventLog;
  readonly clock: ReturnType<typeof manualClock>;
  append(...events: NewEvent[]): Promise<number>;
  project(): Promise<void>;
  rebuild(): Promise<void>;
  analytics(): Promise<Analytics>;
  /** All rows of a query over a session of its own. */
  sql(query: string): Promise<unknown[][]>;
  manifest(): ReturnType<typeof readManifest>;
}

export async function projectedLog(): Promise<ProjectedLog> {
  const folder = await temporaryFolder();
  const clock = manualClock(firstDayMicros + 400 * dayMicros);
  const log = createMemoryLog({ clock });
  const datasets = datasetsDirectory(folder);
  const analytics = () => openAnalytics({ dataDirectory: folder, reader: log });
  return {
    folder,
    datasets,
    log,
    clock,
    append: async (...events) => (await log.append(events)).firstPosition,
    project: async () => {
      const result = await projectAvailable({ dataDirectory: folder, reader: log, clock });
      if (result.kind !== 'projected') throw new Error('another projector holds the lock');
    },
    rebuild: async () => {
      const result = await rebuildProjections({ dataDirectory: folder, reader: log, clock });
      if (result.kind !== 'projected') throw new Error('another projector holds the lock');
    },
    analytics,
    sql: async (query) => {
      const open = await analytics();
      try {
        return await rowsOf(open, query);
      } finally {
        await open.close();
      }
    },
    manifest: () => readManifest(datasets),
  };
}

export async function rowsOf(analytics: Analytics, query: string): Promise<unknown[][]> {
  const { rows } = await analytics.query(query);
  const all: unknown[][] = [];
  for await (const row of rows) all.push([...row]);
  return all;
}
