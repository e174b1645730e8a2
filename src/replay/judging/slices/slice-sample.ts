import { z } from 'zod';
import { positionSampler } from '../../eligible-rows.js';
import type { GroupCodes } from './slice-feature.js';
import type { JudgedLosses } from '../judged-losses.js';
import type { PairedRows } from '../paired-rows.js';

/** Compared rows that the search for slices works on; all arrays have `rows` entries, in the order of the read. */
export const SliceSample = z.strictObject({
  rows: z.number(),
  positions: z.instanceof(Float64Array),
  /** Candidate loss − control loss; NaN where the truth is unknown or there is no loss. */
  increase: z.instanceof(Float64Array),
  /** 1: the labels differ. */
  flipped: z.instanceof(Uint8Array),
  /** Codes by slice feature. */
  codes: z.array(z.instanceof(Uint16Array)),
});
export type SliceSample = z.infer<typeof SliceSample>;

export interface SliceSampler {
  add(block: PairedRows, judged: JudgedLosses, codes: GroupCodes): void;
  /** What another sampler of the same settings took of the rows right after these. */
  addSample(sample: SliceSample): void;
  take(): SliceSample;
}

const sampleRowsMax = 65_536;
const sampleSeed = 0x736c6963;

/** Keeps about 59,000 rows at most, chosen by a hash of their position. `rowsExpected`: about how many will come. */
export function sliceSampler(features: number, rowsExpected: number): SliceSampler {
  const capacity = Math.min(sampleRowsMax, Math.max(1, rowsExpected));
  // A little under the maximum on average, so that it is hardly ever reached.
  const inSample =
    rowsExpected <= sampleRowsMax
      ? undefined
      : positionSampler((0.9 * sampleRowsMax) / rowsExpected, sampleSeed);
  const positions = new Float64Array(capacity);
  const increase = new Float64Array(capacity);
  const flipped = new Uint8Array(capacity);
  const kept = Array.from({ length: features }, () => new Uint16Array(capacity));
  let rows = 0;
  let taken = new Int32Array(0);
  return {
    add: (block, { row, loss }, codes) => {
      if (taken.length < block.rows) taken = new Int32Array(block.rows);
      const before = rows;
      let count = 0;
      let judgedAt = 0;
      for (let at = 0; at < block.rows && rows < capacity; at += 1) {
        while (judgedAt < row.length && (row[judgedAt] ?? 0) < at) judgedAt += 1;
        const position = block.positions[at] ?? 0;
        if (inSample !== undefined && !inSample(position)) continue;
        positions[rows] = position;
        increase[rows] =
          row[judgedAt] === at
            ? (loss?.candidate[judgedAt] ?? Number.NaN) - (loss?.control[judgedAt] ?? Number.NaN)
            : Number.NaN;
        flipped[rows] = block.control.label[at] === block.candidate.label[at] ? 0 : 1;
        taken[count] = at;
        count += 1;
        rows += 1;
      }
      if (count === 0) return;
      for (const [feature, values] of kept.entries()) {
        values.set(codes(feature, taken.subarray(0, count)), before);
      }
    },
    addSample: (sample) => {
      const count = Math.min(sample.rows, capacity - rows);
      positions.set(sample.positions.subarray(0, count), rows);
      increase.set(sample.increase.subarray(0, count), rows);
      flipped.set(sample.flipped.subarray(0, count), rows);
      for (const [feature, values] of kept.entries()) {
        values.set(sample.codes[feature]?.subarray(0, count) ?? [], rows);
      }
      rows += count;
    },
    take: () => ({
      rows,
      positions: positions.subarray(0, rows),
      increase: increase.subarray(0, rows),
      flipped: flipped.subarray(0, rows),
      codes: kept.map((values) => values.subarray(0, rows)),
    }),
  };
}
