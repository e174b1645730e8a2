import type { ScoreChunk } from './score-chunk.js';
import type { ChunkStore } from './chunk-store.js';
import { chunkStore } from './chunk-store.js';
import type { Spill } from './spill.js';

/** The rows whose score lies in one range. */
export interface Partition {
  readonly rows: number;
  readonly positives: number;
  /** All rows have the same score, so that they need no order. */
  readonly isOneScore: boolean;
  /** In the order in which they came. */
  chunks(): Iterable<ScoreChunk>;
  whole(): ScoreChunk;
}

export interface PartitionedScores {
  add(chunk: ScoreChunk): void;
  /** Ascending; those that have rows. */
  partitions(): Iterable<Partition>;
  close(): void;
}

const bufferRows = 2_048;

/**
 * Deals rows out by the score of one side. A score that is a splitter has a partition of its own, so that a score which most rows
 * share never has to be ordered: partition 2i + 1 is splitter i, 2i what lies before it. `splitters`: ascending, none twice.
 */
export function partitionedScores(
  splitters: Float64Array,
  side: 'control' | 'candidate',
  spill: Spill,
): PartitionedScores {
  const store = chunkStore(spill);
  const open = Array.from({ length: 2 * splitters.length + 1 }, () => emptyPartition());
  return {
    add: (chunk) => {
      const scores = chunk[side];
      for (let row = 0; row < chunk.rows; row += 1) {
        const score = scores[row] ?? Number.NaN;
        // Written out: a call would make an object of every score.
        let low = 0;
        let high = splitters.length;
        while (low < high) {
          const middle = (low + high) >>> 1;
          if ((splitters[middle] ?? 0) < score) low = middle + 1;
          else high = middle;
        }
        const partition = open[splitters[low] === score ? 2 * low + 1 : 2 * low];
        if (partition === undefined) continue;
        const buffer = (partition.buffer ??= bufferLike(chunk));
        const at = partition.buffered;
        buffer.control[at] = chunk.control[row] ?? Number.NaN;
        buffer.candidate[at] = chunk.candidate[row] ?? Number.NaN;
        buffer.label[at] = chunk.label[row] ?? 0;
        if (buffer.cell !== undefined) buffer.cell[at] = chunk.cell?.[row] ?? 0;
        partition.buffered += 1;
        partition.positives += chunk.label[row] ?? 0;
        if (partition.buffered === bufferRows) putAside(partition, store);
      }
    },
    *partitions() {
      for (const [place, partition] of open.entries()) {
        const rows = partition.put.length * bufferRows + partition.buffered;
        if (rows === 0) continue;
        yield {
          rows,
          positives: partition.positives,
          isOneScore: place % 2 === 1,
          chunks: () => chunksOf(partition, store),
          whole: () => joined([...chunksOf(partition, store)]),
        };
      }
    },
    close: () => {
      store.close();
    },
  };
}

interface OpenPartition {
  buffer: Buffered | undefined;
  buffered: number;
  positives: number;
  readonly put: number[];
}

interface Buffered {
  readonly control: Float64Array | Float32Array;
  readonly candidate: Float64Array | Float32Array;
  readonly label: Uint8Array;
  readonly cell: Uint16Array | undefined;
}

function emptyPartition(): OpenPartition {
  return { buffer: undefined, buffered: 0, positives: 0, put: [] };
}

function putAside(partition: OpenPartition, store: ChunkStore): void {
  if (partition.buffer === undefined) return;
  partition.put.push(store.put({ rows: bufferRows, ...partition.buffer }));
  partition.buffer = undefined;
  partition.buffered = 0;
}

function* chunksOf({ put, buffer, buffered }: OpenPartition, store: ChunkStore): Generator<ScoreChunk> {
  for (const number of put) yield store.get(number);
  if (buffer === undefined || buffered === 0) return;
  yield {
    rows: buffered,
    control: buffer.control.subarray(0, buffered),
    candidate: buffer.candidate.subarray(0, buffered),
    label: buffer.label.subarray(0, buffered),
    cell: buffer.cell?.subarray(0, buffered),
  };
}

/** Of one kind: all chunks of a ranking have the same arrays. */
function bufferLike(chunk: ScoreChunk): Buffered {
  const floats = (like: Float64Array | Float32Array) =>
    like instanceof Float32Array ? new Float32Array(bufferRows) : new Float64Array(bufferRows);
  return {
    control: floats(chunk.control),
    candidate: floats(chunk.candidate),
    label: new Uint8Array(bufferRows),
    cell: chunk.cell === undefined ? undefined : new Uint16Array(bufferRows),
  };
}

function joined(chunks: readonly ScoreChunk[]): ScoreChunk {
  const [first] = chunks;
  if (first === undefined || chunks.length === 1) {
    return (
      first ?? {
        rows: 0,
        control: new Float64Array(),
        candidate: new Float64Array(),
        label: new Uint8Array(),
        cell: undefined,
      }
    );
  }
  const rows = chunks.reduce((sum, chunk) => sum + chunk.rows, 0);
  const floats = (like: Float64Array | Float32Array) =>
    like instanceof Float32Array ? new Float32Array(rows) : new Float64Array(rows);
  const whole = {
    rows,
    control: floats(first.control),
    candidate: floats(first.candidate),
    label: new Uint8Array(rows),
    cell: first.cell === undefined ? undefined : new Uint16Array(rows),
  };
  let at = 0;
  for (const chunk of chunks) {
    whole.control.set(chunk.control, at);
    whole.candidate.set(chunk.candidate, at);
    whole.label.set(chunk.label, at);
    if (chunk.cell !== undefined) whole.cell?.set(chunk.cell, at);
    at += chunk.rows;
  }
  return whole;
}
