import type { Timers } from '../../platform/timers.js';
import { ClusterFailure } from './cluster-failure.js';

/**
 * As the source; rejects with a ClusterFailure when nothing comes for so long (reads carry no deadline of their own). A
 * source that stalls is left alone: it would not end either.
 */
export async function* withoutStalling<Item>(
  source: AsyncIterable<Item>,
  options: { readonly timers: Timers; readonly idleMsMax: number; readonly what: string },
): AsyncGenerator<Item, void, undefined> {
  const iterator = source[Symbol.asyncIterator]();
  const over = new AbortController();
  let turns = 0;
  // A consumer that takes its time is no stall.
  let waiting = false;
  let stalled = false;
  let giveUp: (failure: ClusterFailure) => void = () => {};
  const watch = async (): Promise<void> => {
    while (!over.signal.aborted && !stalled) {
      const before = waiting ? turns : -1;
      await options.timers.delay(options.idleMsMax, over.signal);
      stalled = !over.signal.aborted && waiting && turns === before;
    }
    if (!stalled) return;
    giveUp(new ClusterFailure('away', `${options.what} stood still for ${options.idleMsMax} ms`));
  };
  void watch();
  try {
    for (;;) {
      const result = await new Promise<IteratorResult<Item>>((resolve, reject) => {
        giveUp = reject;
        waiting = true;
        iterator.next().then(resolve, reject);
      });
      waiting = false;
      turns += 1;
      if (result.done === true) return;
      yield result.value;
    }
  } finally {
    over.abort();
    if (!stalled) await iterator.return?.();
  }
}
