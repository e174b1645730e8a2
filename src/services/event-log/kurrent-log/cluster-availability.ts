import { type HindcastError, errors } from '../../platform/errors.js';
import type { Timers } from '../../platform/timers.js';
import { backoffMs } from './backoff.js';
import { ClusterFailure } from './cluster-failure.js';

/**
 * Whether the cluster is there. After a failure it is asked again and again, with growing pauses, until it answers; until
 * then everything else is refused at once instead of waiting, each, for its own failure.
 */
export class ClusterAvailability {
  readonly #probe: () => Promise<void>;
  readonly #timers: Timers;
  readonly #closed: AbortSignal;
  #away: HindcastError | undefined;
  #asking: Promise<void> | undefined;

  constructor(options: {
    /** Asks the cluster for something small; rejects with ClusterFailure. */
    readonly probe: () => Promise<void>;
    readonly timers: Timers;
    readonly closed: AbortSignal;
  }) {
    this.#probe = options.probe;
    this.#timers = options.timers;
    this.#closed = options.closed;
  }

  /** Why it is away; undefined: it is there as far as is known. */
  get away(): HindcastError | undefined {
    return this.#away;
  }

  /** Notes a failure and begins to ask; returns the error for the caller. */
  failed(failure: ClusterFailure): HindcastError {
    const error = errors.LOG_UNAVAILABLE({ problem: failure.message }, failure);
    this.#away ??= error;
    this.#asking ??= this.#ask();
    return error;
  }

  /** Resolves when the cluster answers again, or the log is closed; at once when it is there. */
  async whenThere(): Promise<void> {
    await this.#asking;
  }

  async #ask(): Promise<void> {
    for (let attempt = 0; !this.#closed.aborted; attempt += 1) {
      await this.#timers.delay(backoffMs(attempt), this.#closed);
      if (this.#closed.aborted) break;
      try {
        await this.#probe();
        break;
      } catch (error) {
        // Refused is answered: what is asked next says so itself.
        if (!(error instanceof ClusterFailure) || error.kind !== 'away') break;
      }
    }
    this.#away = undefined;
    this.#asking = undefined;
  }
}
