import { pairedAucOfSums, type PairedAuc } from '../../stats/auc.js';
import type { UndefinedStatistic } from '../../stats/undefined-statistic.js';
import type { PairedRows } from '../judging/paired-rows.js';
import { replaySettings } from '../judging/replay-settings.js';
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
