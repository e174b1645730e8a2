import type { ChunkArrays } from './chunk-arrays.js';
import type { DecodedOutputs, OutputPairing } from './output-pairing.js';
import { decodedOutputs, decodeOutputs } from './output-pairing.js';
import type { RowChunk } from './row-chunks.js';

/** What was answered then, decoded; `threshold` gives a label to a row that was recorded with a score alone. */
export function recordedOutputs(
  chunk: RowChunk,
  pairing: OutputPairing,
  threshold: number,
  arrays?: ChunkArrays,
): DecodedOutputs {
  const decoded = decodedOutputs(pairing, chunk.rows, arrays, 'control');
  decodeOutputs({ pairing, outputs: chunk.outputs, rows: chunk.rows, threshold, decoded, at: 0 });
  return decoded;
}
