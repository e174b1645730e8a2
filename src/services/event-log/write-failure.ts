import { HindcastError, errors } from '../platform/errors.js';

/** What a failed write is from here on: an error of the catalogue as it is, anything else LOG_WRITE_FAILED. */
export function asWriteFailure(error: unknown): HindcastError {
  return error instanceof HindcastError
    ? error
    : errors.LOG_WRITE_FAILED({ problem: error instanceof Error ? error.message : String(error) }, error);
}

/** The one failure that changes nothing on disk, so that a later write may succeed. */
export function isDiskFull(error: unknown): error is HindcastError {
  return error instanceof HindcastError && error.code === 'LOG_DISK_FULL';
}
