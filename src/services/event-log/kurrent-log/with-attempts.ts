import { backoffMs } from './backoff.js';
import { ClusterFailure } from './cluster-failure.js';
import type { ReadContext } from './read-all.js';

/** Asks again, after a pause, while the cluster is away: a leader that changes is back before the attempts are used up. */
export async function withAttempts<Result>(
  { timers, timing }: ReadContext,
  ask: () => Promise<Result>,
): Promise<Result> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await ask();
    } catch (error) {
      const away = error instanceof ClusterFailure && error.kind === 'away';
      if (!away || attempt + 1 >= timing.appendAttemptsMax) throw error;
    }
    await timers.delay(backoffMs(attempt));
  }
}
