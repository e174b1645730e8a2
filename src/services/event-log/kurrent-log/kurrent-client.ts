import type { AllStreamRecordedEvent, KurrentDBClient, RecordedEvent } from '@kurrent/kurrentdb-client';
import type * as vendorModule from '@kurrent/kurrentdb-client';
import { HindcastError, errors } from '../../platform/errors.js';
import { ClusterFailure } from './cluster-failure.js';
import { hostsOf } from './connection-string.js';

/** A record on its way to the cluster. `id`: a UUID in lower case. */
export interface NewRecord {
  readonly id: string;
  readonly type: string;
  readonly data: object;
  readonly metadata: object;
}

/** A record of the cluster. `position`: its commit position in `$all`; −1 in reads of a stream by servers that do not tell it. */
export interface ClusterRecord {
  readonly id: string;
  readonly type: string;
  readonly stream: string;
  readonly position: number;
  readonly data: unknown;
  readonly metadata: unknown;
}

/** As much of the client as the adapter uses. Every rejection is a `ClusterFailure`. */
export interface KurrentClient {
  /** All or none, to one stream whatever its revision. Resolves with the position of the last record. */
  append(stream: string, records: readonly NewRecord[]): Promise<number>;
  /** One stream from its first record; nothing when there is none. */
  readStream(stream: string): AsyncIterable<ClusterRecord>;
  /** The last records of a stream, newest first. */
  readStreamBackwards(stream: string, recordsMax: number): AsyncIterable<ClusterRecord>;
  /** `$all` at a record's position (inclusive) or from the beginning, of streams with one of the prefixes. */
  readAll(options: {
    readonly from: number | 'start';
    readonly prefixes: readonly string[];
  }): AsyncIterable<ClusterRecord>;
  /** `$all` before a record's position (exclusive) or from the end, newest first. */
  readAllBackwards(options: {
    readonly from: number | 'end';
    readonly prefixes: readonly string[];
    readonly recordsMax: number;
  }): AsyncIterable<ClusterRecord>;
  /** What comes after a record's position, then what is appended, until it fails or the iteration is left. */
  subscribe(options: {
    readonly after: number | 'start';
    readonly prefixes: readonly string[];
    readonly bufferRecordsMax: number;
    /** Ends the iteration quietly. */
    readonly signal: AbortSignal;
  }): AsyncIterable<readonly ClusterRecord[]>;
  close(): Promise<void>;
}

/**
 * Loads the client (only here, so that a log on disk needs none of it) and prepares a connection; nothing is sent yet.
 * Throws CONFIG_INVALID for a connection string that it does not take, and when its native part does not load here.
 */
export async function openKurrentClient(connectionString: string): Promise<KurrentClient> {
  const vendor = await loadVendor();
  const client = connect(vendor, connectionString);

  const hosts = hostsOf(connectionString);
  const translated = (error: unknown): ClusterFailure => translate(vendor, error, hosts);
  async function* records(
    source: AsyncIterable<{ readonly event?: RecordedEvent | AllStreamRecordedEvent | undefined }>,
  ): AsyncGenerator<ClusterRecord, void, undefined> {
    try {
      for await (const { event } of source) if (event !== undefined) yield recordOf(event);
    } catch (error) {
      if (error instanceof vendor.StreamNotFoundError) return;
      throw translated(error);
    }
  }
  const at = (position: number): { commit: bigint; prepare: bigint } => ({
    commit: BigInt(position),
    prepare: BigInt(position),
  });
  const filter = (prefixes: readonly string[]) => vendor.streamNameFilter({ prefixes: [...prefixes] });

  return {
    append: async (stream, newRecords) => {
      try {
        const { position } = await client.appendToStream(
          stream,
          newRecords.map(({ id, type, data, metadata }) =>
            vendor.jsonEvent({ id, type, data: { ...data }, metadata: { ...metadata } }),
          ),
          { streamState: vendor.ANY },
        );
        if (position === undefined) throw new ClusterFailure('unknown', 'the answer holds no position');
        return numberOf(position.commit);
      } catch (error) {
        throw translated(error);
      }
    },
    readStream: (stream) => records(client.readStream(stream)),
    readStreamBackwards: (stream, recordsMax) =>
      records(
        client.readStream(stream, {
          direction: vendor.BACKWARDS,
          fromRevision: vendor.END,
          maxCount: recordsMax,
        }),
      ),
    readAll: ({ from, prefixes }) =>
      records(
        client.readAll({
          fromPosition: from === 'start' ? vendor.START : at(from),
          filter: filter(prefixes),
        }),
      ),
    readAllBackwards: ({ from, prefixes, recordsMax }) =>
      records(
        client.readAll({
          direction: vendor.BACKWARDS,
          fromPosition: from === 'end' ? vendor.END : at(from),
          maxCount: recordsMax,
          filter: filter(prefixes),
        }),
      ),
    subscribe: async function* subscribe({ after, prefixes, bufferRecordsMax, signal }) {
      const subscription = client.subscribeToAll(
        { fromPosition: after === 'start' ? vendor.START : at(after), filter: filter(prefixes) },
        { highWaterMark: bufferRecordsMax },
      );
      const stop = (): void => void subscription.destroy();
      signal.addEventListener('abort', stop);
      if (signal.aborted) stop();
      try {
        // One event for each that waits, and with it everything that is buffered by then: a batch, never more.
        for await (const first of subscription) {
          const batch: ClusterRecord[] = [];
          let next: typeof first | null = first;
          while (next !== null) {
            if (next.event !== undefined) batch.push(recordOf(next.event));
            next = batch.length < bufferRecordsMax ? subscription.read() : null;
          }
          if (batch.length > 0) yield batch;
        }
        if (!signal.aborted) throw new ClusterFailure('away', 'the cluster ended a subscription');
      } catch (error) {
        if (!signal.aborted) throw translated(error);
      } finally {
        signal.removeEventListener('abort', stop);
        // A call that never began has nothing to cancel, and its failure is thrown above.
        await subscription.unsubscribe().catch(() => undefined);
      }
    },
    close: async () => {
      await client.dispose();
    },
  };
}

type Vendor = typeof vendorModule;

async function loadVendor(): Promise<Vendor> {
  try {
    return await import('@kurrent/kurrentdb-client');
  } catch (error) {
    const problem = `the KurrentDB client does not load on this machine (${error instanceof Error ? error.message : String(error)})`;
    throw errors.CONFIG_INVALID({ source: 'log', problem }, error);
  }
}

function connect(vendor: Vendor, connectionString: string): KurrentDBClient {
  try {
    return vendor.KurrentDBClient.connectionString(connectionString);
  } catch (error) {
    throw errors.CONFIG_INVALID(
      { source: 'log', problem: error instanceof Error ? error.message : 'it is no connection string' },
      error,
    );
  }
}

function recordOf(event: RecordedEvent | AllStreamRecordedEvent): ClusterRecord {
  return {
    id: event.id,
    type: event.type,
    stream: event.streamId,
    position:
      event.position === undefined || event.position.commit >= noPosition
        ? -1
        : numberOf(event.position.commit),
    data: event.data,
    metadata: event.metadata,
  };
}

/** What servers before 22.6 say for the position of an event that was read from its stream: −1 as an unsigned number. */
const noPosition = 2n ** 63n;

function numberOf(position: bigint): number {
  const number = Number(position);
  if (Number.isSafeInteger(number)) return number;
  throw errors.INTERNAL({ problem: `the position ${position} is beyond 2^53` });
}

/** The plain gRPC errors of a server that is down, too, go through the client's own conversion. */
function translate(vendor: Vendor, thrown: unknown, hosts: string): ClusterFailure {
  if (thrown instanceof ClusterFailure) return thrown;
  if (thrown instanceof HindcastError) throw thrown;
  if (!(thrown instanceof Error)) return new ClusterFailure('unknown', String(thrown), { cause: thrown });
  const error = vendor.convertToCommandError(thrown);
  // A read's failure has no words but the name of its class.
  const { name } = error.constructor;
  const message = ['', name].includes(error.message) ? `no answer from ${hosts} (${name})` : error.message;
  const because = { cause: thrown };
  if (error instanceof vendor.MaxAppendSizeExceededError)
    return new ClusterFailure('too-large', message, because);
  if (error instanceof vendor.AccessDeniedError) return new ClusterFailure('denied', message, because);
  if (error instanceof vendor.StreamDeletedError) return new ClusterFailure('deleted', message, because);
  const away =
    error instanceof vendor.UnavailableError ||
    error instanceof vendor.CancelledError ||
    error instanceof vendor.DeadlineExceededError ||
    error instanceof vendor.TimeoutError ||
    error instanceof vendor.NotLeaderError ||
    message.includes('Failed to discover');
  return new ClusterFailure(away ? 'away' : 'unknown', message, because);
}
