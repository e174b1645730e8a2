import { z } from 'zod';
import { sumOfArrays } from './cell-sums.js';
import type { PairedRows } from './paired-rows.js';

/** Bins of equal width in [0, 1], on either axis. */
export const jointBins = 24;

/** Rows by the scores of both sides: bin of the control · 24 + bin of the candidate. */
export const JointTally = z.instanceof(Float64Array);
export type JointTally = z.infer<typeof JointTally>;

/** Of a binary block whose sides both have scores; scores outside [0, 1] stand in the outermost bins. */
export function jointTallyOf({ rows, control, candidate }: PairedRows): JointTally {
  const counts = new Float64Array(jointBins * jointBins);
  const binOf = (score: number): number => {
    const bin = Math.floor(score * jointBins);
    return bin < 0 ? 0 : bin >= jointBins ? jointBins - 1 : bin;
  };
  for (let row = 0; row < rows; row += 1) {
    const cell = binOf(control.value[row] ?? 0) * jointBins + binOf(candidate.value[row] ?? 0);
    counts[cell] = (counts[cell] ?? 0) + 1;
  }
  return counts;
}

export const joinJoint = sumOfArrays;

/** As a report shows it, control outer. */
export function jointOf(counts: JointTally | undefined): number[][] | null {
  if (counts === undefined) return null;
  return Array.from({ length: jointBins }, (_, bin) => [
    ...counts.subarray(bin * jointBins, (bin + 1) * jointBins),
  ]);
}
