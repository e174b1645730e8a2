import type { Moments } from '../../../stats/moments.js';
import { momentsOfSums } from '../../../stats/moments.js';
import { marginDifference } from '../../../stats/paired-mean.js';
import type { JudgedLosses } from '../judged-losses.js';
import type { PairedRows } from '../paired-rows.js';
import { replaySettings } from '../replay-settings.js';

/** What the rows of one group come to. */
export interface SliceSums {
  readonly rows: number;
  readonly flipped: number;
  /** Rows whose truth is known; the rest is over these. */
  readonly judged: number;
  readonly positives: number;
  readonly rightToWrong: number;
  readonly wrongToRight: number;
  readonly controlLoss: number;
  readonly candidateLoss: number;
  /** Of candidate loss − control loss. */
  readonly increase: Moments;
  /** Of candidate loss − (1 + margin) × control loss. */
  readonly margin: Moments;
  /** Share of the variance of that difference that the farthest row makes up. */
  readonly largestVarianceShare: number;
}

export interface SliceTally {
  /** `codes`: of the block's rows. */
  add(block: PairedRows, judged: JudgedLosses, codes: Uint16Array): void;
  /** One entry a code; with NaN where losses cannot be computed. */
  list(): SliceSums[];
}

const fields = {
  rows: 0,
  flipped: 1,
  judged: 2,
  positives: 3,
  rightToWrong: 4,
  wrongToRight: 5,
  control: 6,
  candidate: 7,
  increase: 8,
  increaseSquares: 9,
  margin: 10,
  marginSquares: 11,
  marginLeast: 12,
  marginMost: 13,
} as const;
const width = Object.keys(fields).length;

/** Sums by the groups of one feature, in row order (so the same bits each time). */
export function sliceTally(groups: number): SliceTally {
  const sums = new Float64Array(groups * width);
  for (let group = 0; group < groups; group += 1) {
    sums[group * width + fields.marginLeast] = Infinity;
    sums[group * width + fields.marginMost] = -Infinity;
  }
  const bump = (at: number, by: number): void => {
    sums[at] = (sums[at] ?? 0) + by;
  };
  return {
    add: (block, { row, loss }, codes) => {
      const control = block.control.label;
      const candidate = block.candidate.label;
      for (let at = 0; at < block.rows; at += 1) {
        const base = (codes[at] ?? 0) * width;
        bump(base + fields.rows, 1);
        if (control[at] !== candidate[at]) bump(base + fields.flipped, 1);
      }
      for (let index = 0; index < row.length; index += 1) {
        const at = row[index] ?? 0;
        const base = (codes[at] ?? 0) * width;
        const truth = block.truth[at] ?? Number.NaN;
        bump(base + fields.judged, 1);
        if (truth === 1) bump(base + fields.positives, 1);
        if (control[at] !== candidate[at]) {
          if (control[at] === truth) bump(base + fields.rightToWrong, 1);
          else if (candidate[at] === truth) bump(base + fields.wrongToRight, 1);
        }
        const before = loss?.control[index] ?? Number.NaN;
        const after = loss?.candidate[index] ?? Number.NaN;
        const margin = marginDifference({ candidate: after, control: before, margin: replaySettings.margin });
        bump(base + fields.control, before);
        bump(base + fields.candidate, after);
        bump(base + fields.increase, after - before);
        bump(base + fields.increaseSquares, (after - before) ** 2);
        bump(base + fields.margin, margin);
        bump(base + fields.marginSquares, margin ** 2);
        if (margin < (sums[base + fields.marginLeast] ?? 0)) sums[base + fields.marginLeast] = margin;
        if (margin > (sums[base + fields.marginMost] ?? 0)) sums[base + fields.marginMost] = margin;
      }
    },
    list: () =>
      Array.from({ length: groups }, (_, group) => sumsOf(sums.subarray(group * width, (group + 1) * width))),
  };
}

function sumsOf(of: Float64Array): SliceSums {
  const at = (field: keyof typeof fields): number => of[fields[field]] ?? 0;
  const judged = at('judged');
  const momentsOf = (sum: number, squares: number): Moments =>
    Number.isNaN(sum)
      ? { count: 0, mean: Number.NaN, squaredDeviations: Number.NaN }
      : momentsOfSums({ count: judged, sum, sumOfSquares: squares });
  const margin = momentsOf(at('margin'), at('marginSquares'));
  const farthest = Math.max((at('marginLeast') - margin.mean) ** 2, (at('marginMost') - margin.mean) ** 2);
  return {
    rows: at('rows'),
    flipped: at('flipped'),
    judged,
    positives: at('positives'),
    rightToWrong: at('rightToWrong'),
    wrongToRight: at('wrongToRight'),
    controlLoss: at('control') / judged,
    candidateLoss: at('candidate') / judged,
    increase: momentsOf(at('increase'), at('increaseSquares')),
    margin,
    largestVarianceShare:
      judged > 0 && margin.squaredDeviations > 0 ? Math.min(1, farthest / margin.squaredDeviations) : 0,
  };
}
