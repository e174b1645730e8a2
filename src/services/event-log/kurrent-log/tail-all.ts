import type { StoredEvent } from '../../../schemas/events.js';
import { limits } from '../../platform/limits.js';
import type { ReadQuery } from '../event-log.js';
import { backoffMs } from './backoff.js';
import type { ClusterAvailability } from './cluster-availability.js';
import { ClusterFailure } from './cluster-failure.js';
import { eventBatches, isWanted } from './event-batches.js';
import type { ClusterRecord } from './kurrent-client.js';
import { readError } from './read-error.js';
import { type ReadContext, findStart, readAllOnce } from './read-all.js';
import { decodeRecord } from './record-codec.js';
import { SeenRecords } from './seen-records.js';

/**
 * What is there from a position on, then what comes, until the signal aborts. Nothing subscribes again by itself, so this
 * does: after every break it goes on behind the last record that it gave out, once the cluster answers. What it has taken
 * in and not given out yet is bounded: a slow consumer slows the sender.
 */
export async function* tailAll(
  context: ReadContext & { readonly availability: ClusterAvailability },
  options: {
    readonly fromPosition: number;
    readonly signal: AbortSignal;
    readonly prefixes: readonly string[];
    readonly query: ReadQuery;
  },
): AsyncGenerator<readonly StoredEvent[], void, undefined> {
  const { availability, timers, timing } = context;
  const { signal, prefixes, query } = options;
  let next = options.fromPosition;
  for (let attempt = 0; !signal.aborted; attempt += 1) {
    // Anew each time: what a break has kept from being given out must not count as seen.
    const seen = new SeenRecords();
    try {
      const from = await findStart(context, { fromPosition: next, prefixes, seen });
      let last = from;
      const noted = note(readAllOnce(context, { from, fromPosition: next, prefixes, seen }), (position) => {
        attempt = 0;
        last = position;
      });
      for await (const batch of eventBatches(noted, query)) {
        if (signal.aborted) return;
        next = (batch.at(-1)?.position ?? next) + 1;
        yield batch;
      }
      const live = context.client.subscribe({
        after: last,
        prefixes,
        signal,
        bufferRecordsMax: limits.clusterBufferRecordsMax,
      });
      for await (const records of live) {
        attempt = 0;
        const batch = newEvents(records, seen, query);
        next = (records.at(-1)?.position ?? next) + 1;
        if (signal.aborted) return;
        if (batch.length > 0) yield batch;
      }
    } catch (error) {
      if (signal.aborted) return;
      const lasting =
        !(error instanceof ClusterFailure) || (error.kind !== 'away' && error.kind !== 'unknown');
      if (lasting || (error.kind === 'unknown' && attempt + 1 >= timing.appendAttemptsMax))
        throw readError(error, availability);
      if (error.kind === 'away') availability.failed(error);
    }
    await timers.delay(backoffMs(attempt), signal);
    await availability.whenThere();
  }
}

async function* note(
  records: AsyncIterable<ClusterRecord>,
  reached: (position: number) => void,
): AsyncGenerator<ClusterRecord, void, undefined> {
  for await (const record of records) {
    reached(record.position);
    yield record;
  }
}

function newEvents(
  records: readonly ClusterRecord[],
  seen: SeenRecords,
  query: ReadQuery,
): readonly StoredEvent[] {
  return records.flatMap((record) => {
    const event = seen.isNew(record.id, record.position) ? decodeRecord(record) : undefined;
    return event !== undefined && isWanted(event, query) ? [event] : [];
  });
}
