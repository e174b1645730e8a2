import { checkCount } from './checks.js';

export interface SeededRandom {
  /** A uniform whole number in [0, 2³²). */
  uint32(): number;
  /** A uniform number in [0, 1) with 53 random bits (two draws of 32). */
  uniform(): number;
  /** A standard normal number (two uniforms each). */
  normal(): number;
  /** A uniform whole number in [0, limit), free of modulo bias. 1 ≤ limit ≤ 2³². */
  below(limit: number): number;
}

export type SeededRandomState = readonly [number, number, number, number];

/**
 * The generator xoshiro128** 1.1 of Blackman and Vigna, with a state of four 32-bit words. A number as the seed is spread
 * over the state by SplitMix32 steps (golden-ratio counter, MurmurHash3 finaliser). The stream is part of the contract: the
 * same seed gives the same numbers in every version. Not for secrets.
 */
export function seededRandom(seed: number | SeededRandomState): SeededRandom {
  let [a, b, c, d] = typeof seed === 'number' ? spread(seed) : seed;
  if ((a | b | c | d) === 0) throw new RangeError('the state is all zero; expected at least one bit set');

  const uint32 = (): number => {
    const result = Math.imul(rotateLeft(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotateLeft(d, 11);
    return result;
  };
  const uniform = (): number => (uint32() * 0x200000 + (uint32() >>> 11)) / 2 ** 53;
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  const below = (limit: number): number => {
    if (!Number.isInteger(limit) || limit < 1 || limit > 2 ** 32) {
      throw new RangeError(`limit is ${limit}; expected a whole number from 1 to 2^32`);
    }
    const accepted = 2 ** 32 - (2 ** 32 % limit);
    let drawn = uint32();
    while (drawn >= accepted) drawn = uint32();
    return drawn % limit;
  };
  return { uint32, uniform, normal, below };
}

function rotateLeft(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}

/** Four words from one seed (a whole number; both its low and its high 32 bits count). */
function spread(seed: number): SeededRandomState {
  checkCount('seed', seed);
  let counter = (seed >>> 0) ^ mix(Math.floor(seed / 2 ** 32));
  const next = (): number => {
    counter = (counter + 0x9e3779b9) | 0;
    return mix(counter);
  };
  return [next(), next(), next(), next()];
}

/** The 32-bit finaliser of MurmurHash3. */
function mix(word: number): number {
  let mixed = word;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
