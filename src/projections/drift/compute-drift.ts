import type { ModelManifest } from '../../schemas/model-manifest.js';
import type { ReferenceProfile } from '../../schemas/reference-profile.js';
import { errors } from '../../services/platform/errors.js';
import type { Analytics } from '../datasets/open-analytics.js';
import type { DriftReport } from './drift-report.js';

export async function computeDrift(options: {
  readonly analytics: Analytics;
  readonly model: string;
  readonly manifest: ModelManifest;
  readonly profile: ReferenceProfile;
  readonly from: number;
  readonly until: number;
}): Promise<DriftReport> {
  throw errors.DRIFT_NO_ROWS({ range: `${options.from} to ${options.until}` });
}
