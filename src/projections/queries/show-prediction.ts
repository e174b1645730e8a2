import type { LogReader } from '../../services/event-log/event-log.js';
import { errors } from '../../services/platform/errors.js';
import type { Analytics } from '../datasets/open-analytics.js';

export interface ShownPrediction {
  readonly id: string;
}

export async function showPrediction(options: {
  readonly analytics: Analytics;
  readonly reader: LogReader;
  readonly id: string;
}): Promise<ShownPrediction> {
  throw errors.PREDICTION_NOT_FOUND({ id: options.id });
}
