import { ascendingOrder } from '../../stats/ascending-order.js';
import type { PlacementSums } from '../../stats/auc.js';
import { subjectCells } from '../judging/cell-sums.js';
import type { ScoreChunk } from './score-chunk.js';
import { partitionedScores, type Partition } from './partitioned-scores.js';
import type { Spill } from './spill.js';
import { splittersOf } from './splitters.js';

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

/**
 * Ranks both sides of any number of rows, exactly, with the memory of a few partitions: rows are dealt out into ranges of control scores,
 * each range is ordered by itself and its rows, now with their placement, are dealt out anew into ranges of candidate
 * scores. The same chunks in the same order give the same sums to the last bit. `chunks`: may be gone through several times.
 */
export function pairedPlacements(chunks: Iterable<ScoreChunk>, makeSpill: () => Spill): PairedPlacements {
  const totals = countRows(chunks);
  const byControl = dealt(chunks, 'control', totals.rows, makeSpill);
  const candidateSplitters = splittersOf(chunks, 'candidate', totals.rows);
  const byCandidate = partitionedScores(candidateSplitters, 'candidate', makeSpill());
  const controlTwiceWins = placeEach(byControl.partitions(), 'control', totals, (chunk, twice) => {
    byCandidate.add({ ...chunk, control: twice });
  });
  byControl.close();
  const sums = placementSums(totals.hasCells);
  const candidateTwiceWins = placeEach(byCandidate.partitions(), 'candidate', totals, sums.add);
  byCandidate.close();
  const { positives, negatives } = totals;
  return { positives, negatives, controlTwiceWins, candidateTwiceWins, ...sums.result() };
}

interface Totals {
  readonly rows: number;
  readonly positives: number;
  readonly negatives: number;
  readonly hasCells: boolean;
}

type SideName = 'control' | 'candidate';

function countRows(chunks: Iterable<ScoreChunk>): Totals {
  let rows = 0;
  let positives = 0;
  let hasCells = false;
  for (const chunk of chunks) {
    rows += chunk.rows;
    for (let row = 0; row < chunk.rows; row += 1) positives += chunk.label[row] ?? 0;
    hasCells ||= chunk.cell !== undefined;
  }
  return { rows, positives, negatives: rows - positives, hasCells };
}

function dealt(chunks: Iterable<ScoreChunk>, side: SideName, rows: number, makeSpill: () => Spill) {
  const partitions = partitionedScores(splittersOf(chunks, side, rows), side, makeSpill());
  for (const chunk of chunks) partitions.add(chunk);
  return partitions;
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
  let positiveGapSquares = 0;
  let negativeGapSquares = 0;
  const cells = hasCells ? emptyCells() : undefined;
  return {
    add: ({ rows, control, label, cell }: ScoreChunk, twice: Float64Array): void => {
      for (let row = 0; row < rows; row += 1) {
        const before = control[row] ?? Number.NaN;
        const after = twice[row] ?? Number.NaN;
        const gap = after - before;
        if (label[row] === 1) positiveGapSquares += gap * gap;
        else negativeGapSquares += gap * gap;
        if (cells !== undefined)
          addToCells(cells, cell?.[row] ?? 0, { positive: label[row] === 1, before, after });
      }
    },
    result: () => ({ positiveGapSquares, negativeGapSquares, cells }),
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
