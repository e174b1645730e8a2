import type { NewEvent } from '../../schemas/events.js';
import { type HindcastError, errors } from '../platform/errors.js';
import { limits } from '../platform/limits.js';
import { encodeEvents } from './event-codec.js';
import type { AppendReceipt } from './event-log.js';
import { validateEvents } from './validate-events.js';
import { asWriteFailure, isDiskFull } from './write-failure.js';

/** Makes one frame durable; called with one at a time. Its rejection is final, unless it is LOG_DISK_FULL. */
export type CommitFrame = (events: readonly NewEvent[], payload: Uint8Array) => Promise<AppendReceipt>;

interface Waiting {
  readonly events: readonly NewEvent[];
  readonly bytes: number;
  readonly resolve: (receipt: AppendReceipt) => void;
  readonly reject: (reason: unknown) => void;
}

/** A full frame takes at most about this much, unless a single append is larger. */
const frameBytesWanted = 8 * 1024 * 1024;
const frameEventsWanted = 8_192;

/** Group commit: appends that arrive while a commit runs form the next frame. */
export class CommitQueue {
  readonly #commitFrame: CommitFrame;
  #waiting: Waiting[] = [];
  #waitingEvents = 0;
  #running: Promise<void> | undefined;
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
    return await new Promise<AppendReceipt>((resolve, reject) => {
      this.#waiting.push({ events, bytes, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  /** Refuses further appends; resolves when those that were taken are answered. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    // Everything that the same turn of the event loop appends goes into one frame.
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0) await this.#commitGroup(this.#takeGroup());
    this.#running = undefined;
  }

  #takeGroup(): Waiting[] {
    let bytes = 0;
    let events = 0;
    let taken = 0;
    for (const waiting of this.#waiting) {
      bytes += waiting.bytes;
      events += waiting.events.length;
      if (taken > 0 && (bytes > frameBytesWanted || events > frameEventsWanted)) break;
      taken += 1;
    }
    return this.#waiting.splice(0, taken);
  }

  async #commitGroup(group: readonly Waiting[]): Promise<void> {
    const frames = this.#failure === undefined ? encodeGroup(group) : [];
    for (const frame of frames) {
      try {
        if (this.#failure !== undefined) throw this.#failure;
        const receipt = await this.#commitFrame(frame.events, frame.payload);
        let { firstPosition } = receipt;
        for (const waiting of frame.group) {
          waiting.resolve({ firstPosition, recordedAt: receipt.recordedAt });
          firstPosition += waiting.events.length;
        }
      } catch (error) {
        if (isDiskFull(error)) for (const waiting of frame.group) waiting.reject(error);
        else this.#fail(error);
      }
    }
    for (const waiting of group) {
      this.#waitingEvents -= waiting.events.length;
      // Without effect on those that were answered.
      if (this.#failure !== undefined) waiting.reject(this.#failure);
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= asWriteFailure(error);
  }
}

interface EncodedFrame {
  readonly group: readonly Waiting[];
  readonly events: readonly NewEvent[];
  readonly payload: Uint8Array;
}

/** One frame for the group; when an append cannot be encoded, that one is refused and the others get their own. */
function encodeGroup(group: readonly Waiting[]): EncodedFrame[] {
  const [only] = group;
  const events =
    group.length === 1 && only !== undefined ? only.events : group.flatMap((waiting) => waiting.events);
  try {
    return [{ group, events, payload: encodeEvents(events) }];
  } catch (error) {
    if (group.length > 1) return group.flatMap((waiting) => encodeGroup([waiting]));
    only?.reject(error);
    return [];
  }
}
