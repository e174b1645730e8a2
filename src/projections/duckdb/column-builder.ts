import type { DuckDBDataChunk, DuckDBVector } from '@duckdb/node-api';
import { DuckDBBooleanVector, DuckDBVarCharVector } from '@duckdb/node-api';
import type { Column } from '../../schemas/columns.js';
import { errors } from '../../services/platform/errors.js';
import type { TextInterner } from './text-interner.js';
import { vectorDataView, vectorItems, vectorValidity } from './vector-data.js';

/** Gathers one column of several chunks into one `Column`. */
export interface ColumnBuilder {
  /** Takes the column's values from a chunk. */
  append(vector: DuckDBVector, rows: number): void;
  /** The column so far; the builder must not be used after it. */
  finish(rows: number): Column;
}

/**
 * What a result column becomes: DOUBLE and FLOAT numbers, BIGINT and TIMESTAMP (micros) integers, BOOLEAN booleans,
 * VARCHAR codes into a dictionary. `capacity`: rows at most. `interner`: of this column, for all batches of a read.
 */
export function columnBuilder(options: {
  readonly chunk: DuckDBDataChunk;
  readonly index: number;
  readonly capacity: number;
  readonly interner: () => TextInterner;
}): ColumnBuilder {
  const { chunk, index, capacity } = options;
  const vector = chunk.getColumnVector(index);
  const { type } = vector;
  const validity = validityGatherer(capacity);
  if (vector instanceof DuckDBVarCharVector) return textBuilder(validity, options.interner(), capacity);
  if (vector instanceof DuckDBBooleanVector) return booleanBuilder(validity, capacity);
  const items = vectorItems(vector);
  if (items instanceof Float64Array || items instanceof Float32Array) {
    return numbersBuilder(validity, items instanceof Float64Array, capacity);
  }
  if (items instanceof BigInt64Array) return integersBuilder(validity, capacity);
  throw errors.INTERNAL({ problem: `a column of type ${type.toString()} has no columnar form here` });
}

interface ValidityGatherer {
  /** Returns where the rows go. */
  take(vector: DuckDBVector, rows: number): number;
  finish(rows: number): Uint8Array | undefined;
}

function validityGatherer(capacity: number): ValidityGatherer {
  let valid: Uint8Array | undefined;
  let filled = 0;
  return {
    take: (vector, rows) => {
      const offset = filled;
      filled += rows;
      const bits = vectorValidity(vector);
      if (bits === undefined) return offset;
      const words = new Uint32Array(bits.buffer, bits.byteOffset, bits.length * 2);
      let target = valid;
      for (let row = 0; row < rows; row += 1) {
        if (((words[row >>> 5] ?? 0) & (1 << (row & 31))) !== 0) continue;
        target ??= new Uint8Array(capacity).fill(1);
        target[offset + row] = 0;
      }
      valid = target;
      return offset;
    },
    finish: (rows) => valid?.subarray(0, rows),
  };
}

function numbersBuilder(validity: ValidityGatherer, double: boolean, capacity: number): ColumnBuilder {
  const values = double ? new Float64Array(capacity) : new Float32Array(capacity);
  return {
    append: (vector, rows) => {
      const items = vectorItems(vector);
      const offset = validity.take(vector, rows);
      if (items instanceof Float64Array || items instanceof Float32Array) {
        values.set(items.subarray(0, rows), offset);
      }
    },
    finish: (rows) => ({ kind: 'number', values: values.subarray(0, rows), valid: validity.finish(rows) }),
  };
}

function integersBuilder(validity: ValidityGatherer, capacity: number): ColumnBuilder {
  const values = new BigInt64Array(capacity);
  return {
    append: (vector, rows) => {
      const items = vectorItems(vector);
      const offset = validity.take(vector, rows);
      if (items instanceof BigInt64Array) values.set(items.subarray(0, rows), offset);
    },
    finish: (rows) => ({ kind: 'integer', values: values.subarray(0, rows), valid: validity.finish(rows) }),
  };
}

function booleanBuilder(validity: ValidityGatherer, capacity: number): ColumnBuilder {
  const values = new Uint8Array(capacity);
  return {
    append: (vector, rows) => {
      const view = vectorDataView(vector);
      const offset = validity.take(vector, rows);
      values.set(new Uint8Array(view.buffer, view.byteOffset, rows), offset);
    },
    finish: (rows) => ({ kind: 'boolean', values: values.subarray(0, rows), valid: validity.finish(rows) }),
  };
}

function textBuilder(validity: ValidityGatherer, interner: TextInterner, capacity: number): ColumnBuilder {
  const codes = new Uint32Array(capacity);
  interner.startBatch();
  return {
    append: (vector, rows) => {
      interner.intern(vector, rows, codes, validity.take(vector, rows));
    },
    finish: (rows) => ({
      kind: 'dictionary',
      codes: codes.subarray(0, rows),
      dictionary: interner.dictionary(),
      valid: validity.finish(rows),
    }),
  };
}
