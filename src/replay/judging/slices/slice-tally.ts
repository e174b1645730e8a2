import { z } from 'zod';
import { clusteredMeanInterval } from '../../../stats/clustered-mean.js';
import { skewnessOfMoments } from '../../../stats/cubed-deviations.js';
import type { Moments } from '../../../stats/moments.js';
import { emptyMoments, momentsOfSums } from '../../../stats/moments.js';
import type { MeanInterval } from '../../../stats/paired-mean.js';
import { meanInterval } from '../../../stats/paired-mean.js';
import { skewnessOfMean } from '../../../stats/skewed-mean.js';
import type { UndefinedStatistic } from '../../../stats/undefined-statistic.js';
import { addToCell, CellSums, clustersOf, emptyCells, joinCells } from '../cell-sums.js';
import type { JudgedLosses } from '../judged-losses.js';
import type { MarginInterval } from '../margin-interval.js';
import { marginInterval } from '../margin-interval.js';
import type { PairedRows } from '../paired-rows.js';
import { replaySettings } from '../replay-settings.js';

const GroupCells = z.strictObject({ increase: CellSums, margin: CellSums });
type GroupCells = z.infer<typeof GroupCells>;

/** Sums by the groups of one feature. */
export const SliceTally = z.strictObject({
  /** The fields of one group after those of the other. */
  sums: z.instanceof(Float64Array),
  /** By group; of those that have judged rows with a subject. */
  cells: z.map(z.number(), GroupCells),
});
export type SliceTally = z.infer<typeof SliceTally>;

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
  readonly margin: MarginInterval | UndefinedStatistic;
  /** Share of the variance of that difference that the farthest row makes up. */
  readonly largestVarianceShare: number;
  /** See `clustersOf`. */
  readonly clusters: number | undefined;
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
  marginCubes: 12,
  marginLeast: 13,
  marginMost: 14,
} as const;
const width = Object.keys(fields).length;

/** `codes`: the group of each row of the block. `allowed`: the margin of `GateRules`. */
export function sliceTallyOf(
  block: PairedRows,
  { row, loss }: JudgedLosses,
  slice: { readonly groups: number; readonly codes: Uint16Array; readonly allowed: number },
): SliceTally {
  const { groups, codes, allowed } = slice;
  const sums = emptySums(groups);
  const cells = new Map<number, GroupCells>();
  const control = block.control.label;
  const candidate = block.candidate.label;
  for (let at = 0; at < block.rows; at += 1) {
    const base = (codes[at] ?? 0) * width;
    sums[base + fields.rows] = (sums[base + fields.rows] ?? 0) + 1;
    if (control[at] !== candidate[at]) sums[base + fields.flipped] = (sums[base + fields.flipped] ?? 0) + 1;
  }
  for (let index = 0; index < row.length; index += 1) {
    const at = row[index] ?? 0;
    const group = codes[at] ?? 0;
    const base = group * width;
    const truth = block.truth[at] ?? Number.NaN;
    const before = loss === undefined ? Number.NaN : (loss.control[index] ?? Number.NaN);
    const after = loss === undefined ? Number.NaN : (loss.candidate[index] ?? Number.NaN);
    const increase = after - before;
    const margin = after - (1 + allowed) * before;
    sums[base + fields.judged] = (sums[base + fields.judged] ?? 0) + 1;
    if (truth === 1) sums[base + fields.positives] = (sums[base + fields.positives] ?? 0) + 1;
    if (control[at] !== candidate[at]) {
      const field =
        control[at] === truth ? fields.rightToWrong : candidate[at] === truth ? fields.wrongToRight : -1;
      if (field >= 0) sums[base + field] = (sums[base + field] ?? 0) + 1;
    }
    sums[base + fields.control] = (sums[base + fields.control] ?? 0) + before;
    sums[base + fields.candidate] = (sums[base + fields.candidate] ?? 0) + after;
    sums[base + fields.increase] = (sums[base + fields.increase] ?? 0) + increase;
    sums[base + fields.increaseSquares] = (sums[base + fields.increaseSquares] ?? 0) + increase * increase;
    sums[base + fields.margin] = (sums[base + fields.margin] ?? 0) + margin;
    sums[base + fields.marginSquares] = (sums[base + fields.marginSquares] ?? 0) + margin * margin;
    sums[base + fields.marginCubes] = (sums[base + fields.marginCubes] ?? 0) + margin * margin * margin;
    if (margin < (sums[base + fields.marginLeast] ?? 0)) sums[base + fields.marginLeast] = margin;
    if (margin > (sums[base + fields.marginMost] ?? 0)) sums[base + fields.marginMost] = margin;
    if (block.cell === undefined) continue;
    const ofGroup = cells.get(group) ?? { increase: emptyCells(), margin: emptyCells() };
    cells.set(group, ofGroup);
    addToCell(ofGroup.increase, block.cell[at] ?? 0, increase);
    addToCell(ofGroup.margin, block.cell[at] ?? 0, margin);
  }
  return { sums, cells };
}

export function joinSlices(earlier: SliceTally, later: SliceTally): SliceTally {
  const sums = new Float64Array(earlier.sums.length);
  for (let at = 0; at < sums.length; at += 1) {
    const [before, after] = [earlier.sums[at] ?? Number.NaN, later.sums[at] ?? Number.NaN];
    const field = at % width;
    sums[at] =
      field === fields.marginLeast
        ? Math.min(before, after)
        : field === fields.marginMost
          ? Math.max(before, after)
          : before + after;
  }
  const cells = new Map(earlier.cells);
  for (const [group, of] of later.cells) {
    const before = cells.get(group);
    cells.set(group, {
      increase: joinCells(before?.increase, of.increase) ?? of.increase,
      margin: joinCells(before?.margin, of.margin) ?? of.margin,
    });
  }
  return { sums, cells };
}

/** One entry a group; with NaN where losses cannot be computed. */
export function sliceSums({ sums, cells }: SliceTally): SliceSums[] {
  return Array.from({ length: sums.length / width }, (_, group) =>
    sumsOf(sums.subarray(group * width, (group + 1) * width), cells.get(group)),
  );
}

function emptySums(groups: number): Float64Array<ArrayBuffer> {
  const sums = new Float64Array(groups * width);
  for (let group = 0; group < groups; group += 1) {
    sums[group * width + fields.marginLeast] = Infinity;
    sums[group * width + fields.marginMost] = -Infinity;
  }
  return sums;
}

const { level } = replaySettings;

function sumsOf(of: Float64Array, cells: GroupCells | undefined): SliceSums {
  const at = (field: keyof typeof fields): number => of[fields[field]] ?? 0;
  const judged = at('judged');
  const momentsOf = (sum: number, squares: number): Moments =>
    Number.isNaN(sum) ? emptyMoments : momentsOfSums({ count: judged, sum, sumOfSquares: squares });
  const intervalOver = (
    moments: Moments,
    clusters: CellSums | undefined,
  ): MeanInterval | UndefinedStatistic =>
    clusters === undefined || moments.count === 0
      ? meanInterval({ moments, level })
      : clusteredMeanInterval({ clusters, level });
  const margin = momentsOf(at('margin'), at('marginSquares'));
  const farthest = Math.max((at('marginLeast') - margin.mean) ** 2, (at('marginMost') - margin.mean) ** 2);
  // From plain sums: exact enough, since the mean of what is near a margin is small against its spread.
  const skewness =
    cells === undefined
      ? skewnessOfMoments({
          ...margin,
          cubedDeviations:
            at('marginCubes') - 3 * margin.mean * at('marginSquares') + 2 * judged * margin.mean ** 3,
        })
      : skewnessOfMean(cells.margin);
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
    margin: marginInterval(intervalOver(margin, cells?.margin), skewness),
    largestVarianceShare:
      judged > 0 && margin.squaredDeviations > 0 ? Math.min(1, farthest / margin.squaredDeviations) : 0,
    clusters: clustersOf(cells?.margin),
  };
}
