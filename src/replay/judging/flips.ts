import { wilsonInterval } from '../../stats/proportion.js';
import type { Flips } from '../report/report-schema.js';
import { intervalOf } from './metrics.js';
import type { PairedRows } from './paired-rows.js';
import { replaySettings } from './replay-settings.js';

/** How labels changed between the sides, counted over all compared rows and, for right and wrong, over the judged ones. */
export interface FlipCounts {
  /** `matrix[control][candidate]`, by label code. */
  readonly matrix: readonly (readonly number[])[];
  readonly flipped: number;
  readonly judged: number;
  readonly controlRight: number;
  readonly rightToWrong: number;
  readonly wrongToRight: number;
}

/** Undefined for a regression: it has no labels. */
export function countFlips(rows: PairedRows): FlipCounts | undefined {
  if (rows.task === 'regression') return undefined;
  const width = rows.labels.length;
  const cells = new Float64Array(width * width);
  const control = rows.control.label;
  const candidate = rows.candidate.label;
  let flipped = 0;
  let judged = 0;
  let controlRight = 0;
  let rightToWrong = 0;
  let wrongToRight = 0;
  for (let row = 0; row < rows.rows; row += 1) {
    const before = control[row] ?? -1;
    const after = candidate[row] ?? -1;
    const truth = rows.truth[row] ?? Number.NaN;
    const cell = before * width + after;
    cells[cell] = (cells[cell] ?? 0) + 1;
    if (before !== after) flipped += 1;
    if (Number.isNaN(truth)) continue;
    judged += 1;
    if (before === truth) {
      controlRight += 1;
      if (after !== truth) rightToWrong += 1;
    } else if (after === truth) wrongToRight += 1;
  }
  const matrix = Array.from({ length: width }, (_, code) => [
    ...cells.subarray(code * width, (code + 1) * width),
  ]);
  return { matrix, flipped, judged, controlRight, rightToWrong, wrongToRight };
}

/** The counts as they stand in the report; null without rows or labels. */
export function flipsOf(rows: PairedRows, counts: FlipCounts | undefined): Flips | null {
  if (counts === undefined) return null;
  const rate = wilsonInterval({ successes: counts.flipped, trials: rows.rows, level: replaySettings.level });
  if (rate.kind === 'undefined') return null;
  return {
    rows: rows.rows,
    flipped: counts.flipped,
    rate: rate.estimate,
    interval: intervalOf(rate),
    labels: [...rows.labels],
    matrix: counts.matrix.map((line) => [...line]),
    judged: counts.judged,
    rightToWrong: counts.rightToWrong,
    wrongToRight: counts.wrongToRight,
  };
}
