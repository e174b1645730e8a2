import { errors } from '../../platform/errors.js';
import type { ClusterAvailability } from './cluster-availability.js';
import { ClusterFailure } from './cluster-failure.js';

/** What a reader is told about a failure of the cluster; other errors stay as they are. */
export function readError(error: unknown, availability: ClusterAvailability): unknown {
  if (!(error instanceof ClusterFailure)) return error;
  switch (error.kind) {
    case 'denied':
    case 'deleted':
      return errors.LOG_ACCESS_DENIED({ problem: error.message }, error);
    case 'away':
      return availability.failed(error);
    case 'too-large':
    case 'unknown':
      return errors.LOG_UNAVAILABLE({ problem: error.message }, error);
  }
}
