import type { DuckDBVector } from '@duckdb/node-api';
import { errors } from '../../services/platform/errors.js';

type TypedArray =
  | Float64Array
  | Float32Array
  | BigInt64Array
  | BigUint64Array
  | Int32Array
  | Int16Array
  | Int8Array
  | Uint32Array
  | Uint16Array
  | Uint8Array;

/*
 * The vendor's vectors offer values one at a time, with a BigInt operation per null. Their typed arrays are private to
 * the compiler but are what the package itself works on; each is checked at run time, and the package is pinned.
 */

/** The values of a fixed-width vector. What stands at a null is a sentinel and means nothing. */
export function vectorItems(vector: DuckDBVector): TypedArray {
  const items: unknown = Reflect.get(vector, 'items');
  if (isTypedArray(items)) return items;
  throw errors.INTERNAL({ problem: `a DuckDB vector of type ${vector.type.toString()} has no typed array` });
}

/** Sixteen bytes a value: UUIDs. */
export function vectorDataView(vector: DuckDBVector): DataView {
  const view: unknown = Reflect.get(vector, 'dataView');
  if (view instanceof DataView) return view;
  throw errors.INTERNAL({ problem: `a DuckDB vector of type ${vector.type.toString()} has no data view` });
}

/** Replaces the validity bits; they reach DuckDB with the vector's `flush`. */
export function setVectorValidity(vector: DuckDBVector, bits: BigUint64Array): void {
  Reflect.set(validityOf(vector), 'data', bits);
}

function validityOf(vector: DuckDBVector): object {
  const validity: unknown = Reflect.get(vector, 'validity');
  if (typeof validity === 'object' && validity !== null) return validity;
  throw errors.INTERNAL({ problem: `a DuckDB vector of type ${vector.type.toString()} has no validity` });
}

function isTypedArray(value: unknown): value is TypedArray {
  return ArrayBuffer.isView(value) && !(value instanceof DataView);
}
