import { seededRandom, type SeededRandom } from '../../stats/seeded-random.js';
import type { DriftInterval } from './drift-report.js';

const draws = 400;
const seed = 20_130_701;
/** How `resampledInterval` works, for a report. */
export const intervalMethod = `90 % percentile intervals of a Poisson bootstrap of the counts (${draws} draws, fixed seed)`;

/**
 * 90 % intervals for statistics of two rows of counts, by drawing each count anew from a Poisson law with its own mean.
 * Distances that cannot be negative come out too large rather than too small, so their upper end is safe. The same
 * counts give the same interval.
 */
export function resampledInterval(
  reference: Float64Array,
  live: Float64Array,
  statistics: (reference: Float64Array, live: Float64Array) => readonly number[],
): readonly DriftInterval[] {
  const random = seededRandom(seed);
  const drawn: number[][] = [];
  const referenceDraw = new Float64Array(reference.length);
  const liveDraw = new Float64Array(live.length);
  for (let draw = 0; draw < draws; draw += 1) {
    redraw(random, reference, referenceDraw);
    redraw(random, live, liveDraw);
    for (const [index, value] of statistics(referenceDraw, liveDraw).entries()) {
      if (Number.isFinite(value)) (drawn[index] ??= []).push(value);
    }
  }
  return drawn.map((values) => {
    const ascending = values.toSorted((a, b) => a - b);
    const at = (share: number): number => ascending[Math.round((ascending.length - 1) * share)] ?? NaN;
    return { lower: at(0.05), upper: at(0.95) };
  });
}

function redraw(random: SeededRandom, counts: Float64Array, into: Float64Array): void {
  for (let index = 0; index < counts.length; index += 1) into[index] = poisson(random, counts[index] ?? 0);
}

/** Knuth's product of uniforms for small means; past 30 the rounded normal law is within a percent of the tails used. */
function poisson(random: SeededRandom, mean: number): number {
  if (mean === 0) return 0;
  if (mean > 30) return Math.max(0, Math.round(mean + Math.sqrt(mean) * random.normal()));
  const limit = Math.exp(-mean);
  let count = -1;
  let product = 1;
  do {
    count += 1;
    product *= random.uniform();
  } while (product > limit);
  return count;
}
