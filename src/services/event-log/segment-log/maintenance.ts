/** Work that replaces or removes sealed segments, one at a time, in the process that holds the lock. */
export interface Maintenance {
  /** Runs when everything that was given before has ended, however it ended. */
  run<Result>(work: () => Promise<Result>): Promise<Result>;
}

export function createMaintenance(): Maintenance {
  let last: Promise<unknown> = Promise.resolve();
  return {
    run(work) {
      const result = last.then(work, work);
      // Who gave the work meets its error.
      last = result.catch(() => undefined);
      return result;
    },
  };
}
