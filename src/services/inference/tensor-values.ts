/** The values of one input tensor. `bool` is one byte a value, 0 or 1. */
export type TensorValues =
  | { readonly type: 'float32'; readonly data: Float32Array }
  | { readonly type: 'float64'; readonly data: Float64Array }
  | { readonly type: 'int64'; readonly data: BigInt64Array }
  | { readonly type: 'int32'; readonly data: Int32Array }
  | { readonly type: 'bool'; readonly data: Uint8Array }
  | { readonly type: 'string'; readonly data: readonly string[] };

/** A value that cannot be given to the model as it is. The message names feature, row, value and what was expected. */
export class UnfitValueError extends Error {
  override readonly name = 'UnfitValueError';
}
