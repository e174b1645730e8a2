import {
  BIGINT,
  BOOLEAN,
  DOUBLE,
  DuckDBDataChunk,
  INTEGER,
  TIMESTAMP,
  UUID,
  VARCHAR,
  type DuckDBAppender,
  type DuckDBConnection,
  type DuckDBType,
  type DuckDBVector,
} from '@duckdb/node-api';
import { identifier } from './sql-text.js';
import { setVectorValidity, vectorDataView, vectorItems } from './vector-data.js';

export type AppendType = 'BIGINT' | 'INTEGER' | 'DOUBLE' | 'BOOLEAN' | 'VARCHAR' | 'UUID' | 'TIMESTAMP';

/** Sets the value of one column in the row at hand; a column that is not set in a row is null there. */
export interface ColumnWriter {
  number(value: number): void;
  /** A 64-bit integer in decimal digits. Only for BIGINT. */
  decimal(value: string): void;
  /** Of a UUID column: its 36 characters. */
  text(value: string): void;
  boolean(value: boolean): void;
}

/** Fills a table row by row, in chunks of typed arrays: the fastest way in that the vendor's interface has. */
export interface TableAppender {
  /** In the order of the table's columns. */
  readonly writers: readonly ColumnWriter[];
  endRow(): void;
  /** Hands over what is left and frees the appender; the rows are in the table afterwards. */
  close(): void;
}

const chunkRows = 2_048;
const duckTypes: { readonly [type in AppendType]: DuckDBType } = {
  BIGINT,
  INTEGER,
  DOUBLE,
  BOOLEAN,
  VARCHAR,
  UUID,
  TIMESTAMP,
};

/** Opens an appender on an existing table whose columns have these types, in this order. */
export async function openTableAppender(
  connection: DuckDBConnection,
  table: string,
  types: readonly AppendType[],
): Promise<TableAppender> {
  const appender = await connection.createAppender(table);
  const row = { index: 0 };
  const buffers = types.map((type) => columnBuffer(type, row));
  const chunkTypes = types.map((type) => duckTypes[type]);
  const emit = (): void => {
    if (row.index === 0) return;
    appendChunk(appender, chunkTypes, buffers, row.index);
    row.index = 0;
  };
  return {
    writers: buffers.map((buffer) => buffer.writer),
    endRow: () => {
      row.index += 1;
      if (row.index === chunkRows) emit();
    },
    close: () => {
      emit();
      appender.closeSync();
    },
  };
}

/** `CREATE TABLE` for these columns. */
export function createTableSql(
  table: string,
  columns: readonly { readonly name: string; readonly type: AppendType }[],
): string {
  const list = columns.map((column) => `${identifier(column.name)} ${column.type}`).join(', ');
  return `CREATE TABLE ${identifier(table)} (${list})`;
}

interface ColumnBuffer {
  readonly writer: ColumnWriter;
  readonly validity: BigUint64Array;
  /** Copies the first `rows` values into the vector and forgets them. */
  transfer(vector: DuckDBVector, rows: number): void;
}

function appendChunk(
  appender: DuckDBAppender,
  types: readonly DuckDBType[],
  buffers: readonly ColumnBuffer[],
  rows: number,
): void {
  const chunk = DuckDBDataChunk.create(types, rows);
  const words = Math.ceil(rows / 64);
  for (const [index, buffer] of buffers.entries()) {
    const vector = chunk.getColumnVector(index);
    buffer.transfer(vector, rows);
    setVectorValidity(vector, buffer.validity.slice(0, words));
    vector.flush();
    buffer.validity.fill(0n);
  }
  appender.appendDataChunk(chunk);
}

function columnBuffer(type: AppendType, row: { readonly index: number }): ColumnBuffer {
  const validity = new BigUint64Array(chunkRows / 64);
  const bits = new Uint32Array(validity.buffer);
  const mark = (): void => {
    const word = row.index >>> 5;
    bits[word] = (bits[word] ?? 0) | (1 << (row.index & 31));
  };
  switch (type) {
    case 'DOUBLE':
      return numbers(new Float64Array(chunkRows), validity, row, mark);
    case 'INTEGER':
      return numbers(new Int32Array(chunkRows), validity, row, mark);
    case 'BOOLEAN':
      return numbers(new Uint8Array(chunkRows), validity, row, mark);
    case 'BIGINT':
    case 'TIMESTAMP':
      return integers(validity, row, mark);
    case 'UUID':
      return uuids(validity, row, mark);
    case 'VARCHAR':
      return texts(validity, row, mark);
  }
}

function numbers(
  values: Float64Array | Int32Array | Uint8Array,
  validity: BigUint64Array,
  row: { readonly index: number },
  mark: () => void,
): ColumnBuffer {
  return {
    validity,
    writer: {
      ...wrongType,
      number: (value) => {
        values[row.index] = value;
        mark();
      },
      boolean: (value) => {
        values[row.index] = value ? 1 : 0;
        mark();
      },
    },
    transfer: (vector, rows) => {
      if (values instanceof Uint8Array) {
        const view = vectorDataView(vector);
        new Uint8Array(view.buffer, view.byteOffset, rows).set(values.subarray(0, rows));
      } else {
        const items = vectorItems(vector);
        if (items instanceof BigInt64Array || items instanceof BigUint64Array) throw wrongVector(vector);
        items.set(values.subarray(0, rows));
      }
    },
  };
}

function integers(validity: BigUint64Array, row: { readonly index: number }, mark: () => void): ColumnBuffer {
  const values = new BigInt64Array(chunkRows);
  const halves = new Uint32Array(values.buffer);
  return {
    validity,
    writer: {
      ...wrongType,
      number: (value) => {
        // Two halves instead of BigInt(value): no allocation. Floor keeps negative numbers in two's complement.
        const high = Math.floor(value / 4_294_967_296);
        halves[row.index * 2] = value - high * 4_294_967_296;
        halves[row.index * 2 + 1] = high;
        mark();
      },
      decimal: (value) => {
        values[row.index] = BigInt(value);
        mark();
      },
    },
    transfer: (vector, rows) => {
      const items = vectorItems(vector);
      if (!(items instanceof BigInt64Array)) throw wrongVector(vector);
      items.set(values.subarray(0, rows));
    },
  };
}

function uuids(validity: BigUint64Array, row: { readonly index: number }, mark: () => void): ColumnBuffer {
  const words = new Uint32Array(chunkRows * 4);
  return {
    validity,
    writer: {
      ...wrongType,
      text: (value) => {
        // DuckDB keeps a UUID as a 128-bit integer, little-endian, its highest bit flipped so that it sorts as text.
        const at = row.index * 4;
        words[at + 3] = (Number.parseInt(value.slice(0, 8), 16) ^ 0x80000000) >>> 0;
        words[at + 2] = Number.parseInt(value.slice(9, 13) + value.slice(14, 18), 16);
        words[at + 1] = Number.parseInt(value.slice(19, 23) + value.slice(24, 28), 16);
        words[at] = Number.parseInt(value.slice(28, 36), 16);
        mark();
      },
    },
    transfer: (vector, rows) => {
      const view = vectorDataView(vector);
      new Uint32Array(view.buffer, view.byteOffset, rows * 4).set(words.subarray(0, rows * 4));
    },
  };
}

function texts(validity: BigUint64Array, row: { readonly index: number }, mark: () => void): ColumnBuffer {
  const values: (string | undefined)[] = Array.from({ length: chunkRows });
  return {
    validity,
    writer: {
      ...wrongType,
      text: (value) => {
        values[row.index] = value;
        mark();
      },
    },
    transfer: (vector, rows) => {
      for (let index = 0; index < rows; index += 1) {
        const value = values[index];
        if (value === undefined) continue;
        vector.setItem(index, value);
        values[index] = undefined;
      }
    },
  };
}

const wrongType: ColumnWriter = {
  number: () => refuse('a number'),
  decimal: () => refuse('decimal digits'),
  text: () => refuse('text'),
  boolean: () => refuse('a boolean'),
};

function refuse(what: string): never {
  throw new TypeError(`This column does not take ${what}.`);
}

function wrongVector(vector: DuckDBVector): TypeError {
  return new TypeError(`A vector of type ${vector.type.toString()} cannot take these values.`);
}
