import type { Timers } from '../../services/platform/timers.js';
import type { AppliedRetention } from './apply-retention.js';

/** Between two looks. A segment that is too old by so much is no harm, and a look costs a few file headers. */
const pauseMs = 10 * 60_000;

/**
 * Applies retention now and then until the signal aborts. One that fails is told and tried again at the next look;
 * never rejects.
 */
export async function runRetention(options: {
  readonly apply: () => Promise<AppliedRetention>;
  readonly timers: Timers;
  readonly signal: AbortSignal;
  readonly onApplied: (applied: AppliedRetention) => void;
  readonly onError: (error: unknown) => void;
}): Promise<void> {
  const { apply, timers, signal, onApplied, onError } = options;
  while (!signal.aborted) {
    try {
      onApplied(await apply());
    } catch (error) {
      onError(error);
    }
    await timers.delay(pauseMs, signal);
  }
}
