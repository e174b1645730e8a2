import type { Column } from '../schemas/columns.js';
import { type ChunkArrays, newArrays } from './chunk-arrays.js';
import { hashOfPosition } from './eligible-rows.js';
import { subjectCells } from './judging/subject-cells.js';
import type { PairedRows } from './judging/paired-rows.js';
import { writeLabelCodes } from './label-codes.js';
import type { DecodedOutputs, OutputPairing } from './output-pairing.js';
import { answeredRows } from './output-pairing.js';
import { pickNumbers } from './pick-columns.js';
import type { RowChunk } from './row-chunks.js';
import { writeNumbers } from './write-numbers.js';

export interface PairedChunk {
  /** The rows that both sides answered. */
  readonly rows: PairedRows;
  /** Their numbers in the chunk; undefined: all. */
  readonly kept: Int32Array | undefined;
  /** Rows that the control did not answer; of the others, the positions of those that the candidate did not. */
  readonly controlUnanswered: number;
  readonly candidateFailed: readonly number[];
  /** The cells of their subjects; undefined: no row has one. */
  readonly failedCells: Uint16Array | undefined;
}

/** Puts the two sides of a chunk beside each other. Arrays may be the chunk's own, or of `arrays`. `clip`: see `PairedRows`. */
export function pairRows(options: {
  readonly pairing: OutputPairing;
  readonly chunk: RowChunk;
  readonly control: DecodedOutputs;
  readonly candidate: DecodedOutputs;
  readonly clip: number;
  readonly arrays?: ChunkArrays;
}): PairedChunk {
  const { pairing, chunk, clip, arrays = newArrays } = options;
  const { kept, controlUnanswered, candidateFailed, failedRows } = keptRows(options);
  const floats = (values: Float64Array): Float64Array =>
    kept === undefined ? values : pickNumbers(values, kept, Float64Array);
  const codes = (values: Int32Array): Int32Array =>
    kept === undefined ? values : pickNumbers(values, kept, Int32Array);
  const truth = floats(truthOf(chunk, pairing, arrays.float64('truth', chunk.rows)));
  const sides = {
    control: { scores: options.control.scores.map(floats), label: codes(options.control.label) },
    candidate: { scores: options.candidate.scores.map(floats), label: codes(options.candidate.label) },
  };
  const positions = floats(chunk.positions);
  const shared = {
    task: pairing.task,
    rows: positions.length,
    labels: [...pairing.labels],
    positions,
    occurredAt: floats(chunk.occurredAt),
    truth,
    cell: cellsOf(chunk.subjectCell, kept, positions),
    clip,
  };
  const rows =
    pairing.task === 'multiclass-classification'
      ? { ...shared, ...severalClasses(pairing, sides, truth) }
      : { ...shared, scoreDistance: undefined, ...oneValue(sides, positions.length) };
  const failedCells = cellsOf(
    chunk.subjectCell,
    Int32Array.from(failedRows),
    Float64Array.from(candidateFailed),
  );
  return { rows, kept, controlUnanswered, candidateFailed, failedCells };
}

interface Sides {
  readonly control: DecodedOutputs;
  readonly candidate: DecodedOutputs;
}

function oneValue({ control, candidate }: Sides, rows: number): Pick<PairedRows, 'control' | 'candidate'> {
  const valueOf = (side: DecodedOutputs): Float64Array =>
    side.scores[0] ?? new Float64Array(rows).fill(Number.NaN);
  return {
    control: { value: valueOf(control), label: control.label, truthScore: undefined },
    candidate: { value: valueOf(candidate), label: candidate.label, truthScore: undefined },
  };
}

function severalClasses(
  pairing: OutputPairing,
  { control, candidate }: Sides,
  truth: Float64Array,
): Pick<PairedRows, 'control' | 'candidate' | 'scoreDistance'> {
  const noValue = new Float64Array(truth.length).fill(Number.NaN);
  if (!pairing.hasScore) {
    return {
      scoreDistance: undefined,
      control: { value: noValue, label: control.label, truthScore: undefined },
      candidate: { value: noValue, label: candidate.label, truthScore: undefined },
    };
  }
  const scoreOfTruth = ({ scores }: DecodedOutputs): Float64Array =>
    truth.map((code, row) => (Number.isNaN(code) ? Number.NaN : (scores[code]?.[row] ?? Number.NaN)));
  return {
    scoreDistance: noValue.map((_, row) => largestDistance(control.scores, candidate.scores, row)),
    control: { value: noValue, label: control.label, truthScore: scoreOfTruth(control) },
    candidate: { value: noValue, label: candidate.label, truthScore: scoreOfTruth(candidate) },
  };
}

function keptRows(options: {
  readonly pairing: OutputPairing;
  readonly chunk: RowChunk;
  readonly control: DecodedOutputs;
  readonly candidate: DecodedOutputs;
}): Pick<PairedChunk, 'kept' | 'controlUnanswered' | 'candidateFailed'> & {
  /** Their numbers in the chunk. */
  readonly failedRows: readonly number[];
} {
  const { pairing, chunk } = options;
  const control = answeredRows(pairing, options.control, chunk.rows);
  const candidate = answeredRows(pairing, options.candidate, chunk.rows);
  if (control === undefined && candidate === undefined) {
    return { kept: undefined, controlUnanswered: 0, candidateFailed: [], failedRows: [] };
  }
  const kept = new Int32Array(chunk.rows);
  const candidateFailed: number[] = [];
  const failedRows: number[] = [];
  let count = 0;
  let controlUnanswered = 0;
  for (let row = 0; row < chunk.rows; row += 1) {
    if (control !== undefined && control[row] === 0) controlUnanswered += 1;
    else if (candidate !== undefined && candidate[row] === 0) {
      candidateFailed.push(chunk.positions[row] ?? Number.NaN);
      failedRows.push(row);
    } else {
      kept[count] = row;
      count += 1;
    }
  }
  return { kept: kept.slice(0, count), controlUnanswered, candidateFailed, failedRows };
}

/** A row without a subject stands for itself: its position decides. */
function cellsOf(
  column: Column | undefined,
  kept: Int32Array | undefined,
  positions: Float64Array,
): Uint16Array | undefined {
  if (column?.kind !== 'integer') return undefined;
  const cells = new Uint16Array(positions.length);
  for (let index = 0; index < cells.length; index += 1) {
    const row = kept === undefined ? index : (kept[index] ?? 0);
    cells[index] =
      column.valid?.[row] === 0
        ? hashOfPosition(positions[index] ?? 0) % subjectCells
        : Number(column.values[row]);
  }
  return cells;
}

/** Binary truths that are neither 0 nor 1 count as unknown. */
function truthOf(chunk: RowChunk, pairing: OutputPairing, truth: Float64Array): Float64Array {
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
