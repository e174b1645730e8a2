import type { DuckDBDataChunk } from '@duckdb/node-api';
import bindings from '@duckdb/node-bindings';

/*
 * The vendor's vector objects read type and validity anew for every chunk, which takes as long again as reaching the values. The
 * bindings below them are public; both packages are pinned to one version.
 */

/** The values of a column of fixed width, in DuckDB's own memory: good as long as the chunk is. What stands at a null means nothing. */
export function columnBytes(chunk: DuckDBDataChunk, index: number, byteCount: number): Uint8Array {
  return bindings.vector_get_data(bindings.data_chunk_get_vector(chunk.chunk, index), byteCount);
}

/** The validity bits of the first `rows` rows (1: there is a value), 32 a word; undefined: every value is there. */
export function columnValidity(chunk: DuckDBDataChunk, index: number, rows: number): Uint32Array | undefined {
  const vector = bindings.data_chunk_get_vector(chunk.chunk, index);
  const words = 2 * Math.ceil(rows / 64);
  // The declaration leaves out that there may be none.
  const bytes: Uint8Array | null = bindings.vector_get_validity(vector, words * 4);
  return bytes === null ? undefined : new Uint32Array(bytes.buffer, bytes.byteOffset, words);
}
