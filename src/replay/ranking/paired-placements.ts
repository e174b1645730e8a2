import { ascendingOrder } from '../../stats/ascending-order.js';
import type { PlacementSums } from '../../stats/auc.js';
import { SquareSum } from '../../stats/square-sum.js';
import { subjectCells } from '../judging/subject-cells.js';
import type { ScoreChunk } from './score-chunk.js';
import { partitionedScores, type Partition, type PartitionedScores } from './partitioned-scores.js';
import type { Spill } from './spill.js';
import { partitionRowsWanted, scoreSampler, splittersOf } from './splitters.js';

/** By the cell of the subject: rows of either class, and their twice placements by either side. */
export interface PlacementCells {
  readonly positives: Float64Array;
  readonly negatives: Float64Array;
  readonly controlOfPositives: Float64Array;
  readonly candidateOfPositives: Float64Array;
  readonly controlOfNegatives: Float64Array;
  readonly candidateOfNegatives: Float64Array;
}

export interface PairedPlacements extends PlacementSums {
  /** Undefined: no row has a subject. */
  readonly cells: PlacementCells | undefined;
}

export interface PlacementRanking {
  /** Of 32-bit floats, or of doubles from some chunk on; all with cells or none. Nobody else may change the arrays from here on. */
  add(chunk: ScoreChunk): void;
  /** Afterwards nothing may be added, and all that was put aside is gone. */
  finish(): PairedPlacements;
  close(): void;
}

/** So many rows wait before the others are dealt out by what they look like. */
const waitingRowsMax = 2 * partitionRowsWanted;
/** Partitions that came out longer than this are dealt out again, so that none takes much memory. */
const partitionRowsMax = 8 * partitionRowsWanted;

/**
 * Ranks both sides of any number of rows, exactly, with the memory of a few partitions: rows are dealt out into ranges of control scores
 * as they come; at the end each range is ordered by itself, and its rows, now with their placement, are dealt out anew into ranges of
 * candidate scores. The same rows give the same sums to the last bit, in any chunks and in any order. `rowsExpected`: about how many
 * will come.
 */
export function placementRanking(options: {
  readonly rowsExpected: number;
  readonly makeSpill: () => Spill;
}): PlacementRanking {
  const { makeSpill, rowsExpected } = options;
  const totals = { rows: 0, positives: 0, negatives: 0, hasCells: false };
  const candidateSampler = scoreSampler('candidate', rowsExpected);
  let waiting: ScoreChunk[] = [];
  let dealt: Dealt | undefined;

  const begun = (): Dealt => {
    if (dealt !== undefined) return dealt;
    dealt = dealOut(waiting, Math.max(rowsExpected, totals.rows), makeSpill);
    waiting = [];
    return dealt;
  };
  return {
    add: (chunk) => {
      const { rows, label, cell } = chunk;
      let positives = 0;
      for (let row = 0; row < rows; row += 1) positives += label[row] ?? 0;
      totals.rows += rows;
      totals.positives += positives;
      totals.negatives += rows - positives;
      totals.hasCells ||= cell !== undefined;
      candidateSampler.add(chunk);
      if (dealt === undefined) {
        waiting.push(chunk);
        if (totals.rows >= waitingRowsMax) begun();
        return;
      }
      if (dealt.isSingle && !isSingle(chunk)) {
        // The partitions hold 32-bit floats, which this chunk has no room in: all are dealt out again.
        const { partitions } = dealt;
        const all = {
          *[Symbol.iterator]() {
            yield* chunksOf(partitions);
            yield chunk;
          },
        };
        dealt = dealOut(all, Math.max(rowsExpected, totals.rows), makeSpill);
        partitions.close();
      } else dealt.partitions.add(dealt.isSingle ? chunk : inDoubles(chunk));
    },
    finish: () => {
      let { partitions } = begun();
      for (const { rows, isOneScore } of partitions.partitions()) {
        if (isOneScore || rows <= partitionRowsMax) continue;
        // The first rows did not look like the others.
        const uneven = partitions;
        ({ partitions } = dealOut({ [Symbol.iterator]: () => chunksOf(uneven) }, totals.rows, makeSpill));
        uneven.close();
        break;
      }
      const candidateSplitters = splittersOf(candidateSampler.sample, totals.rows);
      const byCandidate = partitionedScores(candidateSplitters, 'candidate', makeSpill());
      const controlTwiceWins = placeEach(partitions.partitions(), 'control', totals, (chunk, twice) => {
        byCandidate.add({ ...chunk, control: twice });
      });
      partitions.close();
      const sums = placementSums(totals.hasCells);
      const candidateTwiceWins = placeEach(byCandidate.partitions(), 'candidate', totals, sums.add);
      byCandidate.close();
      const { positives, negatives } = totals;
      return { positives, negatives, controlTwiceWins, candidateTwiceWins, ...sums.result() };
    },
    close: () => {
      dealt?.partitions.close();
    },
  };
}

interface Totals {
  readonly positives: number;
  readonly hasCells: boolean;
}

type SideName = 'control' | 'candidate';

/** Rows by ranges of control scores. */
interface Dealt {
  readonly isSingle: boolean;
  readonly partitions: PartitionedScores;
}

/** `chunks`: gone through several times. In doubles when one of them is. */
function dealOut(chunks: Iterable<ScoreChunk>, rowsExpected: number, makeSpill: () => Spill): Dealt {
  let rows = 0;
  let allSingle = true;
  for (const chunk of chunks) {
    rows += chunk.rows;
    allSingle &&= isSingle(chunk);
  }
  const sampler = scoreSampler('control', rows);
  for (const chunk of chunks) sampler.add(chunk);
  const partitions = partitionedScores(splittersOf(sampler.sample, rowsExpected), 'control', makeSpill());
  for (const chunk of chunks) partitions.add(allSingle ? chunk : inDoubles(chunk));
  return { isSingle: allSingle, partitions };
}

function* chunksOf(partitions: PartitionedScores): Generator<ScoreChunk> {
  for (const partition of partitions.partitions()) yield* partition.chunks();
}

function isSingle({ control, candidate }: ScoreChunk): boolean {
  return control instanceof Float32Array && candidate instanceof Float32Array;
}

function inDoubles(chunk: ScoreChunk): ScoreChunk {
  return { ...chunk, control: new Float64Array(chunk.control), candidate: new Float64Array(chunk.candidate) };
}

/** Gives every row's twice placement by one side, partition by partition; returns their sum over the positives. */
function placeEach(
  partitions: Iterable<Partition>,
  side: SideName,
  { positives }: Totals,
  use: (chunk: ScoreChunk, twice: Float64Array) => void,
): number {
  const below: Below = { positives: 0, negatives: 0, twiceWins: 0 };
  for (const partition of partitions) {
    if (partition.isOneScore) {
      const ofPositive = 2 * below.negatives + partition.rows - partition.positives;
      const ofNegative = 2 * (positives - below.positives) - partition.positives;
      for (const chunk of partition.chunks()) {
        use(
          chunk,
          Float64Array.from(chunk.label, (label) => (label === 1 ? ofPositive : ofNegative)),
        );
      }
      below.twiceWins += partition.positives * ofPositive;
      below.positives += partition.positives;
      below.negatives += partition.rows - partition.positives;
      continue;
    }
    const chunk = partition.whole();
    use(chunk, placementsIn(chunk, side, positives, below));
  }
  return below.twiceWins;
}

/** Rows with a smaller score than those at hand, and the placements of the positives among them. */
interface Below {
  positives: number;
  negatives: number;
  twiceWins: number;
}

/** Written out, tie by tie: most scores are their own tie, and a call for each would cost as much as the order. */
function placementsIn(
  { rows, label, ...chunk }: ScoreChunk,
  side: SideName,
  positives: number,
  below: Below,
): Float64Array {
  const scores = chunk[side];
  const order = ascendingOrder(side, scores);
  const twice = new Float64Array(rows);
  let { positives: positivesBelow, negatives: negativesBelow, twiceWins } = below;
  for (let start = 0; start < rows;) {
    const score = scores[order[start] ?? 0];
    let inTie = 0;
    let end = start;
    for (; end < rows && scores[order[end] ?? 0] === score; end += 1) inTie += label[order[end] ?? 0] ?? 0;
    const negativesInTie = end - start - inTie;
    const ofPositive = 2 * negativesBelow + negativesInTie;
    const ofNegative = 2 * (positives - positivesBelow) - inTie;
    for (; start < end; start += 1) {
      const row = order[start] ?? 0;
      twice[row] = label[row] === 1 ? ofPositive : ofNegative;
    }
    twiceWins += inTie * ofPositive;
    positivesBelow += inTie;
    negativesBelow += negativesInTie;
  }
  below.positives = positivesBelow;
  below.negatives = negativesBelow;
  below.twiceWins = twiceWins;
  return twice;
}

/** Takes chunks whose `control` holds twice placements, with those of the candidate. */
function placementSums(hasCells: boolean) {
  const ofPositives = new SquareSum();
  const ofNegatives = new SquareSum();
  const cells = hasCells ? emptyCells() : undefined;
  return {
    add: ({ rows, control, label, cell }: ScoreChunk, twice: Float64Array): void => {
      for (let row = 0; row < rows; row += 1) {
        const before = control[row] ?? Number.NaN;
        const after = twice[row] ?? Number.NaN;
        const gap = after - before;
        if (label[row] === 1) ofPositives.add(gap);
        else ofNegatives.add(gap);
        if (cells !== undefined)
          addToCells(cells, cell?.[row] ?? 0, { positive: label[row] === 1, before, after });
      }
    },
    result: () => ({
      positiveGapSquares: ofPositives.total,
      negativeGapSquares: ofNegatives.total,
      cells,
    }),
  };
}

function addToCells(
  cells: PlacementCells,
  cell: number,
  row: { readonly positive: boolean; readonly before: number; readonly after: number },
): void {
  const [count, control, candidate] = row.positive
    ? [cells.positives, cells.controlOfPositives, cells.candidateOfPositives]
    : [cells.negatives, cells.controlOfNegatives, cells.candidateOfNegatives];
  count[cell] = (count[cell] ?? 0) + 1;
  control[cell] = (control[cell] ?? 0) + row.before;
  candidate[cell] = (candidate[cell] ?? 0) + row.after;
}

function emptyCells(): PlacementCells {
  const cells = () => new Float64Array(subjectCells);
  return {
    positives: cells(),
    negatives: cells(),
    controlOfPositives: cells(),
    candidateOfPositives: cells(),
    controlOfNegatives: cells(),
    candidateOfNegatives: cells(),
  };
}
