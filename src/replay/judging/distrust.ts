import { replaySettings } from './replay-settings.js';

const { judgedRowsMin, rowsPerClassMin, clustersMin } = replaySettings;

/** Why nothing passes or fails, and at how many rows as these it can. */
export interface Distrust {
  readonly reason: string;
  readonly rowsNeeded: number;
}

/** Why the normal approximation behind an interval is not to be trusted on so few rows with truth; undefined: it is. */
export function distrustOf(rows: {
  readonly judged: number;
  /** Of a binary task: rows whose truth is 1. */
  readonly positives: number | undefined;
  /** See `effectiveClusters`; undefined: rows have no subjects. */
  readonly clusters: number | undefined;
}): Distrust | undefined {
  const { judged, positives, clusters } = rows;
  if (judged < judgedRowsMin) {
    const reason = `${judged} rows with truth are too few for a verdict; ${judgedRowsMin} are the least`;
    return { reason, rowsNeeded: judgedRowsMin };
  }
  const rarer = positives === undefined ? undefined : Math.min(positives, judged - positives);
  if (rarer !== undefined && rarer < rowsPerClassMin) {
    const reason = `${rarer} rows of the rarer class are too few for a verdict; ${rowsPerClassMin} are the least`;
    return { reason, rowsNeeded: Math.ceil((judged * rowsPerClassMin) / Math.max(1, rarer)) };
  }
  if (clusters !== undefined && clusters < clustersMin) {
    const worth = Math.min(clustersMin - 1, Math.round(clusters));
    const reason = `the rows are worth ${worth} groups of subjects of equal size, too few for a verdict; ${clustersMin} are the least`;
    return { reason, rowsNeeded: Math.ceil((judged * clustersMin) / clusters) };
  }
  return undefined;
}
