import { z } from 'zod';
import type { PairedRows } from './paired-rows.js';
import { distanceAt } from './paired-rows.js';

/**
 * How many rows are how far apart, by bins of a 256th of an octave (0.3 % wide): whole counts, so that neither order nor shards
 * show, and as much room for any number of rows.
 */
export const DistanceCounts = z.strictObject({
  rows: z.number(),
  zeros: z.number(),
  most: z.number(),
  /** Rows of bin `first + index`. */
  first: z.number(),
  bins: z.array(z.number()),
  /** Some row has no distance: a model without scores. */
  withoutDistance: z.boolean(),
});
export type DistanceCounts = z.infer<typeof DistanceCounts>;

export interface DistanceTally {
  add(rows: PairedRows): void;
  addCounts(counts: DistanceCounts): void;
  counts(): DistanceCounts;
  /**
   * Quantiles at whole ranks (the value of rank ⌊(rows − 1)·probability⌋), within 0.2 % of the value; the largest exactly.
   * Undefined: there are none.
   */
  quantiles(probabilities: readonly number[]): readonly number[] | undefined;
}

/** Bits of the fraction that tell bins apart. */
const fractionBits = 8;
const binsInOctave = 2 ** fractionBits;
/** Smaller and larger distances share the first and the last bin. */
const octaves = { from: 1023 - 80, until: 1023 + 80 } as const;
const binCount = (octaves.until - octaves.from) * binsInOctave;

export function distanceTally(): DistanceTally {
  const bins = new Float64Array(binCount);
  let rows = 0;
  let zeros = 0;
  let most = 0;
  let withoutDistance = false;
  return {
    add: (block) => {
      rows += block.rows;
      for (let row = 0; row < block.rows; row += 1) {
        const distance = distanceAt(block, row);
        if (distance > most) most = distance;
        if (distance > 0) {
          const bin = binOf(distance);
          bins[bin] = (bins[bin] ?? 0) + 1;
        } else if (distance === 0) zeros += 1;
        else withoutDistance = true;
      }
    },
    addCounts: (counts) => {
      rows += counts.rows;
      zeros += counts.zeros;
      most = Math.max(most, counts.most);
      withoutDistance ||= counts.withoutDistance;
      for (const [index, count] of counts.bins.entries()) {
        bins[counts.first + index] = (bins[counts.first + index] ?? 0) + count;
      }
    },
    counts: () => {
      const first = Math.max(
        0,
        bins.findIndex((count) => count > 0),
      );
      const last = bins.findLastIndex((count) => count > 0);
      return { rows, zeros, most, first, bins: [...bins.subarray(first, last + 1)], withoutDistance };
    },
    quantiles: (probabilities) => {
      if (rows === 0 || withoutDistance) return undefined;
      return probabilities.map((probability) => {
        let left = Math.floor((rows - 1) * probability) - zeros;
        if (left < 0) return 0;
        if (probability === 1) return most;
        let bin = 0;
        for (; bin < binCount - 1; bin += 1) {
          left -= bins[bin] ?? 0;
          if (left < 0) break;
        }
        return Math.min(most, middleOf(bin));
      });
    },
  };
}

const cell = new Float64Array(1);
const words = new Uint32Array(cell.buffer);
cell[0] = 1;
const highWord = words[1] === 0 ? 0 : 1;

/** The number of the bin: the exponent and the first bits of the fraction, which grow with the value. */
function binOf(distance: number): number {
  cell[0] = distance;
  const bin = ((words[highWord] ?? 0) >>> (20 - fractionBits)) - octaves.from * binsInOctave;
  return bin < 0 ? 0 : bin >= binCount ? binCount - 1 : bin;
}

function middleOf(bin: number): number {
  const octave = Math.floor(bin / binsInOctave) + octaves.from - 1023;
  return 2 ** octave * (1 + ((bin % binsInOctave) + 0.5) / binsInOctave);
}
