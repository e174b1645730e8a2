import type { RecordedBatch } from '../projections/datasets/recorded-predictions.js';
import type { Column } from '../schemas/columns.js';
import { errors } from '../services/platform/errors.js';
import type { EligibleRows } from './eligible-rows.js';
import type { ColumnGatherer, RowSelection } from './gather-columns.js';
import { columnGatherer } from './gather-columns.js';

/** Rows on their way through the models. */
export interface RowChunk {
  readonly rows: number;
  readonly positions: Float64Array;
  readonly occurredAt: Float64Array;
  readonly inputs: { readonly [feature: string]: Column };
  readonly outputs: { readonly [role: string]: Column };
  readonly truth: Column;
  /** Undefined: no row in range has a subject. */
  readonly subjectCell: Column | undefined;
  /** Lets go of the memory: afterwards nobody may read the columns. */
  release(): void;
}

export interface RowChunker {
  /**
   * Adds the eligible rows of a batch; gives the chunks that became full. The batch itself is a chunk where it can be; else
   * its rows are copied, and it is released when the iteration ends.
   */
  add(batch: RecordedBatch, eligible: EligibleRows): Iterable<RowChunk>;
  /** What is left, if anything. */
  rest(): RowChunk | undefined;
}

/**
 * Cuts the eligible rows into chunks of exactly `chunkRows`, whatever batches they are read in: a model may answer
 * differently in the last bits for another batch size, and the layout of the dataset must not show in a report.
 */
export function rowChunker(chunkRows: number): RowChunker {
  let rows = 0;
  let positions = new Float64Array(chunkRows);
  let occurredAt = new Float64Array(chunkRows);
  const inputs = namedGatherers('in', chunkRows);
  const outputs = namedGatherers('out', chunkRows);
  const truth = columnGatherer(chunkRows);
  const subjectCell = columnGatherer(chunkRows);
  let hasSubjects = false;

  const addRows = (batch: RecordedBatch, eligible: EligibleRows, selection: RowSelection): void => {
    copy(eligible.positions, positions, rows, selection);
    copy(eligible.occurredAt, occurredAt, rows, selection);
    inputs.add(batch.inputs, selection, rows);
    outputs.add(batch.outputs, selection, rows);
    truth.add(batch.truth, selection);
    hasSubjects = batch.subjectCell !== undefined;
    if (batch.subjectCell !== undefined) subjectCell.add(batch.subjectCell, selection);
    rows += selection.until - selection.from;
  };
  const take = (): RowChunk => {
    const chunk = {
      rows,
      positions: positions.subarray(0, rows),
      occurredAt: occurredAt.subarray(0, rows),
      inputs: inputs.take(),
      outputs: outputs.take(),
      truth: truth.take(),
      subjectCell: hasSubjects ? subjectCell.take() : undefined,
      release: () => undefined,
    };
    rows = 0;
    positions = new Float64Array(chunkRows);
    occurredAt = new Float64Array(chunkRows);
    return chunk;
  };

  return {
    *add(batch, eligible) {
      if (rows === 0 && eligible.picked === undefined && batch.rows === chunkRows) {
        yield chunkOf(batch, eligible);
        return;
      }
      let from = 0;
      while (from < eligible.count) {
        const until = Math.min(eligible.count, from + chunkRows - rows);
        addRows(batch, eligible, { from, until, picked: eligible.picked });
        from = until;
        if (rows === chunkRows) yield take();
      }
      batch.release();
    },
    rest: () => (rows === 0 ? undefined : take()),
  };
}

function chunkOf(batch: RecordedBatch, { positions, occurredAt }: EligibleRows): RowChunk {
  const { rows, inputs, outputs, truth, subjectCell } = batch;
  return {
    rows,
    positions,
    occurredAt,
    inputs,
    outputs,
    truth,
    subjectCell,
    release: () => {
      batch.release();
    },
  };
}

interface NamedGatherers {
  add(columns: { readonly [name: string]: Column }, selection: RowSelection, rowsBefore: number): void;
  take(): { [name: string]: Column };
}

/** One gatherer a name; a column that comes late or stays away within a chunk would misplace values, so it is refused. */
function namedGatherers(prefix: string, chunkRows: number): NamedGatherers {
  const gatherers = new Map<string, ColumnGatherer>();
  let filled = 0;
  return {
    add: (columns, selection, rowsBefore) => {
      const names = Object.keys(columns);
      if (rowsBefore > 0 && names.length !== filled) throw changed(prefix);
      filled = names.length;
      for (const name of names) {
        let gatherer = gatherers.get(name);
        if (gatherer === undefined) {
          if (rowsBefore > 0) throw changed(`${prefix}_${name}`);
          gatherer = columnGatherer(chunkRows);
          gatherers.set(name, gatherer);
        }
        const column = columns[name];
        if (column !== undefined) gatherer.add(column, selection);
      }
    },
    take: () => {
      const columns: { [name: string]: Column } = {};
      for (const [name, gatherer] of gatherers) columns[name] = gatherer.take();
      return columns;
    },
  };
}

function changed(columns: string) {
  return errors.INTERNAL({ problem: `the columns ${columns} changed in the middle of a read` });
}

function copy(
  source: Float64Array,
  target: Float64Array,
  at: number,
  { from, until, picked }: RowSelection,
): void {
  if (picked === undefined) {
    target.set(source.subarray(from, until), at);
    return;
  }
  for (let index = from; index < until; index += 1) {
    target[at + index - from] = source[picked[index] ?? 0] ?? 0;
  }
}
