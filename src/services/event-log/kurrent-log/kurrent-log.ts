import type { EventType, NewEvent, StoredEvent } from '../../../schemas/events.js';
import type { Clock } from '../../platform/clock.js';
import { errors } from '../../platform/errors.js';
import { systemTimers, type Timers } from '../../platform/timers.js';
import type { AppendReceipt, EventLog, LogHead, ReadQuery } from '../event-log.js';
import { modelOf } from '../model-of.js';
import { answered } from './answered.js';
import { createClusterAppender } from './cluster-appender.js';
import { ClusterAvailability } from './cluster-availability.js';
import { clusterTiming, type ClusterTiming } from './cluster-timing.js';
import { eventBatches } from './event-batches.js';
import { openKurrentClient } from './kurrent-client.js';
import { assertConnectionString } from './connection-string.js';
import { readError } from './read-error.js';
import { readQuery } from './read-query.js';
import { decodeRecord } from './record-codec.js';
import { streamPrefixes } from './stream-names.js';
import { tailAll } from './tail-all.js';
import { withAttempts } from './with-attempts.js';
import { withoutStalling } from './without-stalling.js';

/** The log on a KurrentDB cluster. `tail` takes the types that are wanted, so that the others are not sent. */
export interface KurrentLog extends EventLog {
  tail(options: {
    readonly fromPosition: number;
    readonly signal: AbortSignal;
    readonly types?: readonly EventType[];
  }): AsyncIterable<readonly StoredEvent[]>;
  /** As `append`, of events of which some may be stored already by an earlier attempt: they are not stored again. */
  appendAgain(events: readonly NewEvent[]): Promise<AppendReceipt>;
  /** Resolves when the cluster answers, as far as is known. */
  whenThere(): Promise<void>;
}

export interface KurrentLogOptions {
  /** `kurrentdb://[user:password@]host:2113[,…]?tls=…`. */
  readonly connectionString: string;
  readonly clock: Clock;
  /** Before the name of every stream: several logs in one cluster. */
  readonly streamPrefix?: string;
  /** False takes events of models that no `ModelRegistered` names. */
  readonly registeredModelsOnly?: boolean;
  readonly queueEventsMax?: number;
  readonly timers?: Timers;
  readonly timing?: ClusterTiming;
}

/**
 * The log on a KurrentDB cluster, which several processes may write at once. Nothing is sent before the first call.
 * Throws CONFIG_INVALID for a connection string that cannot be used. Reads and appends reject with LOG_UNAVAILABLE while
 * the cluster is away, and work again by themselves when it is back; a `tail` waits for that.
 */
export async function openKurrentLog(options: KurrentLogOptions): Promise<KurrentLog> {
  assertConnectionString(options.connectionString);
  const client = await openKurrentClient(options.connectionString);
  const timers = options.timers ?? systemTimers;
  const timing = options.timing ?? clusterTiming;
  const prefix = options.streamPrefix ?? '';
  const closed = new AbortController();
  const context = { client, timers, timing };
  const everything = streamPrefixes({}, prefix);

  // What was found already, so that it is not looked for again.
  const registrations = { names: new Set<string>(), until: 0 };

  const lastRecord = async () => {
    for await (const record of client.readAllBackwards({
      from: 'end',
      prefixes: everything,
      recordsMax: 1,
    }))
      return record;
    return undefined;
  };
  const askedLast = () =>
    answered(lastRecord(), { timers, withinMs: timing.readIdleMsMax, what: 'a read of the end of $all' });
  const availability = new ClusterAvailability({
    probe: async () => {
      await askedLast();
    },
    timers,
    closed: closed.signal,
  });
  const appender = createClusterAppender({
    ...context,
    availability,
    clock: neverBack(options.clock),
    prefix,
    ...(options.registeredModelsOnly === undefined
      ? undefined
      : { registeredModelsOnly: options.registeredModelsOnly }),
    ...(options.queueEventsMax === undefined ? undefined : { queueEventsMax: options.queueEventsMax }),
  });

  async function head(): Promise<LogHead> {
    assertOpen();
    try {
      const last = await withAttempts(context, askedLast);
      const event = last === undefined ? undefined : decodeRecord(last);
      return {
        // What a cluster drops by its own settings is not known here.
        firstPosition: 0,
        nextPosition: last === undefined ? 0 : last.position + 1,
        hash: undefined,
        recordedAt: event?.recordedAt ?? 0,
      };
    } catch (error) {
      throw readError(error, availability);
    }
  }

  async function* read(query: ReadQuery = {}): AsyncGenerator<readonly StoredEvent[], void, undefined> {
    assertOpen();
    query.signal?.throwIfAborted();
    const untilPosition = query.untilPosition ?? (await head()).nextPosition;
    try {
      const records = readQuery(context, { ...query, untilPosition }, { prefix, registeredModels });
      for await (const batch of eventBatches(records, query)) {
        yield batch;
        assertOpen();
        query.signal?.throwIfAborted();
      }
    } catch (error) {
      throw readError(error, availability);
    }
  }

  async function startOfLast(events: number): Promise<number> {
    assertOpen();
    try {
      return await withAttempts(context, async () => {
        let start = 0;
        let counted = 0;
        const records = client.readAllBackwards({ from: 'end', prefixes: everything, recordsMax: events });
        for await (const record of withoutStalling(records, {
          timers,
          idleMsMax: timing.readIdleMsMax,
          what: 'a read of the end of $all',
        })) {
          start = record.position;
          counted += 1;
        }
        return counted < events ? 0 : start;
      });
    } catch (error) {
      throw readError(error, availability);
    }
  }

  /** Models that have a registration in the log; undefined: others may have events too. */
  async function registeredModels(): Promise<readonly string[] | undefined> {
    if (options.registeredModelsOnly === false) return undefined;
    const { nextPosition } = await head();
    const query = { types: ['ModelRegistered'] as const, untilPosition: nextPosition };
    for await (const batch of read({ ...query, fromPosition: registrations.until }))
      for (const event of batch) registrations.names.add(modelOf(event));
    registrations.until = nextPosition;
    return [...registrations.names];
  }

  function assertOpen(): void {
    if (closed.signal.aborted) throw errors.LOG_CLOSED({});
  }

  return {
    capabilities: {
      densePositions: false,
      adjacentAppends: false,
      monotonicRecordedAt: false,
      durable: true,
    },
    append: async (events: readonly NewEvent[]) => await appender.append(events),
    appendAgain: async (events) => await appender.append(events, true),
    whenThere: async () => await availability.whenThere(),
    read,
    async *tail({ fromPosition, signal, types }) {
      assertOpen();
      const query = types === undefined ? {} : { types };
      yield* tailAll(
        { ...context, availability },
        {
          fromPosition,
          signal: AbortSignal.any([signal, closed.signal]),
          prefixes: streamPrefixes(query, prefix),
          query,
        },
      );
    },
    head,
    // A cluster keeps no chain.
    hashAt: () => Promise.resolve(undefined),
    startOfLast,
    async close() {
      await appender.close();
      if (closed.signal.aborted) return;
      closed.abort();
      await client.close();
    },
  };
}

/** The clock, but never back: `recordedAt` of what this process appends never decreases. */
function neverBack(clock: Clock): Clock {
  let last = 0;
  return { nowMicros: () => (last = Math.max(last, clock.nowMicros())) };
}
