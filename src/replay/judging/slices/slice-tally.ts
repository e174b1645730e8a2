import type { Moments } from '../../../stats/moments.js';
import { emptyMoments, momentsOfSums } from '../../../stats/moments.js';
import { clusteredMeanInterval } from '../../../stats/clustered-mean.js';
import type { MeanInterval } from '../../../stats/paired-mean.js';
import { marginDifference, meanInterval } from '../../../stats/paired-mean.js';
import type { UndefinedStatistic } from '../../../stats/undefined-statistic.js';
import { cellTally, type CellTally } from '../cell-sums.js';
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
  /** Of candidate loss − control loss; over cells where there are any. */
  readonly increase: MeanInterval | UndefinedStatistic;
  /** Of candidate loss − (1 + margin) × control loss. */
  readonly margin: MeanInterval | UndefinedStatistic;
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

/** Sums by the groups of one feature, in row order (so the same bits each time). `allowed`: the margin of `GateRules`. */
export function sliceTally(groups: number, allowed: number): SliceTally {
  const sums = new Float64Array(groups * width);
  for (let group = 0; group < groups; group += 1) {
    sums[group * width + fields.marginLeast] = Infinity;
    sums[group * width + fields.marginMost] = -Infinity;
  }
  const cells = new Map<number, GroupCells>();
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
        const margin = marginDifference({ candidate: after, control: before, margin: allowed });
        bump(base + fields.control, before);
        bump(base + fields.candidate, after);
        bump(base + fields.increase, after - before);
        bump(base + fields.increaseSquares, (after - before) ** 2);
        bump(base + fields.margin, margin);
        bump(base + fields.marginSquares, margin ** 2);
        if (block.cell !== undefined) {
          const group = codes[at] ?? 0;
          const ofGroup = cells.get(group) ?? { increase: cellTally(), margin: cellTally() };
          cells.set(group, ofGroup);
          ofGroup.increase.addOne(after - before, block.cell[at] ?? 0);
          ofGroup.margin.addOne(margin, block.cell[at] ?? 0);
        }
        if (margin < (sums[base + fields.marginLeast] ?? 0)) sums[base + fields.marginLeast] = margin;
        if (margin > (sums[base + fields.marginMost] ?? 0)) sums[base + fields.marginMost] = margin;
      }
    },
    list: () =>
      Array.from({ length: groups }, (_, group) =>
        sumsOf(sums.subarray(group * width, (group + 1) * width), cells.get(group)),
      ),
  };
}

interface GroupCells {
  readonly increase: CellTally;
  readonly margin: CellTally;
}

const { level } = replaySettings;

function sumsOf(of: Float64Array, cells: GroupCells | undefined): SliceSums {
  const at = (field: keyof typeof fields): number => of[fields[field]] ?? 0;
  const judged = at('judged');
  const momentsOf = (sum: number, squares: number): Moments =>
    Number.isNaN(sum) ? emptyMoments : momentsOfSums({ count: judged, sum, sumOfSquares: squares });
  const intervalOver = (moments: Moments, tally: CellTally | undefined): MeanInterval | UndefinedStatistic =>
    tally === undefined || moments.count === 0
      ? meanInterval({ moments, level })
      : clusteredMeanInterval({ clusters: tally.clusters, level });
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
    increase: intervalOver(momentsOf(at('increase'), at('increaseSquares')), cells?.increase),
    margin: intervalOver(margin, cells?.margin),
    largestVarianceShare:
      judged > 0 && margin.squaredDeviations > 0 ? Math.min(1, farthest / margin.squaredDeviations) : 0,
  };
}
