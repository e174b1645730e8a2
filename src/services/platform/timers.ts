import { setTimeout as delay } from 'node:timers/promises';

/** Waiting, as an argument. */
export interface Timers {
  /** Resolves after so many milliseconds, or at once when the signal aborts; never rejects. */
  delay(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemTimers: Timers = {
  delay: async (ms, signal) => {
    try {
      await delay(ms, undefined, signal === undefined ? {} : { signal });
    } catch (error) {
      if (signal?.aborted !== true) throw error;
    }
  },
};
