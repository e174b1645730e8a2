import { HindcastError, errors } from './errors.js';

/** The fields of an error of the catalogue: a structured clone of an Error would lose them on its way to another thread. */
export type SentError = ConstructorParameters<typeof HindcastError>[0];

/** Anything that is not of the catalogue is INTERNAL. */
export function sentError(cause: unknown): SentError {
  const problem = cause instanceof Error ? cause.message : String(cause);
  const error = cause instanceof HindcastError ? cause : errors.INTERNAL({ problem });
  const { code, status, exitCode, message, action, details } = error;
  return { code, status, exitCode, message, action, details };
}
