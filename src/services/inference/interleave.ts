import { type TensorValues, UnfitValueError } from './tensor-values.js';

/** Columns of one type, each with `rows` values, as one row-major matrix of `rows` rows. */
export function interleave(columns: readonly TensorValues[], rows: number): TensorValues {
  const width = columns.length;
  const first = columns[0];
  switch (first?.type) {
    case 'float32': {
      const data = new Float32Array(rows * width);
      columns.forEach((column, at) => {
        if (column.type === 'float32') spread(column.data, data, at, width);
      });
      return { type: 'float32', data };
    }
    case 'float64': {
      const data = new Float64Array(rows * width);
      columns.forEach((column, at) => {
        if (column.type === 'float64') spread(column.data, data, at, width);
      });
      return { type: 'float64', data };
    }
    case 'int32': {
      const data = new Int32Array(rows * width);
      columns.forEach((column, at) => {
        if (column.type === 'int32') spread(column.data, data, at, width);
      });
      return { type: 'int32', data };
    }
    case 'int64': {
      const data = new BigInt64Array(rows * width);
      columns.forEach((column, at) => {
        if (column.type === 'int64') spread(column.data, data, at, width);
      });
      return { type: 'int64', data };
    }
    case 'bool': {
      const data = new Uint8Array(rows * width);
      columns.forEach((column, at) => {
        if (column.type === 'bool') spread(column.data, data, at, width);
      });
      return { type: 'bool', data };
    }
    case 'string': {
      const data: string[] = Array.from({ length: rows * width });
      columns.forEach((column, at) => {
        if (column.type === 'string') spread(column.data, data, at, width);
      });
      return { type: 'string', data };
    }
    case undefined:
      throw new UnfitValueError('the model has no features');
  }
}

interface Indexed<Value> {
  readonly length: number;
  [index: number]: Value;
}

function spread<Value>(
  from: Readonly<Indexed<Value>>,
  into: Indexed<Value>,
  at: number,
  width: number,
): void {
  for (let row = 0, target = at; row < from.length; row += 1, target += width) {
    const value = from[row];
    if (value !== undefined) into[target] = value;
  }
}
