import type { NewEvent, StoredEvent } from '../../../../schemas/events.js';
import type { Clock } from '../../../platform/clock.js';
import { HindcastError, errors } from '../../../platform/errors.js';
import { limits } from '../../../platform/limits.js';
import { systemTimers, type Timers } from '../../../platform/timers.js';
import { appendInParts } from '../../append-in-parts.js';
import type { AppendReceipt } from '../../event-log.js';
import { segmentFacts } from '../../segment-log/segment-facts.js';
import { openSegmentLog } from '../../segment-log/segment-log.js';
import { backoffMs } from '../backoff.js';
import type { KurrentLog } from '../kurrent-log.js';
import { readShipped, shippedFileName, writeShipped } from './shipped-file.js';

/** A log on a cluster that keeps events on this machine's disk while the cluster is away, and ships them afterwards. */
export interface SpoolingLog extends KurrentLog {
  /** Events that were acknowledged as spooled and are not in the cluster yet. */
  readonly waitingEvents: number;
}

const spoolSegmentBytes = 16 * 1024 * 1024;
const shipEvents = 500;

/**
 * Puts a spool before a log; owns the log from here on. While the cluster is away, and until what waits is shipped,
 * appends go to a log in `directory` and are answered `placed: 'spooled'` once they are durable there. They are shipped in
 * order, and `shipped.json` moves behind each part. A part of which it is not known whether it arrived is asked for first,
 * so that a crash at any moment loses nothing and stores nothing twice. Events that answer an Idempotency-Key are
 * refused instead: their answer could not be found again before it is shipped. Throws LOG_IN_USE when another process has
 * the spool.
 */
export async function openSpoolingLog(options: {
  readonly log: KurrentLog;
  readonly directory: string;
  readonly clock: Clock;
  readonly timers?: Timers;
  /** A part could not be shipped; it is tried again. */
  readonly onError: (error: unknown) => void;
}): Promise<SpoolingLog> {
  const { log, directory, clock, onError } = options;
  const timers = options.timers ?? systemTimers;
  const spool = await openSegmentLog({ directory, clock, segmentBytes: spoolSegmentBytes });
  const closed = new AbortController();
  const cluster = appendInParts({ append: async (events) => await log.appendAgain(events) });
  let shipped = await readShipped(directory);
  const { nextPosition } = await spool.head();
  if (shipped > nextPosition) {
    await spool.close();
    const problem = `it says that ${shipped} events were shipped, and the spool has had ${nextPosition}`;
    throw errors.LOG_CORRUPT({
      segment: shippedFileName,
      offset: 0,
      position: String(nextPosition),
      problem,
    });
  }
  let waitingEvents = nextPosition - shipped;
  let shipping: Promise<void> | undefined = waitingEvents > 0 ? ship() : undefined;

  async function append(events: readonly NewEvent[]): Promise<AppendReceipt> {
    if (closed.signal.aborted) throw errors.LOG_CLOSED({});
    if (waitingEvents > 0) return await keep(events);
    try {
      return await log.append(events);
    } catch (error) {
      if (!(error instanceof HindcastError) || error.code !== 'LOG_UNAVAILABLE') throw error;
      return await keep(events, error);
    }
  }

  async function keep(events: readonly NewEvent[], because?: HindcastError): Promise<AppendReceipt> {
    const full = waitingEvents + events.length > limits.spoolEventsMax;
    if (full || events.some(answersKey)) {
      const problem = full
        ? `${waitingEvents} events wait in the spool already`
        : 'it is away or has to catch up, and a request with an Idempotency-Key is not spooled';
      throw because ?? errors.LOG_UNAVAILABLE({ problem });
    }
    // Before the write, so that nothing that comes now overtakes it.
    waitingEvents += events.length;
    try {
      const receipt = await spool.append(events);
      shipping ??= ship();
      return { ...receipt, placed: 'spooled' };
    } catch (error) {
      waitingEvents -= events.length;
      throw error;
    }
  }

  async function ship(): Promise<void> {
    for (let attempt = 0; waitingEvents > 0 && !closed.signal.aborted; attempt += 1) {
      try {
        await log.whenThere();
        for await (const batch of spool.read({ fromPosition: shipped })) {
          for (let at = 0; at < batch.length; at += shipEvents) {
            if (closed.signal.aborted) return;
            await shipPart(batch.slice(at, at + shipEvents));
            attempt = 0;
          }
        }
        if (waitingEvents === 0) await removeShipped();
      } catch (error) {
        if (!closed.signal.aborted) onError(error);
      }
      if (waitingEvents > 0) await timers.delay(backoffMs(attempt), closed.signal);
    }
    shipping = undefined;
  }

  async function shipPart(part: readonly StoredEvent[]): Promise<void> {
    await cluster.append(part.map(asNewEvent));
    shipped = (part.at(-1)?.position ?? shipped) + 1;
    await writeShipped(directory, shipped);
    waitingEvents -= part.length;
  }

  /** Whole segments whose events are all in the cluster. */
  async function removeShipped(): Promise<void> {
    const starts = (await segmentFacts(directory)).map((segment) => segment.firstPosition);
    const keepFrom = Math.max(0, ...starts.filter((start) => start <= shipped));
    if (keepFrom > (await spool.head()).firstPosition) await spool.dropBefore(keepFrom);
  }

  return {
    ...log,
    append,
    get waitingEvents() {
      return waitingEvents;
    },
    async close() {
      closed.abort();
      // First, since shipping may wait for a cluster that is away.
      await log.close();
      await shipping;
      await spool.close();
    },
  };
}

/** Without what the spool gave it; the cluster's log gives the true ones. */
function asNewEvent({ position: _position, recordedAt: _recordedAt, ...event }: StoredEvent): NewEvent {
  return event;
}

function answersKey(event: NewEvent): boolean {
  return 'idempotencyDigest' in event.data && event.data.idempotencyDigest !== undefined;
}
