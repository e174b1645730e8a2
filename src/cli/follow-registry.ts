import type { StoredEvent } from '../schemas/events.js';
import type { KurrentLog } from '../services/event-log/kurrent-log/kurrent-log.js';

/**
 * Tells a server of models that others register, promote or retire on a cluster: nobody sends their events through the
 * server, as they do with a log on disk. Goes on by itself when the cluster was away.
 */
export function followRegistry(options: {
  readonly log: KurrentLog;
  readonly fromPosition: number;
  readonly onEvents: (events: readonly StoredEvent[]) => Promise<void> | undefined;
  /** Registry events are not followed any more. */
  readonly onError: (error: unknown) => void;
}): { stop(): Promise<void> } {
  const stop = new AbortController();
  const follow = async (): Promise<void> => {
    const events = options.log.tail({
      fromPosition: options.fromPosition,
      signal: stop.signal,
      types: ['ModelRegistered', 'ModelPromoted', 'ModelRetired'],
    });
    try {
      for await (const batch of events) await options.onEvents(batch);
    } catch (error) {
      options.onError(error);
    }
  };
  const following = follow();
  return {
    stop: async () => {
      stop.abort();
      await following;
    },
  };
}
