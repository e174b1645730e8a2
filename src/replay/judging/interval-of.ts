import type { Interval } from '../report/report-schema.js';
import { replaySettings } from './replay-settings.js';

/** Limits as a report holds them, at the level of all intervals. */
export function intervalOf(limits: { readonly lower: number; readonly upper: number }): Interval {
  return { lower: limits.lower, upper: limits.upper, level: replaySettings.level };
}
