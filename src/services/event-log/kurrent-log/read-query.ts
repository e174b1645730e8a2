import { eventTypes } from '../../../schemas/events.js';
import { limits } from '../../platform/limits.js';
import type { ReadQuery } from '../event-log.js';
import { backoffMs } from './backoff.js';
import { ClusterFailure } from './cluster-failure.js';
import type { ClusterRecord } from './kurrent-client.js';
import { type ReadContext, findStart, readAllOnce } from './read-all.js';
import { readDayStreams } from './read-day-streams.js';
import { SeenRecords } from './seen-records.js';
import { dayStreams, streamPrefixes } from './stream-names.js';

/**
 * The records among which those of a query are, in the order of positions: of a time range with types that have a stream a
 * day only those days' streams, several at once; else of `$all`, filtered by the server. A read that breaks goes on where
 * it was. Rejects with a ClusterFailure.
 */
export async function* readQuery(
  context: ReadContext,
  query: ReadQuery & { readonly untilPosition: number },
  options: {
    readonly prefix: string;
    readonly registeredModels: () => Promise<readonly string[] | undefined>;
  },
): AsyncGenerator<ClusterRecord, void, undefined> {
  const streams = await daysOf(query, options);
  const from = query.fromPosition ?? 0;
  const records =
    streams === undefined
      ? readAllResuming(context, from, streamPrefixes(query, options.prefix), query)
      : readDayStreams(context, streams);
  for await (const record of records) {
    if (record.position >= query.untilPosition) return;
    if (record.position >= from) yield record;
  }
}

async function daysOf(
  query: ReadQuery,
  options: {
    readonly prefix: string;
    readonly registeredModels: () => Promise<readonly string[] | undefined>;
  },
): Promise<string[] | undefined> {
  const { occurredFrom, occurredUntil, types = eventTypes } = query;
  if (occurredFrom === undefined || occurredUntil === undefined) return undefined;
  const range = { types, occurredFrom, occurredUntil };
  const within = { prefix: options.prefix, streamsMax: limits.clusterStreamsAtOnceMax };
  // With one model at least, so that nobody is asked for all when their streams would be too many.
  if (dayStreams({ ...range, models: [query.model ?? ''] }, within) === undefined) return undefined;
  const models = query.model === undefined ? await options.registeredModels() : [query.model];
  return models === undefined ? undefined : dayStreams({ ...range, models }, within);
}

async function* readAllResuming(
  context: ReadContext,
  fromPosition: number,
  prefixes: readonly string[],
  { untilPosition }: { readonly untilPosition: number },
): AsyncGenerator<ClusterRecord, void, undefined> {
  const seen = new SeenRecords();
  let next = fromPosition;
  for (let attempt = 0; ; attempt += 1) {
    try {
      const start = { fromPosition: next, prefixes, seen };
      // A range of one position is of an event that somebody was given: no copy.
      const from = await findStart(
        context,
        untilPosition === next + 1 ? { ...start, windowRecords: 1 } : start,
      );
      for await (const record of readAllOnce(context, { ...start, from })) {
        attempt = 0;
        next = record.position + 1;
        yield record;
      }
      return;
    } catch (error) {
      const away = error instanceof ClusterFailure && error.kind === 'away';
      if (!away || attempt + 1 >= context.timing.appendAttemptsMax) throw error;
    }
    await context.timers.delay(backoffMs(attempt));
  }
}
