import { join } from 'node:path';
import {
  planRetention,
  type RetentionPlan,
  type RetentionPolicy,
} from '../../services/event-log/plan-retention.js';
import { segmentFacts } from '../../services/event-log/segment-log/segment-facts.js';
import { errors } from '../../services/platform/errors.js';
import { datasetsDirectory, readManifest } from '../datasets/dataset-manifest.js';

/** What retention would drop now; changes nothing. Throws LOG_NOT_FOUND, LOG_CORRUPT and DATASET_DAMAGED. */
export async function proposeRetention(options: {
  readonly dataDirectory: string;
  readonly policy: RetentionPolicy;
  readonly nowMicros: number;
}): Promise<RetentionPlan> {
  const { dataDirectory, policy, nowMicros } = options;
  const directory = datasetsDirectory(dataDirectory);
  // The manifest first: what it says is projected stays projected, and the log only grows.
  const { checkpoint: projectedPosition } = await readManifest(directory);
  const segments = await segmentFacts(join(dataDirectory, 'log'));
  const nextPosition = segments.at(-1)?.endPosition ?? 0;
  if (projectedPosition > nextPosition) {
    throw errors.DATASET_BEYOND_LOG({
      path: join(directory, 'manifest.json'),
      checkpoint: String(projectedPosition),
      nextPosition: String(nextPosition),
    });
  }
  return planRetention({ segments, policy, projectedPosition, nowMicros });
}
