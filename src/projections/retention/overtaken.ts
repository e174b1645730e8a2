import { HindcastError } from '../../services/platform/errors.js';

const attemptsMax = 5;

/**
 * Runs `work`, which looks where datasets or log begin and then reads the log from there, again when retention dropped
 * what it was reading: the projector had taken that by then, so another look finds a later place.
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
