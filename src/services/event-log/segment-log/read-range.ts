import type { StoredEvent } from '../../../schemas/events.js';
import { HindcastError } from '../../platform/errors.js';
import { limits } from '../../platform/limits.js';
import { MalformedPayload } from '../codec/packed.js';
import { decodeEvents } from '../event-codec.js';
import type { ReadQuery } from '../event-log.js';
import { payloadOf } from './frame.js';
import { type ReaderCache, corrupt, framesInRange } from './frames-in-range.js';
import type { Head } from './head-file.js';
import type { ScannedFrame } from './scan-frames.js';

/**
 * Small frames are gathered until a batch has so many events, or so many bytes of frames; a larger frame is a batch of
 * its own. Few, since events that are still held when memory is tidied are copied: with 8,192 a scan takes three times
 * as long as with 256.
 */
const batchEventsWanted = 256;
const batchFrameBytes = 128 * 1024;

/** The events that the query asks for, in bounded batches, up to `head`. Throws LOG_CORRUPT where the log is damaged. */
export async function* readRange(
  folder: { readonly directory: string; readonly cache: ReaderCache },
  head: Head,
  query: ReadQuery,
): AsyncGenerator<readonly StoredEvent[], void, undefined> {
  let batch: StoredEvent[] = [];
  let frameBytes = 0;
  const frames = framesInRange(folder, head, query);
  try {
    for await (const frame of frames) {
      query.signal?.throwIfAborted();
      const events = decode(frame, query);
      if (batch.length === 0) batch = events;
      else for (const event of events) batch.push(event);
      frameBytes += frame.bytes.byteLength;
      while (batch.length >= limits.readBatchEventsMax) {
        yield batch.slice(0, limits.readBatchEventsMax);
        batch = batch.slice(limits.readBatchEventsMax);
        frameBytes = 0;
      }
      if ((frameBytes >= batchFrameBytes && batch.length > 0) || batch.length >= batchEventsWanted) {
        yield batch;
        batch = [];
        frameBytes = 0;
      }
    }
  } catch (error) {
    // What came before the damage is sound, and the reader has a right to it.
    if (error instanceof HindcastError && error.code === 'LOG_CORRUPT' && batch.length > 0) yield batch;
    throw error;
  }
  if (batch.length > 0) yield batch;
}

function decode(frame: ScannedFrame & { segment: number }, query: ReadQuery): StoredEvent[] {
  const { firstPosition, count, recordedAt } = frame.header;
  try {
    return decodeEvents(payloadOf(frame.bytes), {
      firstPosition,
      recordedAt,
      ...(isSelective(query, firstPosition, count) ? { filter: query } : {}),
    });
  } catch (error) {
    if (!(error instanceof MalformedPayload)) throw error;
    throw corrupt(frame.segment, frame.offset, firstPosition, error.message);
  }
}

function isSelective(query: ReadQuery, firstPosition: number, count: number): boolean {
  return (
    query.types !== undefined ||
    query.model !== undefined ||
    query.occurredFrom !== undefined ||
    query.occurredUntil !== undefined ||
    (query.fromPosition ?? 0) > firstPosition ||
    (query.untilPosition ?? Infinity) < firstPosition + count
  );
}
