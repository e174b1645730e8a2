import { keysOf32 } from '../../stats/ascending-order.js';
import type { ScoreChunk } from './score-chunk.js';
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

/** Rows that wait in the buffers of all partitions together. */
const bufferedRowsWanted = 131_072;
/** Rows of one partition that are put aside together, at the least: a piece should be worth a write. */
const bufferRowsMin = 256;

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
  const placesOf = placeFinder(splitters);
  const count = 2 * splitters.length + 1;
  const room = Math.max(bufferRowsMin, Math.floor(bufferedRowsWanted / count));
  const buffered = new Uint32Array(count);
  const positives = new Float64Array(count);
  const put = Array.from({ length: count }, (): number[] => []);
  // One array for all partitions, each with its own stretch: an object for each would be looked up for every row.
  let buffers: Omit<ScoreChunk, 'rows'> | undefined;

  const begun = (place: number): ScoreChunk | undefined => {
    const rows = buffered[place] ?? 0;
    return buffers === undefined || rows === 0 ? undefined : cut(buffers, place * room, rows);
  };
  const putAside = (place: number): void => {
    const chunk = begun(place);
    if (chunk !== undefined) put[place]?.push(store.put(chunk));
    buffered[place] = 0;
  };
  const chunksOf = function* (place: number): Generator<ScoreChunk> {
    for (const number of put[place] ?? []) yield store.get(number);
    const last = begun(place);
    if (last !== undefined) yield last;
  };
  return {
    add: (chunk) => {
      const { rows, control, candidate, label, cell } = chunk;
      const into = (buffers ??= arraysLike(chunk, count * room));
      const { control: controls, candidate: candidates, label: labels, cell: cells } = into;
      const places = placesOf(chunk[side], rows);
      for (let row = 0; row < rows; row += 1) {
        const place = places[row] ?? 0;
        const before = buffered[place] ?? 0;
        const at = place * room + before;
        const isPositive = label[row] ?? 0;
        controls[at] = control[row] ?? Number.NaN;
        candidates[at] = candidate[row] ?? Number.NaN;
        labels[at] = isPositive;
        if (cells !== undefined) cells[at] = cell?.[row] ?? 0;
        positives[place] = (positives[place] ?? 0) + isPositive;
        buffered[place] = before + 1;
        if (before + 1 === room) putAside(place);
      }
    },
    *partitions() {
      for (let place = 0; place < count; place += 1) {
        const rows = (put[place]?.length ?? 0) * room + (buffered[place] ?? 0);
        if (rows === 0) continue;
        yield {
          rows,
          positives: positives[place] ?? 0,
          isOneScore: place % 2 === 1,
          chunks: () => chunksOf(place),
          whole: () => joined([...chunksOf(place)]),
        };
      }
    },
    close: () => {
      buffers = undefined;
      store.close();
    },
  };
}

/** Rows of one partition, copied out of the arrays of all. */
function cut(arrays: Omit<ScoreChunk, 'rows'>, from: number, rows: number): ScoreChunk {
  const until = from + rows;
  return {
    rows,
    control: arrays.control.slice(from, until),
    candidate: arrays.candidate.slice(from, until),
    label: arrays.label.slice(from, until),
    cell: arrays.cell?.slice(from, until),
  };
}

/** Finds the partitions of scores; the array is good until the next call. */
function placeFinder(
  splitters: Float64Array,
): (scores: Float64Array | Float32Array, rows: number) => Uint16Array {
  const cuts = cutsByPrefix(splitters);
  const single = new Float32Array(1);
  const word = new Uint32Array(single.buffer);
  let places = new Uint16Array(0);
  return (scores, rows) => {
    if (places.length < rows) places = new Uint16Array(rows);
    for (let row = 0; row < rows; row += 1) {
      const score = scores[row] ?? Number.NaN;
      single[0] = score + 0;
      const bits = word[0] ?? 0;
      const prefix = (bits >>> 31 === 1 ? ~bits : bits ^ 0x80000000) >>> 16;
      let low = cuts[prefix] ?? 0;
      let high = cuts[prefix + 1] ?? 0;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if ((splitters[middle] ?? 0) < score) low = middle + 1;
        else high = middle;
      }
      places[row] = splitters[low] === score ? 2 * low + 1 : 2 * low;
    }
    return places;
  };
}

/** By the upper half of a score's key as a 32-bit float: how many splitters have a smaller one. Those with the same must be compared. */
function cutsByPrefix(splitters: Float64Array): Uint16Array {
  const cuts = new Uint16Array(2 ** 16 + 1);
  const keys = keysOf32(Float32Array.from(splitters));
  let passed = 0;
  for (let prefix = 0; prefix < cuts.length; prefix += 1) {
    while (passed < keys.length && (keys[passed] ?? 0) >>> 16 < prefix) passed += 1;
    cuts[prefix] = passed;
  }
  return cuts;
}

/** Of one kind: all chunks of a ranking have the same arrays. */
function arraysLike(chunk: ScoreChunk, rows: number): Omit<ScoreChunk, 'rows'> {
  const floats = (like: Float64Array | Float32Array) =>
    like instanceof Float32Array ? new Float32Array(rows) : new Float64Array(rows);
  return {
    control: floats(chunk.control),
    candidate: floats(chunk.candidate),
    label: new Uint8Array(rows),
    cell: chunk.cell === undefined ? undefined : new Uint16Array(rows),
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
  const whole = { rows, ...arraysLike(first, rows) };
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
