import type { Timers } from '../../src/services/platform/timers.js';

/** Timers without time: pauses between attempts are over at once, deadlines only when the test says so. */
export interface HandTimers extends Timers {
  /** Lets every waiting delay of so many milliseconds end, and returns how many there were. */
  fire(ms: number): number;
  /** Resolves when a delay of so many milliseconds waits. */
  waits(ms: number): Promise<void>;
}

/**
 * Lets these deadlines end now and then, after so many turns of the event loop, until it is called off:
 * some work is cut off that would have been answered, as by a slow network.
 */
export function endNowAndThen(timers: HandTimers, deadlines: readonly number[], turns = 300): () => void {
  let over = false;
  const run = async (): Promise<void> => {
    for (let turn = 1; !over; turn += 1) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      if (turn % turns === 0) for (const ms of deadlines) timers.fire(ms);
    }
  };
  void run();
  return () => {
    over = true;
  };
}

/** `deadlines`: the delays, in milliseconds, that wait for `fire`. */
export function handTimers(deadlines: readonly number[]): HandTimers {
  const waiting = new Map<number, Set<() => void>>(deadlines.map((ms) => [ms, new Set()]));
  const begun = new Set<() => void>();
  return {
    delay: async (ms, signal) => {
      if (signal?.aborted === true) return;
      const set = waiting.get(ms);
      if (set === undefined) {
        await new Promise<void>((resolve) => setImmediate(resolve));
        return;
      }
      await new Promise<void>((resolve) => {
        const end = (): void => {
          set.delete(end);
          signal?.removeEventListener('abort', end);
          resolve();
        };
        set.add(end);
        signal?.addEventListener('abort', end);
        for (const wake of Array.from(begun)) wake();
      });
    },
    fire: (ms) => {
      const ending = [...(waiting.get(ms) ?? [])];
      for (const end of ending) end();
      return ending.length;
    },
    waits: async (ms) => {
      while ((waiting.get(ms)?.size ?? 0) === 0) {
        await new Promise<void>((resolve) => {
          const wake = (): void => {
            begun.delete(wake);
            resolve();
          };
          begun.add(wake);
        });
      }
    },
  };
}
