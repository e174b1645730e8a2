import type { Clock } from '../platform/clock.js';
import type { LogReader } from './event-log.js';
import type { KurrentLog } from './kurrent-log/kurrent-log.js';

/** Where a log is: in a folder of this machine, or on a KurrentDB cluster. */
export interface LogLocation {
  /** Of the log on disk; read and made only without `cluster`. */
  readonly directory: string;
  readonly cluster: ClusterLocation | undefined;
}

export interface ClusterLocation {
  readonly connectionString: string;
  /** Before the name of every stream; several logs of one cluster differ in it. */
  readonly streamPrefix: string;
}

/** Opens a log for reading. Throws LOG_NOT_FOUND for a folder without one, and CONFIG_INVALID. */
export async function openLogReader(location: LogLocation, clock: Clock): Promise<LogReader> {
  if (location.cluster !== undefined) return await openClusterLog(location.cluster, clock);
  const { openSegmentLogReader } = await import('./segment-log/segment-log-reader.js');
  return await openSegmentLogReader({ directory: location.directory });
}

/** Opens the log on a cluster for reading and appending; any number of processes may. Throws CONFIG_INVALID. */
export async function openClusterLog(cluster: ClusterLocation, clock: Clock): Promise<KurrentLog> {
  const { openKurrentLog } = await import('./kurrent-log/kurrent-log.js');
  return await openKurrentLog({ ...cluster, clock });
}
