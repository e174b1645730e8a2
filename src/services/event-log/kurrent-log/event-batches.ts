import type { StoredEvent } from '../../../schemas/events.js';
import { limits } from '../../platform/limits.js';
import { estimateBytes } from '../estimate-bytes.js';
import type { ReadQuery } from '../event-log.js';
import { modelOf } from '../model-of.js';
import type { ClusterRecord } from './kurrent-client.js';
import { decodeRecord } from './record-codec.js';

const batchBytesWanted = 4 * 1024 * 1024;

/** The events of records that a query asks for, in bounded batches, none empty. */
export async function* eventBatches(
  records: AsyncIterable<ClusterRecord>,
  query: ReadQuery,
): AsyncGenerator<readonly StoredEvent[], void, undefined> {
  let batch: StoredEvent[] = [];
  let bytes = 0;
  for await (const record of records) {
    const event = decodeRecord(record);
    if (event === undefined || !isWanted(event, query)) continue;
    batch.push(event);
    bytes += estimateBytes(record.data);
    if (batch.length < limits.readBatchEventsMax && bytes < batchBytesWanted) continue;
    yield batch;
    batch = [];
    bytes = 0;
  }
  if (batch.length > 0) yield batch;
}

export function isWanted(event: StoredEvent, query: ReadQuery): boolean {
  return (
    event.occurredAt >= (query.occurredFrom ?? -Infinity) &&
    event.occurredAt < (query.occurredUntil ?? Infinity) &&
    (query.types === undefined || query.types.includes(event.type)) &&
    (query.model === undefined || query.model === modelOf(event))
  );
}
