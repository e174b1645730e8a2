import type { Column } from '../../schemas/columns.js';

/**
 * Typed arrays for the columns of batches of up to `length` rows. They lie on shared memory, so that a worker reads them
 * without a copy, and are used again once they are given back: millions of rows pass through the memory of a few batches.
 */
export interface BatchArrays {
  readonly length: number;
  float64(): Float64Array;
  float32(): Float32Array;
  bigInt64(): BigInt64Array;
  uint32(): Uint32Array;
  uint8(): Uint8Array;
  /** The caller promises that nobody reads the column any more. */
  giveBack(column: Column): void;
}

export function batchArrays(length: number): BatchArrays {
  const float64 = freeList((buffer): Float64Array => new Float64Array(buffer), length * 8);
  const float32 = freeList((buffer): Float32Array => new Float32Array(buffer), length * 4);
  const bigInt64 = freeList((buffer): BigInt64Array => new BigInt64Array(buffer), length * 8);
  const uint32 = freeList((buffer): Uint32Array => new Uint32Array(buffer), length * 4);
  const uint8 = freeList((buffer): Uint8Array => new Uint8Array(buffer), length);
  return {
    length,
    float64: float64.take,
    float32: float32.take,
    bigInt64: bigInt64.take,
    uint32: uint32.take,
    uint8: uint8.take,
    giveBack: (column) => {
      if (column.valid !== undefined) uint8.give(column.valid);
      if (column.kind === 'number') {
        if (column.values instanceof Float64Array) float64.give(column.values);
        else float32.give(column.values);
      } else if (column.kind === 'integer') bigInt64.give(column.values);
      else if (column.kind === 'boolean') uint8.give(column.values);
      else if (column.kind === 'dictionary' && column.codes instanceof Uint32Array) uint32.give(column.codes);
    },
  };
}

function freeList<Values extends { readonly byteLength: number; readonly buffer: ArrayBufferLike }>(
  make: (buffer: ArrayBufferLike) => Values,
  bytes: number,
): { readonly take: () => Values; readonly give: (values: Values) => void } {
  const free: Values[] = [];
  return {
    take: () => free.pop() ?? make(new SharedArrayBuffer(bytes)),
    give: (values) => {
      // The last batch of a read is a part of its arrays, and those are not needed again.
      if (values.byteLength === bytes && values.buffer instanceof SharedArrayBuffer) free.push(values);
    },
  };
}
