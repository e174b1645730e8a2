const utf8 = new TextEncoder();

/**
 * Maps an id and a seed to a number in [0, 1), a multiple of 2⁻³²: MurmurHash3 x86 32-bit of the id's UTF-8 bytes, over 2³².
 * The value depends on nothing else, so a sample `hashFraction(…) < share` is the same in any order, process or shard.
 * seed: a whole number in [0, 2³²).
 */
export function hashFraction(options: { readonly id: string; readonly seed: number }): number {
  return murmur3(utf8.encode(options.id), options.seed) / 2 ** 32;
}

/** MurmurHash3 x86 32-bit (A. Appleby, public domain). Returns a whole number in [0, 2³²). */
export function murmur3(bytes: Uint8Array, seed: number): number {
  if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32) {
    throw new RangeError(`seed is ${seed}; expected a whole number from 0 to 2^32 - 1`);
  }
  const at = (index: number): number => bytes[index] ?? 0;
  const blocksEnd = bytes.length - (bytes.length % 4);
  let hash = seed | 0;
  for (let index = 0; index < blocksEnd; index += 4) {
    const block = at(index) | (at(index + 1) << 8) | (at(index + 2) << 16) | (at(index + 3) << 24);
    hash ^= scramble(block);
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
  }
  // Past the end `at` is 0, as the definition's partial block wants.
  hash ^= scramble(at(blocksEnd) | (at(blocksEnd + 1) << 8) | (at(blocksEnd + 2) << 16));
  hash ^= bytes.length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** `murmur3` of the eight bytes of two 32-bit words, each least significant byte first: the same value, without the bytes. */
export function murmur3OfWords(first: number, second: number, seed: number): number {
  let hash = seed | 0;
  hash ^= scramble(first | 0);
  hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
  hash ^= scramble(second | 0);
  hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
  hash ^= 8;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function scramble(block: number): number {
  const spread = Math.imul(block, 0xcc9e2d51);
  return Math.imul((spread << 15) | (spread >>> 17), 0x1b873593);
}
