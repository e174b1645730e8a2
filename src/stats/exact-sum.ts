/** Chunks of 32 bits that span every finite double (2⁻¹⁰⁷⁴ … 2¹⁰²⁴) with room for 2⁵³ of them. */
const chunkCount = 68;
const chunkBase = 2 ** 32;
/** A chunk takes at most 2³² an addition; after this many, carries are passed on before a double stops being exact. */
const additionsBetweenCarries = 2 ** 20;
const smallest = 2 ** -1074;

/** A sum as JSON: sign·Σ chunks[i]·2^(32·(offset + i) − 1074). Equal sums have equal states. */
export interface ExactSumState {
  readonly sign: -1 | 0 | 1;
  readonly offset: number;
  /** Whole numbers in [0, 2³²), least significant first; neither end is 0. */
  readonly chunks: readonly number[];
}

export interface ExactSum {
  /** Adds a finite double without any error. Throws a RangeError for NaN and infinities. */
  add(value: number): void;
  addAll(values: Float64Array): void;
  /** Adds another sum, as its state. */
  merge(state: ExactSumState): void;
  /** The exact sum rounded once, to nearest, ties to even; ±Infinity where it leaves the range of doubles. */
  total(): number;
  /** The exact sum as a multiple of 2⁻¹⁰⁷⁴. */
  units(): bigint;
  state(): ExactSumState;
}

/**
 * A sum of doubles that has no rounding error, so that it depends neither on the order of the values nor on how they were
 * split over shards: a fixed-point number wide enough for every double, in the manner of U. Kulisch and of R. Neal, Fast
 * exact summation using small and large superaccumulators (2015). About 550 bytes; some 50 million additions a second.
 */
export function exactSum(state?: ExactSumState): ExactSum {
  const chunks = new Float64Array(chunkCount);
  const cell = new Float64Array(1);
  const words = new Uint32Array(cell.buffer);
  cell[0] = 1;
  const highWord = words[1] === 0 ? 0 : 1;
  const lowWord = 1 - highWord;
  let additions = 0;

  const add = (value: number): void => {
    cell[0] = value;
    const high = words[highWord] ?? 0;
    const exponent = (high >>> 20) & 0x7ff;
    if (exponent === 0x7ff) throw new RangeError(`value is ${value}; expected a finite number`);
    const fraction = words[lowWord] ?? 0;
    const top = exponent === 0 ? high & 0xfffff : (high & 0xfffff) | 0x100000;
    const position = exponent === 0 ? 0 : exponent - 1;
    const at = position >>> 5;
    const shift = position & 31;
    // Shifting right by 1 and by 31 − shift is a shift by 32 − shift that also works for 0.
    const first = (fraction << shift) >>> 0;
    const second = ((top << shift) | ((fraction >>> 1) >>> (31 - shift))) >>> 0;
    const third = (top >>> 1) >>> (31 - shift);
    if (high >>> 31 === 0) {
      chunks[at] = (chunks[at] ?? NaN) + first;
      chunks[at + 1] = (chunks[at + 1] ?? NaN) + second;
      chunks[at + 2] = (chunks[at + 2] ?? NaN) + third;
    } else {
      chunks[at] = (chunks[at] ?? NaN) - first;
      chunks[at + 1] = (chunks[at + 1] ?? NaN) - second;
      chunks[at + 2] = (chunks[at + 2] ?? NaN) - third;
    }
    additions += 1;
    if (additions === additionsBetweenCarries) carry();
  };

  const addAll = (values: Float64Array): void => {
    for (let index = 0; index < values.length; index += 1) add(values[index] ?? NaN);
  };

  /** Brings every chunk but the last into [0, 2³²). */
  const carry = (): void => {
    let passedOn = 0;
    for (let at = 0; at < chunkCount - 1; at += 1) {
      const chunk = (chunks[at] ?? NaN) + passedOn;
      passedOn = Math.floor(chunk / chunkBase);
      chunks[at] = chunk - passedOn * chunkBase;
    }
    chunks[chunkCount - 1] = (chunks[chunkCount - 1] ?? NaN) + passedOn;
    additions = 0;
  };

  const merge = (other: ExactSumState): void => {
    checkState(other);
    carry();
    for (const [index, chunk] of other.chunks.entries()) {
      const at = other.offset + index;
      chunks[at] = (chunks[at] ?? NaN) + other.sign * chunk;
    }
    carry();
  };

  const units = (): bigint => {
    carry();
    let sum = 0n;
    for (let at = chunkCount - 1; at >= 0; at -= 1) sum = (sum << 32n) + BigInt(chunks[at] ?? NaN);
    return sum;
  };

  if (state !== undefined) merge(state);
  return { add, addAll, merge, units, total: () => roundedToDouble(units()), state: () => stateOf(units()) };
}

/** The double nearest to units·2⁻¹⁰⁷⁴. */
function roundedToDouble(units: bigint): number {
  if (units < 0n) return -roundedToDouble(-units);
  const bits = units.toString(16).length * 4;
  if (bits <= 64) return Number(units) * smallest;
  const shift = bits - 64;
  // The lowest bit stands for all that was cut off, so that the one rounding below is right.
  const cut = BigInt.asUintN(shift, units) === 0n ? 0n : 1n;
  let value = Number((units >> BigInt(shift)) | cut) * smallest;
  for (let left = shift; left > 0; left -= 512) value *= 2 ** Math.min(512, left);
  return value;
}

function stateOf(units: bigint): ExactSumState {
  if (units === 0n) return { sign: 0, offset: 0, chunks: [] };
  let rest = units < 0n ? -units : units;
  let offset = 0;
  while (BigInt.asUintN(32, rest) === 0n) {
    rest >>= 32n;
    offset += 1;
  }
  const chunks: number[] = [];
  for (; rest > 0n; rest >>= 32n) chunks.push(Number(BigInt.asUintN(32, rest)));
  return { sign: units < 0n ? -1 : 1, offset, chunks };
}

function checkState(state: ExactSumState): void {
  const { sign, offset, chunks } = state;
  if (sign !== -1 && sign !== 0 && sign !== 1)
    throw new RangeError(`state.sign is ${String(sign)}; expected -1, 0 or 1`);
  if (!Number.isInteger(offset) || offset < 0 || offset + chunks.length > chunkCount) {
    throw new RangeError(
      `state.offset is ${offset} with ${chunks.length} chunks; expected to end within ${chunkCount}`,
    );
  }
  for (const [index, chunk] of chunks.entries()) {
    if (!Number.isInteger(chunk) || chunk < 0 || chunk >= chunkBase) {
      throw new RangeError(`state.chunks[${index}] is ${chunk}; expected a whole number below 2^32`);
    }
  }
}
