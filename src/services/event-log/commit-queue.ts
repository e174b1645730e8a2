import type { NewEvent } from '../../schemas/events.js';
import { type HindcastError, errors } from '../platform/errors.js';
import { limits } from '../platform/limits.js';
import { encodeEvents } from './event-codec.js';
import type { AppendReceipt } from './event-log.js';
import { validateEvents } from './validate-events.js';
import { asWriteFailure, isDiskFull } from './write-failure.js';

/**
 * Makes one frame durable; called with one at a time. Its rejection is final, unless it is LOG_DISK_FULL. `isLone`:
 * the frame is one append that found nothing before it and has nothing behind it, so that few lose when the thread
 * waits for the disk.
 */
export type CommitFrame = (
  events: readonly NewEvent[],
  payload: Uint8Array,
  hints: { readonly isLone: boolean },
) => Promise<AppendReceipt>;

interface Waiting {
  readonly events: readonly NewEvent[];
  readonly bytes: number;
  readonly resolve: (receipt: AppendReceipt) => void;
  readonly reject: (reason: unknown) => void;
}

/** A full frame takes at most about this much, unless a single append is larger. */
const frameBytesWanted = 8 * 1024 * 1024;
const frameEventsWanted = 8_192;

/**
 * Encoding so many events takes about as long as a sync: from here on the next frame is encoded while one is being
 * written, and what waits is split so that there is a next one. Fewer are left to gather until the disk is free.
 */
const eventsAheadMin = 64;

/** After so many appends that were alone, the next is taken to be: it waits for no others of the same turn. */
const loneAppendsMin = 16;

/** Group commit: appends that arrive while a commit runs form the next frame. */
export class CommitQueue {
  readonly #commitFrame: CommitFrame;
  #waiting: Waiting[] = [];
  #waitingEvents = 0;
  /** Of `#waitingEvents`, those that are in no frame yet. */
  #looseEvents = 0;
  #ahead: Encoded[] = [];
  #isAheadPlanned = false;
  #running: Promise<void> | undefined;
  /** Appends in a row that found nothing before them, and nothing behind them when they were durable. */
  #loneAppends = 0;
  #closed = false;
  #failure: HindcastError | undefined;

  constructor(commitFrame: CommitFrame) {
    this.#commitFrame = commitFrame;
  }

  /** As the port's `append`. An empty append is refused with LOG_EVENT_INVALID. */
  async append(events: readonly NewEvent[]): Promise<AppendReceipt> {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#closed) throw errors.LOG_CLOSED({});
    if (events.length === 0) throw errors.LOG_EVENT_INVALID({ problem: 'an append holds no event' });
    const bytes = validateEvents(events);
    if (this.#waitingEvents + events.length > limits.appendQueueEventsMax) {
      throw errors.LOG_BUSY({ queued: this.#waitingEvents });
    }
    this.#waitingEvents += events.length;
    this.#looseEvents += events.length;
    return await new Promise<AppendReceipt>((resolve, reject) => {
      this.#waiting.push({ events, bytes, resolve, reject });
      if (this.#running === undefined) this.#running = this.#run();
      else this.#planAhead();
    });
  }

  /** Refuses further appends; resolves when those that were taken are answered. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    // Everything that the same turn of the event loop appends goes into one frame. A single caller pays for that turn each time.
    if (this.#loneAppends < loneAppendsMin) await new Promise<void>((resolve) => setImmediate(resolve));
    for (let isFirst = true; ; isFirst = false) {
      if (this.#ahead.length === 0) {
        if (this.#waiting.length === 0) break;
        this.#ahead = this.#encodeNext();
      }
      const encoded = this.#ahead.shift();
      if (encoded === undefined) continue;
      await this.#commit(encoded, isFirst);
      const wasLone = isFirst && encoded.group.length === 1 && this.#waiting.length === 0;
      this.#loneAppends = wasLone ? this.#loneAppends + 1 : 0;
    }
    this.#running = undefined;
  }

  /** Encodes the next frame in the next turn, while the disk is busy with the one before, when there is enough for one. */
  #planAhead(): void {
    if (this.#isAheadPlanned || this.#ahead.length > 0 || this.#looseEvents < eventsAheadMin) return;
    this.#isAheadPlanned = true;
    setImmediate(() => {
      this.#isAheadPlanned = false;
      if (this.#ahead.length === 0 && this.#waiting.length > 0 && this.#running !== undefined) {
        this.#ahead = this.#encodeNext();
      }
    });
  }

  #encodeNext(): Encoded[] {
    const group = this.#takeGroup();
    if (this.#failure !== undefined) return [{ group, frame: undefined }];
    return encodeGroup(group);
  }

  #takeGroup(): Waiting[] {
    const eventsMost = Math.min(frameEventsWanted, Math.max(eventsAheadMin, this.#looseEvents >> 1));
    let bytes = 0;
    let events = 0;
    let taken = 0;
    for (const waiting of this.#waiting) {
      bytes += waiting.bytes;
      events += waiting.events.length;
      if (taken > 0 && (bytes > frameBytesWanted || events > eventsMost)) {
        events -= waiting.events.length;
        break;
      }
      taken += 1;
    }
    this.#looseEvents -= events;
    return this.#waiting.splice(0, taken);
  }

  async #commit({ group, frame }: Encoded, isFirst: boolean): Promise<void> {
    try {
      if (this.#failure !== undefined) throw this.#failure;
      if (frame !== undefined) {
        const isLone = isFirst && group.length === 1 && this.#waiting.length === 0;
        const committing = this.#commitFrame(frame.events, frame.payload, { isLone });
        this.#planAhead();
        const receipt = await committing;
        let { firstPosition } = receipt;
        for (const waiting of group) {
          waiting.resolve({ firstPosition, recordedAt: receipt.recordedAt });
          firstPosition += waiting.events.length;
        }
      }
    } catch (error) {
      if (!isDiskFull(error)) this.#fail(error);
      for (const waiting of group) waiting.reject(this.#failure ?? error);
    }
    for (const waiting of group) this.#waitingEvents -= waiting.events.length;
  }

  #fail(error: unknown): void {
    this.#failure ??= asWriteFailure(error);
  }
}

/** Appends that are answered together; without a frame when the append has been refused already. */
interface Encoded {
  readonly group: readonly Waiting[];
  readonly frame: { readonly events: readonly NewEvent[]; readonly payload: Uint8Array } | undefined;
}

/** One frame for the group; when an append cannot be encoded, that one is refused and the others get their own. */
function encodeGroup(group: readonly Waiting[]): Encoded[] {
  const [only] = group;
  const events =
    group.length === 1 && only !== undefined ? only.events : group.flatMap((waiting) => waiting.events);
  try {
    return [{ group, frame: { events, payload: encodeEvents(events) } }];
  } catch (error) {
    if (group.length > 1) return group.flatMap((waiting) => encodeGroup([waiting]));
    only?.reject(error);
    return [{ group, frame: undefined }];
  }
}
