import type { Timers } from '../../platform/timers.js';
import { ClusterFailure } from './cluster-failure.js';

/** The work's result, or a ClusterFailure when it takes longer than that. The work itself goes on unheeded. */
export async function answered<Result>(
  work: Promise<Result>,
  options: { readonly timers: Timers; readonly withinMs: number; readonly what: string },
): Promise<Result> {
  const done = new AbortController();
  return await new Promise<Result>((resolve, reject) => {
    work.then(resolve, reject).finally(() => done.abort());
    void options.timers.delay(options.withinMs, done.signal).then(() => {
      if (!done.signal.aborted)
        reject(new ClusterFailure('away', `no answer to ${options.what} within ${options.withinMs} ms`));
    });
  });
}
