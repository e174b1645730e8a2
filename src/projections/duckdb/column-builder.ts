import type { DuckDBDataChunk } from '@duckdb/node-api';
import type { Column } from '../../schemas/columns.js';
import { errors } from '../../services/platform/errors.js';
import type { BatchArrays } from './batch-arrays.js';
import { columnBytes, columnValidity } from './chunk-columns.js';
import type { SqlStream } from './open-duckdb.js';
import type { TextInterner } from './text-interner.js';

/** Gathers one column of several chunks into one `Column`. */
export interface ColumnBuilder {
  /** Takes the column's values in some rows of a chunk. */
  append(chunk: DuckDBDataChunk, rows: ChunkRows): void;
  /** The column so far; the builder must not be used after it. */
  finish(rows: number): Column;
}

/** Rows of a chunk, until exclusive. */
export interface ChunkRows {
  readonly from: number;
  readonly until: number;
}

const kinds = {
  DOUBLE: 'double',
  FLOAT: 'float',
  BIGINT: 'integer',
  TIMESTAMP: 'integer',
  BOOLEAN: 'boolean',
  VARCHAR: 'text',
} as const;

export type ColumnKind = (typeof kinds)[keyof typeof kinds];

/**
 * What a result column becomes, by its type: DOUBLE and FLOAT numbers, BIGINT and TIMESTAMP (micros) integers, BOOLEAN booleans,
 * VARCHAR codes into a dictionary. Throws INTERNAL for other types.
 */
export function columnKind({ name, type }: SqlStream['columns'][number]): ColumnKind {
  if (isKnown(type)) return kinds[type];
  throw errors.INTERNAL({ problem: `${name}: a column of type ${type} has no columnar form here` });
}

function isKnown(type: string): type is keyof typeof kinds {
  return Object.hasOwn(kinds, type);
}

/** `arrays`: of as many rows as come at most. `interner`: of this column, for all batches of a read. */
export function columnBuilder(options: {
  readonly kind: ColumnKind;
  readonly index: number;
  readonly arrays: BatchArrays;
  readonly interner: () => TextInterner;
}): ColumnBuilder {
  const { kind, index, arrays } = options;
  switch (kind) {
    case 'double':
      return doublesBuilder(index, arrays);
    case 'float':
      return floatsBuilder(index, arrays);
    case 'integer':
      return integersBuilder(index, arrays);
    case 'boolean':
      return booleanBuilder(index, arrays);
    case 'text':
      return textBuilder(index, options.interner(), arrays);
  }
}

interface ValidityGatherer {
  /** Returns where the rows go. */
  take(chunk: DuckDBDataChunk, rows: ChunkRows): number;
  finish(rows: number): Uint8Array | undefined;
}

function validityGatherer(index: number, arrays: BatchArrays): ValidityGatherer {
  let valid: Uint8Array | undefined;
  let filled = 0;
  return {
    take: (chunk, { from, until }) => {
      const offset = filled;
      filled += until - from;
      const words = columnValidity(chunk, index, until);
      if (words === undefined) return offset;
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

function doublesBuilder(index: number, arrays: BatchArrays): ColumnBuilder {
  const validity = validityGatherer(index, arrays);
  const values = arrays.float64();
  return {
    append: (chunk, rows) => {
      const { buffer, byteOffset } = columnBytes(chunk, index, rows.until * 8);
      const items = new Float64Array(buffer, byteOffset + rows.from * 8, rows.until - rows.from);
      values.set(items, validity.take(chunk, rows));
    },
    finish: (rows) => ({ kind: 'number', values: values.subarray(0, rows), valid: validity.finish(rows) }),
  };
}

function floatsBuilder(index: number, arrays: BatchArrays): ColumnBuilder {
  const validity = validityGatherer(index, arrays);
  const values = arrays.float32();
  return {
    append: (chunk, rows) => {
      const { buffer, byteOffset } = columnBytes(chunk, index, rows.until * 4);
      const items = new Float32Array(buffer, byteOffset + rows.from * 4, rows.until - rows.from);
      values.set(items, validity.take(chunk, rows));
    },
    finish: (rows) => ({ kind: 'number', values: values.subarray(0, rows), valid: validity.finish(rows) }),
  };
}

function integersBuilder(index: number, arrays: BatchArrays): ColumnBuilder {
  const validity = validityGatherer(index, arrays);
  const values = arrays.bigInt64();
  return {
    append: (chunk, rows) => {
      const { buffer, byteOffset } = columnBytes(chunk, index, rows.until * 8);
      const items = new BigInt64Array(buffer, byteOffset + rows.from * 8, rows.until - rows.from);
      values.set(items, validity.take(chunk, rows));
    },
    finish: (rows) => ({ kind: 'integer', values: values.subarray(0, rows), valid: validity.finish(rows) }),
  };
}

function booleanBuilder(index: number, arrays: BatchArrays): ColumnBuilder {
  const validity = validityGatherer(index, arrays);
  const values = arrays.uint8();
  return {
    append: (chunk, rows) => {
      const items = columnBytes(chunk, index, rows.until).subarray(rows.from);
      values.set(items, validity.take(chunk, rows));
    },
    finish: (rows) => ({ kind: 'boolean', values: values.subarray(0, rows), valid: validity.finish(rows) }),
  };
}

function textBuilder(index: number, interner: TextInterner, arrays: BatchArrays): ColumnBuilder {
  const validity = validityGatherer(index, arrays);
  const codes = arrays.uint32();
  interner.startBatch();
  return {
    append: (chunk, rows) => {
      interner.intern({ chunk, index, rows }, codes, validity.take(chunk, rows));
    },
    finish: (rows) => ({
      kind: 'dictionary',
      codes: codes.subarray(0, rows),
      dictionary: interner.dictionary(),
      valid: validity.finish(rows),
    }),
  };
}
