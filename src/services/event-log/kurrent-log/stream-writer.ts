import type { Clock } from '../../platform/clock.js';
import { HindcastError, errors } from '../../platform/errors.js';
import { limits } from '../../platform/limits.js';
import type { Timers } from '../../platform/timers.js';
import { answered } from './answered.js';
import { backoffMs } from './backoff.js';
import type { ClusterAvailability } from './cluster-availability.js';
import { ClusterFailure } from './cluster-failure.js';
import type { ClusterTiming } from './cluster-timing.js';
import { collectStored } from './collect-stored.js';
import type { KurrentClient } from './kurrent-client.js';
import { type EncodedEvent, recordOf } from './record-codec.js';

/** Where and when records were stored. `position`: of the last of them, or after it. */
export interface Stored {
  readonly position: number;
  readonly recordedAt: number;
}

export interface WriterContext {
  readonly client: KurrentClient;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly timing: ClusterTiming;
  readonly availability: ClusterAvailability;
}

interface Waiting {
  readonly events: readonly EncodedEvent[];
  readonly again: boolean;
  readonly bytes: number;
  readonly resolve: (stored: Stored) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * Appends to one stream, one group at a time: what arrives meanwhile forms the next group, under the server's append
 * limit. A group is never split, so that an append is stored whole or not at all. After an unknown outcome the stream is
 * asked what it holds, and only what it lacks is sent again, with the same ids.
 */
export class StreamWriter {
  readonly #stream: string;
  readonly #context: WriterContext;
  #waiting: Waiting[] = [];
  #running: Promise<void> | undefined;

  constructor(stream: string, context: WriterContext) {
    this.#stream = stream;
    this.#context = context;
  }

  get idle(): boolean {
    return this.#running === undefined;
  }

  /**
   * Resolves when all are stored. At most `clusterAppendBytesMax`, which the caller has checked. `again`: some may be
   * stored already, by an earlier attempt.
   */
  async append(events: readonly EncodedEvent[], again = false): Promise<Stored> {
    const bytes = events.reduce((sum, event) => sum + event.bytes, 0);
    return await new Promise<Stored>((resolve, reject) => {
      this.#waiting.push({ events, again, bytes, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  async settled(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    // Everything that the same turn of the event loop appends goes into one group.
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0) {
      const group = this.#takeGroup();
      try {
        const stored = await this.#store(
          group.flatMap((waiting) => waiting.events),
          group.some((waiting) => waiting.again),
        );
        for (const waiting of group) waiting.resolve(stored);
      } catch (error) {
        for (const waiting of group) waiting.reject(error);
      }
    }
    this.#running = undefined;
  }

  #takeGroup(): Waiting[] {
    let bytes = 0;
    let taken = 0;
    for (const waiting of this.#waiting) {
      bytes += waiting.bytes;
      if (taken > 0 && bytes > limits.clusterAppendBytesMax) break;
      taken += 1;
    }
    return this.#waiting.splice(0, taken);
  }

  async #store(events: readonly EncodedEvent[], again: boolean): Promise<Stored> {
    const { timers, timing, availability, clock } = this.#context;
    if (availability.away !== undefined) throw availability.away;
    const recordedAt = clock.nowMicros();
    let missing = events.map((event) => recordOf(event, recordedAt));
    let outcomeUnknown = again;
    const windowRecords = again ? limits.clusterResendWindowRecords : limits.clusterDuplicateWindowRecords;
    for (let attempt = 0; ; attempt += 1) {
      try {
        if (outcomeUnknown) {
          const held = await this.#within(
            collectStored(this.#context.client, this.#stream, missing, windowRecords),
          );
          missing = missing.filter((record) => !held.ids.has(record.id));
          if (missing.length === 0) return { position: held.position, recordedAt };
        }
        outcomeUnknown = true;
        const position = await this.#within(this.#context.client.append(this.#stream, missing));
        return { position, recordedAt };
      } catch (error) {
        const failure = refusalOrFailure(error);
        if (failure instanceof HindcastError) throw failure;
        if (attempt + 1 >= timing.appendAttemptsMax) throw availability.failed(failure);
      }
      await timers.delay(backoffMs(attempt));
    }
  }

  async #within<Result>(work: Promise<Result>): Promise<Result> {
    const { timers, timing } = this.#context;
    return await answered(work, { timers, withinMs: timing.appendMsMax, what: 'an append' });
  }
}

/** What another attempt cannot mend, as the caller's answer; else the failure. */
function refusalOrFailure(error: unknown): HindcastError | ClusterFailure {
  if (error instanceof HindcastError) return error;
  if (!(error instanceof ClusterFailure)) throw error;
  switch (error.kind) {
    case 'too-large':
      return errors.LOG_BATCH_TOO_LARGE({ problem: error.message }, error);
    case 'denied':
      return errors.LOG_ACCESS_DENIED({ problem: error.message }, error);
    case 'deleted':
      return errors.LOG_ACCESS_DENIED({ problem: 'the stream was deleted for good' }, error);
    case 'away':
    case 'unknown':
      return error;
  }
}
