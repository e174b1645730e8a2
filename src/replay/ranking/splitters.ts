import type { ScoreChunk } from './score-chunk.js';

/** Rows of one side that are ordered at a time fit a processor's second cache. */
export const partitionRowsWanted = 32_768;
const partitionsMax = 512;
const samplesPerPartition = 32;

/**
 * Scores that cut so many rows into ranges of about equal size, ascending, none twice: from a sample of them. They decide how
 * fast the ranking is, not what comes out.
 */
export function splittersOf(sample: readonly number[], rows: number): Float64Array {
  const partitions = partitionsFor(rows);
  const sorted = Float64Array.from(sample).sort();
  const splitters = new Set<number>();
  for (let cut = 1; cut < partitions; cut += 1) {
    const splitter = sorted[Math.floor((cut * sorted.length) / partitions)];
    if (splitter !== undefined) splitters.add(splitter + 0);
  }
  return Float64Array.from(splitters);
}

/** Takes the score of every so many-th row, enough of them for the splitters of `rows`. */
export function scoreSampler(
  side: 'control' | 'candidate',
  rows: number,
): { add(chunk: ScoreChunk): void; readonly sample: readonly number[] } {
  const step = Math.max(1, Math.floor(rows / (partitionsFor(rows) * samplesPerPartition)));
  const sample: number[] = [];
  let next = 0;
  let before = 0;
  return {
    add: (chunk) => {
      for (; next < before + chunk.rows; next += step) sample.push(chunk[side][next - before] ?? 0);
      before += chunk.rows;
    },
    sample,
  };
}

function partitionsFor(rows: number): number {
  return Math.max(1, Math.min(partitionsMax, Math.ceil(rows / partitionRowsWanted)));
}
