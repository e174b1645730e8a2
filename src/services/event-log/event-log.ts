import type { EventType, NewEvent, StoredEvent } from '../../schemas/events.js';

/** What an adapter guarantees beyond the contract. Callers that need one check it. */
export interface LogCapabilities {
  /** Positions are 0, 1, 2, … without gaps. */
  readonly densePositions: boolean;
  /** Events of one append stand side by side. */
  readonly adjacentAppends: boolean;
  /** `recordedAt` never decreases, whatever the clock does. */
  readonly monotonicRecordedAt: boolean;
  readonly durable: boolean;
}

/**
 * `firstPosition`: of the first event that is kept; 0 until retention drops any. `nextPosition`: the position that the next
 * event will get, where positions are dense (= number of events there ever were); else one more than the last event's.
 * `hash`: the chain's; undefined for a log without one.
 */
export interface LogHead {
  readonly firstPosition: number;
  readonly nextPosition: number;
  readonly hash: string | undefined;
  readonly recordedAt: number;
}

/**
 * Positions of an append: `firstPosition + i` belongs to the i-th event, unless `placed` says that every event of the append
 * stands at `firstPosition` or before, or that they wait in the spool, whose position it is. `recordedAt`: microseconds UTC,
 * of all.
 */
export interface AppendReceipt {
  readonly firstPosition: number;
  readonly recordedAt: number;
  readonly placed?: 'at-or-before' | 'spooled';
}

/**
 * Every bound is optional. Positions and times: from inclusive, until exclusive. Times are `occurredAt` micros UTC. Where
 * positions are not dense, `fromPosition` MUST be 0, an event's position, or one more than that. Without it a read begins
 * at the first event that is kept.
 */
export interface ReadQuery {
  readonly fromPosition?: number;
  readonly untilPosition?: number;
  readonly occurredFrom?: number;
  readonly occurredUntil?: number;
  readonly types?: readonly EventType[];
  readonly model?: string;
  readonly signal?: AbortSignal;
}

/** Reads what is durable. Any number of processes may hold one; none needs a lock. */
export interface LogReader {
  /**
   * Batches in position order, bounded in memory (never the whole range), ending at the head as it was when the
   * read began. MUST NOT return what is not durable; MUST throw LOG_CORRUPT, with the place, at the first damaged
   * frame before the head, after having yielded everything before it. A batch is never empty. What retention drops
   * while it is read is left out; when `fromPosition` asked for it, the read MUST end with LOG_DROPPED instead. A log on
   * a cluster throws LOG_UNAVAILABLE while it is away.
   */
  read(query?: ReadQuery): AsyncIterable<readonly StoredEvent[]>;
  /**
   * As `read` from a position, then waits for more until the signal aborts; aborting ends the iteration quietly. MUST
   * throw LOG_DROPPED when retention has dropped what it would return next: a tail has no gaps.
   */
  tail(options: {
    readonly fromPosition: number;
    readonly signal: AbortSignal;
  }): AsyncIterable<readonly StoredEvent[]>;
  head(): Promise<LogHead>;
  /**
   * The chain's hash right after the frame that holds the event at this position, in hex: the same as long as the log keeps that event, however
   * it goes on. Undefined: no chain, or no such event, not yet or no more. Throws LOG_CORRUPT where the frame is damaged.
   */
  hashAt(position: number): Promise<string | undefined>;
  /** The position from which the last so many events are read: that of the first, or 0, when there are no more. */
  startOfLast(events: number): Promise<number>;
  close(): Promise<void>;
}

/** Anything that takes events: the log itself, or a connection to the process that holds the log's lock. */
export interface EventAppender {
  /**
   * Resolves only when all events are durable, in the order given, at adjacent positions where the adapter has that
   * capability; rejects when none is. MUST refuse with LOG_BUSY instead of queueing without bound, with
   * LOG_BATCH_TOO_LARGE past the adapter's limit, with LOG_WRITE_FAILED after a failed sync, for good, and with
   * LOG_UNAVAILABLE while a cluster is away. On a log that was opened with buffered durability an append whose events
   * all say `durability: buffered` resolves before they are durable, with the positions that they will have; after a
   * crash within the window those positions are given again, to other events. Readers never see what is not durable.
   * `events` MUST NOT be changed by the caller afterwards.
   */
  append(events: readonly NewEvent[]): Promise<AppendReceipt>;
}

/** The port. One contract suite (test/contracts/event-log-contract.ts) runs against every adapter. */
export interface EventLog extends LogReader, EventAppender {
  readonly capabilities: LogCapabilities;
}
