import type { DuckDBDataChunk, DuckDBVector } from '@duckdb/node-api';
import { DuckDBBooleanVector, DuckDBVarCharVector } from '@duckdb/node-api';
import type { Column } from '../../schemas/columns.js';
import { errors } from '../../services/platform/errors.js';
import type { BatchArrays } from './batch-arrays.js';
import type { TextInterner } from './text-interner.js';
import { vectorDataView, vectorItems, vectorValidity } from './vector-data.js';

/** Gathers one column of several chunks into one `Column`. */
export interface ColumnBuilder {
  /** Takes the column's values in some rows of a chunk. */
  append(vector: DuckDBVector, rows: VectorRows): void;
  /** The column so far; the builder must not be used after it. */
  finish(rows: number): Column;
}

/** Rows of a vector, until exclusive. */
export interface VectorRows {
  readonly from: number;
  readonly until: number;
}

/**
 * What a result column becomes: DOUBLE and FLOAT numbers, BIGINT and TIMESTAMP (micros) integers, BOOLEAN booleans,
 * VARCHAR codes into a dictionary. `arrays`: of as many rows as come at most. `interner`: of this column, for all batches of a read.
 */
export function columnBuilder(options: {
  readonly chunk: DuckDBDataChunk;
  readonly index: number;
  readonly arrays: BatchArrays;
  readonly interner: () => TextInterner;
}): ColumnBuilder {
  const { chunk, index, arrays } = options;
  const vector = chunk.getColumnVector(index);
  const { type } = vector;
  const validity = validityGatherer(arrays);
  if (vector instanceof DuckDBVarCharVector) return textBuilder(validity, options.interner(), arrays);
  if (vector instanceof DuckDBBooleanVector) return booleanBuilder(validity, arrays);
  const items = vectorItems(vector);
  if (items instanceof Float64Array || items instanceof Float32Array) {
    return numbersBuilder(validity, items instanceof Float64Array, arrays);
  }
  if (items instanceof BigInt64Array) return integersBuilder(validity, arrays);
  throw errors.INTERNAL({ problem: `a column of type ${type.toString()} has no columnar form here` });
}

interface ValidityGatherer {
  /** Returns where the rows go. */
  take(vector: DuckDBVector, rows: VectorRows): number;
  finish(rows: number): Uint8Array | undefined;
}

function validityGatherer(arrays: BatchArrays): ValidityGatherer {
  let valid: Uint8Array | undefined;
  let filled = 0;
  return {
    take: (vector, { from, until }) => {
      const offset = filled;
      filled += until - from;
      const bits = vectorValidity(vector);
      if (bits === undefined) return offset;
      const words = new Uint32Array(bits.buffer, bits.byteOffset, bits.length * 2);
      let target = valid;
      for (let row = from; row < until; row += 1) {
        const word = words[row >>> 5] ?? 0;
        if (word === 0xffffffff) row |= 31;
        if ((word & (1 << (row & 31))) !== 0) continue;
        target ??= arrays.uint8().fill(1);
        target[offset + row - from] = 0;
      }
      valid = target;
      return offset;
    },
    finish: (rows) => valid?.subarray(0, rows),
  };
}

function numbersBuilder(validity: ValidityGatherer, double: boolean, arrays: BatchArrays): ColumnBuilder {
  const values = double ? arrays.float64() : arrays.float32();
  return {
    append: (vector, rows) => {
      const items = vectorItems(vector);
      const offset = validity.take(vector, rows);
      if (items instanceof Float64Array || items instanceof Float32Array) {
        values.set(items.subarray(rows.from, rows.until), offset);
      }
    },
    finish: (rows) => ({ kind: 'number', values: values.subarray(0, rows), valid: validity.finish(rows) }),
  };
}

function integersBuilder(validity: ValidityGatherer, arrays: BatchArrays): ColumnBuilder {
  const values = arrays.bigInt64();
  return {
    append: (vector, rows) => {
      const items = vectorItems(vector);
      const offset = validity.take(vector, rows);
      if (items instanceof BigInt64Array) values.set(items.subarray(rows.from, rows.until), offset);
    },
    finish: (rows) => ({ kind: 'integer', values: values.subarray(0, rows), valid: validity.finish(rows) }),
  };
}

function booleanBuilder(validity: ValidityGatherer, arrays: BatchArrays): ColumnBuilder {
  const values = arrays.uint8();
  return {
    append: (vector, rows) => {
      const view = vectorDataView(vector);
      const offset = validity.take(vector, rows);
      values.set(new Uint8Array(view.buffer, view.byteOffset + rows.from, rows.until - rows.from), offset);
    },
    finish: (rows) => ({ kind: 'boolean', values: values.subarray(0, rows), valid: validity.finish(rows) }),
  };
}

function textBuilder(validity: ValidityGatherer, interner: TextInterner, arrays: BatchArrays): ColumnBuilder {
  const codes = arrays.uint32();
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
