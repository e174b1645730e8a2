import { errors } from '../../platform/errors.js';
import { limits } from '../../platform/limits.js';
import type { Timers } from '../../platform/timers.js';
import { ClusterFailure } from './cluster-failure.js';
import type { ClusterTiming } from './cluster-timing.js';
import type { ClusterRecord, KurrentClient } from './kurrent-client.js';
import type { SeenRecords } from './seen-records.js';
import { withoutStalling } from './without-stalling.js';

export interface ReadContext {
  readonly client: KurrentClient;
  readonly timers: Timers;
  readonly timing: ClusterTiming;
}

/**
 * `$all` from a place that `findStart` gave, of streams with one of the prefixes, each record once, in order, up to the
 * end as the server has it. Rejects with a ClusterFailure.
 */
export async function* readAllOnce(
  context: ReadContext,
  options: {
    readonly from: number | 'start';
    /** Records before it are not given out. */
    readonly fromPosition: number;
    readonly prefixes: readonly string[];
    readonly seen: SeenRecords;
  },
): AsyncGenerator<ClusterRecord, void, undefined> {
  const { from, fromPosition, prefixes, seen } = options;
  for await (const record of bounded(context, context.client.readAll({ from, prefixes }))) {
    if (seen.isNew(record.id, record.position) && record.position >= fromPosition) yield record;
  }
}

/**
 * Where the server can start: at a record's position. `fromPosition` is 0, that of an event, or one more than that; which
 * of the two is known only by asking. What is asked for are the records before, of which a later one may be a copy: `seen`
 * knows them afterwards. Throws LOG_POSITION_UNKNOWN, or a ClusterFailure.
 */
export async function findStart(
  context: ReadContext,
  options: {
    readonly fromPosition: number;
    readonly prefixes: readonly string[];
    readonly seen: SeenRecords;
    /** How many records before it are looked at, unless a copy is ruled out otherwise. */
    readonly windowRecords?: number;
  },
): Promise<number | 'start'> {
  const { fromPosition, prefixes, seen } = options;
  if (fromPosition <= 0) return 'start';
  const recordsMax = options.windowRecords ?? limits.clusterDuplicateWindowRecords;
  for (const from of [fromPosition - 1, fromPosition]) {
    try {
      const before: { id: string; position: number }[] = [];
      const records = context.client.readAllBackwards({ from, prefixes, recordsMax });
      for await (const { id, position } of bounded(context, records)) before.push({ id, position });
      for (const { id, position } of before.toReversed()) seen.isNew(id, position);
      return from;
    } catch (error) {
      if (!(error instanceof ClusterFailure) || error.kind !== 'unknown') throw error;
    }
  }
  throw errors.LOG_POSITION_UNKNOWN({ position: String(fromPosition) });
}

function bounded(
  { timers, timing }: ReadContext,
  records: AsyncIterable<ClusterRecord>,
): AsyncIterable<ClusterRecord> {
  return withoutStalling(records, { timers, idleMsMax: timing.readIdleMsMax, what: 'a read of $all' });
}
