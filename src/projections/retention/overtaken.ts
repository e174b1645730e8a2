import { HindcastError } from '../../services/platform/errors.js';

const attemptsMax = 5;

/**
 * Runs `work`, which reads the manifest and then the log from its checkpoint, again when retention dropped what it was
 * reading: the projector had taken that by then, so the manifest in force begins later.
 */
export async function againWhenOvertaken<Result>(work: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      const isOvertaken = error instanceof HindcastError && error.code === 'LOG_DROPPED';
      if (!isOvertaken || attempt === attemptsMax) throw error;
    }
  }
}
