import { z } from 'zod';
import type { ColumnBatch } from '../schemas/columns.js';
import type { InferenceModel } from '../services/inference/inference-model.js';
import { HindcastError } from '../services/platform/errors.js';
import { momentsOf } from '../stats/moments.js';
import { meanInterval } from '../stats/paired-mean.js';
import { replaySettings } from './judging/replay-settings.js';
import { pickColumns } from './pick-columns.js';

/** How long one row alone takes: the run of the model itself, without HTTP and threads. */
export const LatencyComparison = z.strictObject({
  rows: z.int(),
  /** Medians, microseconds. */
  controlMicros: z.number(),
  candidateMicros: z.number(),
  /** Candidate ÷ control: the geometric mean over the rows, with its interval. */
  ratio: z.number(),
  lower: z.number(),
  upper: z.number(),
});
export type LatencyComparison = z.infer<typeof LatencyComparison>;

export interface TimedSide {
  readonly model: InferenceModel;
  /** The same rows for both sides. */
  readonly batch: ColumnBatch;
}

const roundsWarmUp = 20;

/**
 * Runs rows one by one on both sides in turn, so that what slows the machine slows both; each row's pair gives one ratio. Undefined when
 * fewer than two rows are answered by both.
 */
export async function compareLatency(sides: {
  readonly control: TimedSide;
  readonly candidate: TimedSide;
}): Promise<LatencyComparison | undefined> {
  const { rows } = sides.control.batch;
  const micros = { control: [] as number[], candidate: [] as number[] };
  for (let round = -roundsWarmUp; round < rows; round += 1) {
    const row = ((round % rows) + rows) % rows;
    // Neither side always comes first.
    const order = row % 2 === 0 ? (['control', 'candidate'] as const) : (['candidate', 'control'] as const);
    const found = { control: 0, candidate: 0 };
    try {
      for (const side of order) found[side] = await microsOf(sides[side], row);
    } catch (error) {
      // A row that a side cannot take has no time; that it fails is counted where all rows are run.
      if (error instanceof HindcastError && error.code === 'INFERENCE_FAILED') continue;
      throw error;
    }
    if (round < 0) continue;
    micros.control.push(found.control);
    micros.candidate.push(found.candidate);
  }
  const logs = Float64Array.from(micros.control, (before, index) =>
    Math.log(Math.max(1, micros.candidate[index] ?? 0) / Math.max(1, before)),
  );
  const found = meanInterval({ moments: momentsOf(logs), level: replaySettings.level });
  if (found.kind === 'undefined') return undefined;
  return {
    rows: logs.length,
    controlMicros: medianOf(micros.control),
    candidateMicros: medianOf(micros.candidate),
    ratio: Math.exp(found.mean),
    lower: Math.exp(found.lower),
    upper: Math.exp(found.upper),
  };
}

async function microsOf({ model, batch }: TimedSide, row: number): Promise<number> {
  const columns = pickColumns(batch.columns, Int32Array.of(row));
  return (await model.run({ rows: 1, columns })).inferenceMicros;
}

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
