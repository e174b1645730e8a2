import { pairedAucOfSums, type PairedAuc } from '../../stats/auc.js';
import { clusteredAuc, type SidePlacements } from '../../stats/clustered-auc.js';
import type { UndefinedStatistic } from '../../stats/undefined-statistic.js';
import { rowsWithTruth } from '../judging/judged-losses.js';
import type { PairedRows } from '../judging/paired-rows.js';
import { replaySettings } from '../judging/replay-settings.js';
import { pickNumbers } from '../pick-columns.js';
import { chunkStore } from './chunk-store.js';
import { placementRanking, type PairedPlacements } from './paired-placements.js';
import type { ScoreChunk } from './score-chunk.js';
import { decodeScores, encodeScores } from './score-chunk.js';
import type { Spill } from './spill.js';

/** Over cells where rows have subjects. Undefined: a judged row has no score. */
export type RankedAuc = PairedAuc | UndefinedStatistic | undefined;

/** Puts the scores of judged rows aside, since a rank statistic needs all of them at once. Binary tasks. */
export interface ScoreRanking {
  add(rows: PairedRows): void;
  /** Worked out when it is first asked for; afterwards nothing may be added. */
  auc(): RankedAuc | Promise<RankedAuc>;
  close(): void;
}

/** One that ranks on this thread, and whose scores can be handed on. */
export interface KeptScores extends ScoreRanking {
  /** A chunk of another ranking, of the rows right after these. */
  addChunk(bytes: Uint8Array): void;
  readonly chunkCount: number;
  /** What was put aside, as bytes for `addChunk`. */
  chunks(): Iterable<Uint8Array>;
  auc(): RankedAuc;
}

export function scoreRanking(makeSpill: () => Spill): KeptScores {
  const store = chunkStore(makeSpill());
  let rows = 0;
  let ranked: { readonly auc: RankedAuc } | undefined;
  const put = (chunk: ScoreChunk): void => {
    if (chunk.rows === 0) return;
    rows += chunk.rows;
    store.put(chunk);
  };
  return {
    add: (judged) => {
      put(judgedScores(judged));
    },
    addChunk: (bytes) => {
      put(decodeScores(bytes));
    },
    get chunkCount() {
      return store.count;
    },
    *chunks() {
      for (let number = 0; number < store.count; number += 1) yield encodeScores(store.get(number));
    },
    auc: () => {
      if (ranked !== undefined) return ranked.auc;
      const ranking = streamedRanking({ rowsExpected: rows, makeSpill });
      try {
        for (let number = 0; number < store.count; number += 1) ranking.put(store.get(number));
        ranked = { auc: ranking.auc() };
        return ranked.auc;
      } finally {
        ranking.close();
      }
    },
    close: () => {
      store.close();
    },
  };
}

/** Takes chunks in any order and keeps no more of them than the ranking needs; `auc` may be asked for once. */
export function streamedRanking(options: {
  readonly rowsExpected: number;
  readonly makeSpill: () => Spill;
}): {
  put(chunk: ScoreChunk): void;
  auc(): RankedAuc;
  close(): void;
} {
  const placements = placementRanking(options);
  let withoutScore = false;
  return {
    put: (chunk) => {
      withoutScore ||= chunk.control.includes(Number.NaN) || chunk.candidate.includes(Number.NaN);
      if (!withoutScore && chunk.rows > 0) placements.add(chunk);
    },
    auc: () => (withoutScore ? undefined : comparedAuc(placements.finish())),
    close: () => {
      placements.close();
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

/** In arrays of its own. */
export function judgedScores(rows: PairedRows): ScoreChunk {
  const row = rowsWithTruth(rows.truth);
  return {
    rows: row.length,
    control: narrowed(rows.control.value, row),
    candidate: narrowed(rows.candidate.value, row),
    label: pickNumbers(rows.truth, row, Uint8Array),
    cell: rows.cell === undefined ? undefined : pickNumbers(rows.cell, row, Uint16Array),
  };
}

/** In 32 bits where nothing is lost by it: half the room, and half the time to order. */
function narrowed(values: Float64Array, row: Int32Array): Float64Array | Float32Array {
  const single = new Float32Array(row.length);
  for (let index = 0; index < row.length; index += 1) {
    const value = values[row[index] ?? 0] ?? Number.NaN;
    single[index] = value;
    if (single[index] !== value) return pickNumbers(values, row, Float64Array);
  }
  return single;
}
