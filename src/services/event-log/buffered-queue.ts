import type { NewEvent } from '../../schemas/events.js';
import type { Clock } from '../platform/clock.js';
import { type HindcastError, errors } from '../platform/errors.js';
import { limits } from '../platform/limits.js';
import type { Timers } from '../platform/timers.js';
import { encodeEvents } from './event-codec.js';
import type { AppendReceipt } from './event-log.js';
import { validateEvents } from './validate-events.js';
import { asWriteFailure, isDiskFull } from './write-failure.js';

/** Acknowledged events that will not become durable: how many at most, and why. */
export interface LostEvents {
  readonly events: number;
  readonly error: HindcastError;
}

export interface BufferedQueueOptions {
  /** Makes one frame durable at the log's end; called with one at a time. Its rejection is final, unless it is LOG_DISK_FULL. */
  readonly commitFrame: (
    events: readonly NewEvent[],
    payload: Uint8Array,
    recordedAt: number,
  ) => Promise<void>;
  /** Where the durable log ends now. */
  readonly end: () => { readonly nextPosition: number; readonly recordedAt: number };
  /** A commit begins at the latest so long after the first acknowledgement that it covers. */
  readonly windowMs: number;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly onLost: (lost: LostEvents) => void;
}

interface Entry {
  readonly events: readonly NewEvent[];
  readonly bytes: number;
  readonly resolve: (receipt: AppendReceipt) => void;
  readonly reject: (reason: unknown) => void;
}

/** What the next commit makes durable, as one frame. */
interface Gathered {
  readonly firstPosition: number;
  /** Of all events in it: when it was begun. */
  readonly recordedAt: number;
  /** Answered already. */
  early: Entry[];
  /** Answered when they are durable; always after the early ones, so that they can be refused without moving those. */
  late: Entry[];
  events: number;
  bytes: number;
}

/** Between two attempts while the disk is full. */
const retryMsMin = 1_000;

/**
 * Acknowledges appends of events that say `durability: buffered` of themselves before they are durable, with their
 * positions. No acknowledgement is given while a commit runs: what comes meanwhile is answered when it is over, and the
 * window of the next commit begins then. So nothing that was acknowledged ever waits longer than the window for its
 * commit to begin. Other appends are answered when they are durable, and have the commit begin at once.
 */
export class BufferedQueue {
  readonly #options: BufferedQueueOptions;
  #buffer: Gathered | undefined;
  /** What came while a commit runs. */
  #waiting: Entry[] = [];
  #heldEvents = 0;
  #earlyEvents = 0;
  #running: Promise<void> | undefined;
  #window = new AbortController();
  /** Why acknowledged events wait for room on the disk. */
  #stalled: HindcastError | undefined;
  #failure: HindcastError | undefined;
  #lost: LostEvents | undefined;
  #isClosed = false;

  constructor(options: BufferedQueueOptions) {
    this.#options = options;
  }

  /** Events that are acknowledged and not durable yet. */
  get acknowledgedEvents(): number {
    return this.#earlyEvents;
  }

  /** As the port's `append`. An empty append is refused with LOG_EVENT_INVALID. */
  async append(events: readonly NewEvent[]): Promise<AppendReceipt> {
    const refusal = this.#failure ?? this.#stalled;
    if (refusal !== undefined) throw refusal;
    if (this.#isClosed) throw errors.LOG_CLOSED({});
    if (events.length === 0) throw errors.LOG_EVENT_INVALID({ problem: 'an append holds no event' });
    const bytes = validateEvents(events);
    if (this.#heldEvents + events.length > limits.appendQueueEventsMax) {
      throw errors.LOG_BUSY({ queued: this.#heldEvents });
    }
    // What is acknowledged can be encoded: an event that cannot must be refused now, and by itself.
    encodeEvents(events);
    this.#heldEvents += events.length;
    return await new Promise<AppendReceipt>((resolve, reject) => {
      this.#place({ events, bytes, resolve, reject });
    });
  }

  /**
   * Refuses further appends; resolves when everything that was acknowledged is durable. Rejects with the reason when
   * some of it could not be made so.
   */
  async close(): Promise<void> {
    this.#isClosed = true;
    do await this.#commit();
    while (this.#stalled === undefined && (this.#buffer !== undefined || this.#running !== undefined));
    if (this.#stalled !== undefined) this.#fail(this.#stalled);
    if (this.#lost !== undefined) throw this.#lost.error;
  }

  #place(entry: Entry): void {
    const buffer = this.#buffer;
    const isFull =
      buffer !== undefined &&
      (buffer.events + entry.events.length > limits.bufferedEventsMax ||
        buffer.bytes + entry.bytes > limits.bufferedBytesMax);
    if (this.#running !== undefined || isFull) {
      this.#waiting.push(entry);
      if (this.#running === undefined) void this.#commit();
    } else this.#take(entry);
  }

  #take(entry: Entry): void {
    const buffer = (this.#buffer ??= this.#beginBuffer());
    const isEarly = buffer.late.length === 0 && entry.events.every(isBuffered);
    const firstPosition = buffer.firstPosition + buffer.events;
    buffer.events += entry.events.length;
    buffer.bytes += entry.bytes;
    if (isEarly) {
      if (buffer.early.length === 0) void this.#commitAtWindowEnd();
      buffer.early.push(entry);
      this.#earlyEvents += entry.events.length;
      entry.resolve({ firstPosition, recordedAt: buffer.recordedAt });
    } else {
      buffer.late.push(entry);
      // Everything that the same turn of the event loop appends goes along.
      if (buffer.late.length === 1) setImmediate(() => void this.#commit());
    }
  }

  #beginBuffer(): Gathered {
    const { clock, end } = this.#options;
    const { nextPosition, recordedAt } = end();
    return {
      firstPosition: nextPosition,
      recordedAt: Math.max(clock.nowMicros(), recordedAt),
      early: [],
      late: [],
      events: 0,
      bytes: 0,
    };
  }

  async #commitAtWindowEnd(): Promise<void> {
    const { timers, windowMs } = this.#options;
    const window = new AbortController();
    this.#window = window;
    await timers.delay(windowMs, window.signal);
    if (!window.signal.aborted) await this.#commit();
  }

  /** Commits what is buffered; one that runs already is waited for instead. Never rejects. */
  async #commit(): Promise<void> {
    this.#running ??= this.#commitBuffers().finally(() => {
      this.#running = undefined;
      this.#admit();
    });
    await this.#running;
  }

  async #commitBuffers(): Promise<void> {
    this.#window.abort();
    const buffer = this.#buffer;
    if (buffer === undefined || this.#failure !== undefined) return;
    const { early, late, firstPosition, recordedAt } = buffer;
    const events = [...early, ...late].flatMap((entry) => entry.events);
    try {
      await this.#options.commitFrame(events, encodeEvents(events), recordedAt);
    } catch (error) {
      if (isDiskFull(error)) this.#stall(buffer, error);
      else this.#fail(asWriteFailure(error));
      return;
    }
    this.#stalled = undefined;
    this.#buffer = undefined;
    this.#heldEvents -= events.length;
    this.#earlyEvents = 0;
    let position = firstPosition + countOf(early);
    for (const entry of late) {
      entry.resolve({ firstPosition: position, recordedAt });
      position += entry.events.length;
    }
  }

  /** Takes what came while the commit ran, as far as there is room for it. */
  #admit(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    const refusal = this.#failure ?? this.#stalled;
    for (const entry of waiting) {
      if (refusal === undefined) this.#place(entry);
      else this.#refuse([entry], refusal);
    }
  }

  /** Without room nothing has changed on disk: what was acknowledged stays here until there is some. */
  #stall(buffer: Gathered, error: HindcastError): void {
    this.#refuse(buffer.late, error);
    buffer.late = [];
    buffer.events = countOf(buffer.early);
    if (buffer.early.length === 0) {
      this.#buffer = undefined;
      return;
    }
    this.#stalled = error;
    if (!this.#isClosed) void this.#retryLater();
  }

  async #retryLater(): Promise<void> {
    const { timers, windowMs } = this.#options;
    const window = new AbortController();
    this.#window = window;
    await timers.delay(Math.max(windowMs, retryMsMin), window.signal);
    if (!window.signal.aborted) await this.#commit();
  }

  #fail(error: HindcastError): void {
    this.#failure = error;
    const buffer = this.#buffer;
    this.#buffer = undefined;
    this.#stalled = undefined;
    if (buffer === undefined) return;
    this.#refuse(buffer.late, error);
    const events = countOf(buffer.early);
    this.#heldEvents -= events;
    this.#earlyEvents = 0;
    if (events === 0) return;
    this.#lost = { events, error };
    this.#options.onLost(this.#lost);
  }

  #refuse(entries: readonly Entry[], error: HindcastError): void {
    this.#heldEvents -= countOf(entries);
    for (const entry of entries) entry.reject(error);
  }
}

function isBuffered(event: NewEvent): boolean {
  return event.type === 'PredictionServed' && event.data.durability === 'buffered';
}

function countOf(entries: readonly Entry[]): number {
  return entries.reduce((sum, entry) => sum + entry.events.length, 0);
}
