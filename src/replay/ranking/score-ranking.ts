import { pairedAucOfSums, type PairedAuc } from '../../stats/auc.js';
import { clusteredAuc, type SidePlacements } from '../../stats/clustered-auc.js';
import type { UndefinedStatistic } from '../../stats/undefined-statistic.js';
import type { PairedRows } from '../judging/paired-rows.js';
import { replaySettings } from '../judging/replay-settings.js';
import { pairedPlacements, type PairedPlacements } from './paired-placements.js';
import type { ScoreChunk } from './score-chunk.js';
import { decodeScores, encodeScores } from './score-chunk.js';
import type { Spill } from './spill.js';

/** Puts the scores of judged rows aside, since a rank statistic needs all of them at once. Binary tasks. */
export interface ScoreRanking {
  add(rows: PairedRows): void;
  /** A chunk of another ranking, of the rows right after these. */
  addChunk(bytes: Uint8Array): void;
  readonly chunkCount: number;
  /** What was put aside, as bytes for `addChunk`. */
  chunks(): Iterable<Uint8Array>;
  /** Over cells where rows have subjects. Undefined: a judged row has no score. */
  auc(): PairedAuc | UndefinedStatistic | undefined;
  close(): void;
}

export function scoreRanking(makeSpill: () => Spill): ScoreRanking {
  const spill = makeSpill();
  let pieces = 0;
  let isSingle = true;
  let withoutScore = false;
  const put = (chunk: ScoreChunk): void => {
    if (chunk.rows === 0) return;
    isSingle &&= chunk.control instanceof Float32Array && chunk.candidate instanceof Float32Array;
    withoutScore ||= chunk.control.includes(Number.NaN) || chunk.candidate.includes(Number.NaN);
    spill.put(encodeScores(chunk));
    pieces += 1;
  };
  return {
    add: (rows) => {
      put(judgedScores(rows));
    },
    addChunk: (bytes) => {
      put(decodeScores(bytes));
    },
    get chunkCount() {
      return pieces;
    },
    *chunks() {
      for (let piece = 0; piece < pieces; piece += 1) yield spill.get(piece);
    },
    auc: () => {
      if (withoutScore) return undefined;
      const chunks = {
        *[Symbol.iterator]() {
          for (let piece = 0; piece < pieces; piece += 1) {
            const chunk = decodeScores(spill.get(piece));
            yield isSingle ? chunk : inDoubles(chunk);
          }
        },
      };
      return comparedAuc(pairedPlacements(chunks, makeSpill));
    },
    close: () => {
      spill.close();
    },
  };
}

function comparedAuc({ cells, ...sums }: PairedPlacements): PairedAuc | UndefinedStatistic {
  const { level } = replaySettings;
  const independent = pairedAucOfSums({ ...sums, level });
  if (cells === undefined || independent.kind === 'undefined') return independent;
  const { positives, negatives } = sums;
  const side = (ofPositives: Float64Array, ofNegatives: Float64Array): SidePlacements => ({
    positive: ofPositives.map((twice) => twice / 2 / negatives),
    negative: ofNegatives.map((twice) => twice / 2 / positives),
  });
  return clusteredAuc({
    cells: {
      positives: cells.positives,
      negatives: cells.negatives,
      control: side(cells.controlOfPositives, cells.controlOfNegatives),
      candidate: side(cells.candidateOfPositives, cells.candidateOfNegatives),
    },
    level,
  });
}

function judgedScores(rows: PairedRows): ScoreChunk {
  const label = new Uint8Array(rows.rows);
  const control = new Float64Array(rows.rows);
  const candidate = new Float64Array(rows.rows);
  const cell = rows.cell === undefined ? undefined : new Uint16Array(rows.rows);
  let count = 0;
  for (let row = 0; row < rows.rows; row += 1) {
    const truth = rows.truth[row] ?? Number.NaN;
    if (Number.isNaN(truth)) continue;
    label[count] = truth;
    control[count] = rows.control.value[row] ?? Number.NaN;
    candidate[count] = rows.candidate.value[row] ?? Number.NaN;
    if (cell !== undefined) cell[count] = rows.cell?.[row] ?? 0;
    count += 1;
  }
  return {
    rows: count,
    control: narrowed(control.subarray(0, count)),
    candidate: narrowed(candidate.subarray(0, count)),
    label: label.subarray(0, count),
    cell: cell?.subarray(0, count),
  };
}

/** In 32 bits where nothing is lost by it: half the room, and half the time to order. */
function narrowed(values: Float64Array): Float64Array | Float32Array {
  const single = new Float32Array(values);
  for (let index = 0; index < values.length; index += 1) {
    if (single[index] !== values[index]) return values;
  }
  return single;
}

function inDoubles(chunk: ScoreChunk): ScoreChunk {
  return { ...chunk, control: new Float64Array(chunk.control), candidate: new Float64Array(chunk.candidate) };
}
