import { errors } from '../../services/platform/errors.js';

/** Rows of a binary task whose truth is known, in arrays of `rows` entries. */
export interface ScoreChunk {
  readonly rows: number;
  /** Of 32-bit floats when no score loses by it. On the way through the ranking, `control` holds placements instead. */
  readonly control: Float64Array | Float32Array;
  readonly candidate: Float64Array | Float32Array;
  /** 1: positive. */
  readonly label: Uint8Array;
  /** Of the row's subject; undefined: no row has one. */
  readonly cell: Uint16Array | undefined;
}

const headerBytes = 16;

/** As bytes in this machine's order; `decodeScores` gives the same chunk. */
export function encodeScores({ rows, control, candidate, label, cell }: ScoreChunk): Uint8Array {
  const parts = [control, candidate, cell, label].filter((part) => part !== undefined);
  const bytes = new Uint8Array(headerBytes + parts.reduce((sum, part) => sum + part.byteLength, 0));
  new Uint32Array(bytes.buffer, 0, 4).set([
    rows,
    control.BYTES_PER_ELEMENT,
    candidate.BYTES_PER_ELEMENT,
    cell === undefined ? 0 : 1,
  ]);
  let at = headerBytes;
  for (const part of parts) {
    bytes.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), at);
    at += part.byteLength;
  }
  return bytes;
}

/** Throws INTERNAL for bytes of another length than they say. */
export function decodeScores(bytes: Uint8Array): ScoreChunk {
  // A copy: aligned, and the caller's bytes may be used again.
  const { buffer } = bytes.slice();
  const [rows = 0, controlBytes = 0, candidateBytes = 0, hasCell = 0] = new Uint32Array(buffer, 0, 4);
  const expected = headerBytes + rows * (controlBytes + candidateBytes + 2 * hasCell + 1);
  if (buffer.byteLength !== expected) {
    throw errors.INTERNAL({
      problem: `scores of ${rows} rows take ${expected} bytes, not ${buffer.byteLength}`,
    });
  }
  const candidateAt = headerBytes + rows * controlBytes;
  const cellAt = candidateAt + rows * candidateBytes;
  return {
    rows,
    control: floatsAt(buffer, headerBytes, rows, controlBytes),
    candidate: floatsAt(buffer, candidateAt, rows, candidateBytes),
    cell: hasCell === 0 ? undefined : new Uint16Array(buffer.slice(cellAt, cellAt + 2 * rows)),
    label: new Uint8Array(buffer, cellAt + 2 * hasCell * rows, rows),
  };
}

function floatsAt(
  buffer: ArrayBuffer,
  at: number,
  rows: number,
  bytesEach: number,
): Float64Array | Float32Array {
  const bytes = buffer.slice(at, at + rows * bytesEach);
  return bytesEach === 4 ? new Float32Array(bytes) : new Float64Array(bytes);
}
