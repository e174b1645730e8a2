import type { Column } from '../schemas/columns.js';
import { hashOfPosition } from './eligible-rows.js';
import { subjectCells } from './judging/cell-sums.js';
import type { PairedRows } from './judging/paired-rows.js';
import type { DecodedOutputs, OutputPairing } from './output-pairing.js';
import { isAnswered } from './output-pairing.js';
import type { RowChunk } from './row-chunks.js';
import { writeLabelCodes } from './label-codes.js';
import { writeNumbers } from './write-numbers.js';

export interface PairBuilder {
  /**
   * Adds the rows of a chunk that both sides answered; the others are counted, control first. Gives the numbers of the
   * rows that were added; undefined: all.
   */
  add(chunk: RowChunk, control: DecodedOutputs, candidate: DecodedOutputs): Int32Array | undefined;
  readonly rows: number;
  readonly counts: { readonly controlUnanswered: number; readonly candidateFailed: number };
  /** First rows on which the candidate gave no usable output, by position; at most ten. */
  readonly unanswered: readonly number[];
  /** Views of what is there so far; they hold when more rows come. */
  build(): PairedRows;
}

const unansweredMax = 10;

/** Puts the two sides beside each other in arrays that double when full. */
export function pairBuilder(pairing: OutputPairing): PairBuilder {
  const several = pairing.task === 'multiclass-classification';
  const counts = { controlUnanswered: 0, candidateFailed: 0 };
  const unanswered: number[] = [];
  let capacity = 0;
  let rows = 0;
  let arrays = emptyArrays();
  let cells: Uint16Array | undefined;
  let nothing = new Float64Array(0);

  return {
    counts,
    unanswered,
    get rows() {
      return rows;
    },
    add: (chunk, control, candidate) => {
      if (rows + chunk.rows > capacity) {
        capacity = Math.max(8192, 2 * capacity, rows + chunk.rows);
        arrays = grown(arrays, capacity);
        if (chunk.subjectCell !== undefined)
          cells = copied(cells ?? new Uint16Array(), new Uint16Array(capacity));
      }
      const truth = truthOf(chunk, pairing);
      const before = rows;
      const kept = new Int32Array(chunk.rows);
      for (let row = 0; row < chunk.rows; row += 1) {
        const position = chunk.positions[row] ?? Number.NaN;
        if (!isAnswered(pairing, control, row)) {
          counts.controlUnanswered += 1;
          continue;
        }
        if (!isAnswered(pairing, candidate, row)) {
          counts.candidateFailed += 1;
          if (unanswered.length < unansweredMax) unanswered.push(position);
          continue;
        }
        const truthHere = truth[row] ?? Number.NaN;
        arrays.positions[rows] = position;
        arrays.occurredAt[rows] = chunk.occurredAt[row] ?? Number.NaN;
        arrays.truth[rows] = truthHere;
        arrays.controlLabel[rows] = control.label[row] ?? -1;
        arrays.candidateLabel[rows] = candidate.label[row] ?? -1;
        if (several) {
          arrays.distance[rows] = largestDistance(control.scores, candidate.scores, row);
          arrays.controlValue[rows] = Number.isNaN(truthHere)
            ? Number.NaN
            : (control.scores[truthHere]?.[row] ?? Number.NaN);
          arrays.candidateValue[rows] = Number.isNaN(truthHere)
            ? Number.NaN
            : (candidate.scores[truthHere]?.[row] ?? Number.NaN);
        } else {
          arrays.controlValue[rows] = control.scores[0]?.[row] ?? Number.NaN;
          arrays.candidateValue[rows] = candidate.scores[0]?.[row] ?? Number.NaN;
        }
        if (cells !== undefined) cells[rows] = cellAt(chunk.subjectCell, row, position);
        kept[rows - before] = row;
        rows += 1;
      }
      return rows - before === chunk.rows ? undefined : kept.slice(0, rows - before);
    },
    build: () => {
      const cut = cutTo(arrays, rows);
      if (several && nothing.length < rows) nothing = new Float64Array(capacity).fill(Number.NaN);
      const noValue = several ? nothing.subarray(0, rows) : undefined;
      return {
        task: pairing.task,
        rows,
        labels: [...pairing.labels],
        positions: cut.positions,
        occurredAt: cut.occurredAt,
        truth: cut.truth,
        cell: cells?.subarray(0, rows),
        scoreDistance: several && pairing.hasScore ? cut.distance : undefined,
        control: {
          value: noValue ?? cut.controlValue,
          label: cut.controlLabel,
          truthScore: several && pairing.hasScore ? cut.controlValue : undefined,
        },
        candidate: {
          value: noValue ?? cut.candidateValue,
          label: cut.candidateLabel,
          truthScore: several && pairing.hasScore ? cut.candidateValue : undefined,
        },
      };
    },
  };
}

/** A row without a subject stands for itself: its position decides. */
function cellAt(column: Column | undefined, row: number, position: number): number {
  if (column?.kind !== 'integer' || column.valid?.[row] === 0) return hashOfPosition(position) % subjectCells;
  return Number(column.values[row]);
}

/** Binary truths that are neither 0 nor 1 count as unknown. */
function truthOf(chunk: RowChunk, pairing: OutputPairing): Float64Array {
  const truth = new Float64Array(chunk.rows);
  if (pairing.task === 'multiclass-classification') {
    const codes = new Int32Array(chunk.rows);
    writeLabelCodes({
      column: chunk.truth,
      from: 0,
      until: chunk.rows,
      codeOf: pairing.codeOf,
      target: codes,
      at: 0,
    });
    for (let row = 0; row < chunk.rows; row += 1)
      truth[row] = (codes[row] ?? -1) < 0 ? Number.NaN : (codes[row] ?? -1);
    return truth;
  }
  writeNumbers({ column: chunk.truth, from: 0, until: chunk.rows, target: truth, at: 0 });
  const binary = pairing.task === 'binary-classification';
  for (let row = 0; row < chunk.rows; row += 1) {
    const value = truth[row] ?? Number.NaN;
    if (binary ? value !== 0 && value !== 1 : !Number.isFinite(value)) truth[row] = Number.NaN;
  }
  return truth;
}

function largestDistance(
  control: readonly Float64Array[],
  candidate: readonly Float64Array[],
  row: number,
): number {
  let largest = 0;
  for (let code = 0; code < control.length; code += 1) {
    largest = Math.max(largest, Math.abs((candidate[code]?.[row] ?? 0) - (control[code]?.[row] ?? 0)));
  }
  return largest;
}

interface PairArrays {
  readonly positions: Float64Array;
  readonly occurredAt: Float64Array;
  readonly truth: Float64Array;
  readonly distance: Float64Array;
  readonly controlValue: Float64Array;
  readonly candidateValue: Float64Array;
  readonly controlLabel: Int32Array;
  readonly candidateLabel: Int32Array;
}

function emptyArrays(): PairArrays {
  return mapArrays(
    () => new Float64Array(0),
    () => new Int32Array(0),
  );
}

function grown(from: PairArrays, capacity: number): PairArrays {
  return mapArrays(
    (name) => copied(from[name], new Float64Array(capacity)),
    (name) => copied(from[name], new Int32Array(capacity)),
  );
}

function cutTo(from: PairArrays, rows: number): PairArrays {
  return mapArrays(
    (name) => from[name].subarray(0, rows),
    (name) => from[name].subarray(0, rows),
  );
}

type FloatName = 'positions' | 'occurredAt' | 'truth' | 'distance' | 'controlValue' | 'candidateValue';
type CodeName = 'controlLabel' | 'candidateLabel';

function mapArrays(
  floats: (name: FloatName) => Float64Array,
  codes: (name: CodeName) => Int32Array,
): PairArrays {
  return {
    positions: floats('positions'),
    occurredAt: floats('occurredAt'),
    truth: floats('truth'),
    distance: floats('distance'),
    controlValue: floats('controlValue'),
    candidateValue: floats('candidateValue'),
    controlLabel: codes('controlLabel'),
    candidateLabel: codes('candidateLabel'),
  };
}

function copied<Values extends Float64Array | Int32Array | Uint16Array>(from: Values, to: Values): Values {
  to.set(from);
  return to;
}
