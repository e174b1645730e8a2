import type { ScoreChunk } from './score-chunk.js';

/** Rows of one side that are ordered at a time fit a processor's second cache. */
const partitionRowsWanted = 32_768;
const partitionsMax = 512;
const samplesPerPartition = 32;

/**
 * Scores that cut the rows into ranges of about equal size, ascending, none twice: from a sample of every so many-th row. They decide how
 * fast the ranking is, not what comes out.
 */
export function splittersOf(
  chunks: Iterable<ScoreChunk>,
  side: 'control' | 'candidate',
  rows: number,
): Float64Array {
  const partitions = Math.min(partitionsMax, Math.ceil(rows / partitionRowsWanted));
  if (partitions < 2) return new Float64Array(0);
  const step = Math.max(1, Math.floor(rows / (partitions * samplesPerPartition)));
  const sample: number[] = [];
  let next = 0;
  let before = 0;
  for (const chunk of chunks) {
    for (; next < before + chunk.rows; next += step) sample.push(chunk[side][next - before] ?? 0);
    before += chunk.rows;
  }
  const sorted = Float64Array.from(sample).sort();
  const splitters = new Set<number>();
  for (let cut = 1; cut < partitions; cut += 1) {
    splitters.add((sorted[Math.floor((cut * sorted.length) / partitions)] ?? 0) + 0);
  }
  return Float64Array.from(splitters);
}
