/**
 * Values of one field for a batch of rows. `valid[i] === 0`: the i-th value is null or absent, and what stands at
 * `i` means nothing; `valid` undefined: every value is there. Strings are either plain or codes into a dictionary.
 */
export type Column =
  | {
      readonly kind: 'number';
      readonly values: Float64Array | Float32Array;
      readonly valid: Uint8Array | undefined;
    }
  | { readonly kind: 'integer'; readonly values: BigInt64Array; readonly valid: Uint8Array | undefined }
  | { readonly kind: 'boolean'; readonly values: Uint8Array; readonly valid: Uint8Array | undefined }
  | { readonly kind: 'text'; readonly values: readonly string[]; readonly valid: Uint8Array | undefined }
  | {
      readonly kind: 'dictionary';
      readonly codes: Uint8Array | Uint16Array | Uint32Array;
      readonly dictionary: readonly string[];
      readonly valid: Uint8Array | undefined;
    };

/** Columns by field name; every column has `rows` values. Survives a structured clone, so it can go to a worker. */
export interface ColumnBatch {
  readonly rows: number;
  readonly columns: { readonly [field: string]: Column };
}
