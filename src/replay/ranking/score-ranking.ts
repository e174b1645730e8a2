import { pairedAucOfSums, type PairedAuc } from '../../stats/auc.js';
import type { UndefinedStatistic } from '../../stats/undefined-statistic.js';
import { rowsWithTruth } from '../judging/judged-losses.js';
import type { PairedRows } from '../judging/paired-rows.js';
import { replaySettings } from '../judging/replay-settings.js';
import { pickNumbers } from '../pick-columns.js';
import { chunkStore } from './chunk-store.js';
import { pairedPlacements } from './paired-placements.js';
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
  /** Worked out when it is first asked for; afterwards nothing may be added. Undefined: a judged row has no score. */
  auc(): PairedAuc | UndefinedStatistic | undefined;
  close(): void;
}

export function scoreRanking(makeSpill: () => Spill): ScoreRanking {
  const store = chunkStore(makeSpill());
  let isSingle = true;
  let withoutScore = false;
  let ranked: { readonly auc: PairedAuc | UndefinedStatistic } | undefined;
  const put = (chunk: ScoreChunk): void => {
    if (chunk.rows === 0) return;
    isSingle &&= chunk.control instanceof Float32Array && chunk.candidate instanceof Float32Array;
    withoutScore ||= chunk.control.includes(Number.NaN) || chunk.candidate.includes(Number.NaN);
    store.put(chunk);
  };
  const all = {
    *[Symbol.iterator]() {
      for (let number = 0; number < store.count; number += 1) yield store.get(number);
    },
  };
  return {
    add: (rows) => {
      put(judgedScores(rows));
    },
    addChunk: (bytes) => {
      put(decodeScores(bytes));
    },
    get chunkCount() {
      return store.count;
    },
    *chunks() {
      for (const chunk of all) yield encodeScores(chunk);
    },
    auc: () => {
      if (withoutScore) return undefined;
      const chunks = isSingle
        ? all
        : {
            *[Symbol.iterator]() {
              for (const chunk of all) yield inDoubles(chunk);
            },
          };
      ranked ??= {
        auc: pairedAucOfSums({ ...pairedPlacements(chunks, makeSpill), level: replaySettings.level }),
      };
      return ranked.auc;
    },
    close: () => {
      store.close();
    },
  };
}

function judgedScores(rows: PairedRows): ScoreChunk {
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

function inDoubles(chunk: ScoreChunk): ScoreChunk {
  return { ...chunk, control: new Float64Array(chunk.control), candidate: new Float64Array(chunk.candidate) };
}
