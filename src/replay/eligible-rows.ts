import type { RecordedBatch } from '../projections/datasets/recorded-predictions.js';
import { murmur3OfWords } from '../stats/hash-fraction.js';

export interface Eligibility {
  /** Whose rows do not take part; undefined: everybody's do. */
  readonly candidateDigest: string | undefined;
  /** Microseconds UTC, from inclusive, until exclusive; undefined: the candidate does not say. */
  readonly trainedOn: { readonly fromMicros: number; readonly untilMicros: number } | undefined;
  /** Share of rows to take, by hash of position and seed; undefined: all. */
  readonly sampleShare: number | undefined;
  readonly seed: number;
}

export interface ExcludedRows {
  outOfSample: number;
  servedByCandidate: number;
  trainedOn: number;
}

export interface EligibleRows {
  /** Row numbers, ascending; undefined: every row of the batch. */
  readonly picked: Int32Array | undefined;
  readonly count: number;
  readonly positions: Float64Array;
  /** Microseconds UTC. */
  readonly occurredAt: Float64Array;
}

/** Which rows of a batch take part; each other row is counted in `excluded` under its first reason. */
export function eligibleRows(batch: RecordedBatch, rules: Eligibility, excluded: ExcludedRows): EligibleRows {
  const { positions, occurredAt } = batch;
  const { codes, servers } = batch.served;
  const { candidateDigest, trainedOn, sampleShare } = rules;
  const isCandidate = Uint8Array.from(servers, ({ digest }) => (digest === candidateDigest ? 1 : 0));
  if (!isCandidate.includes(1) && trainedOn === undefined && sampleShare === undefined) {
    return { picked: undefined, count: batch.rows, positions, occurredAt };
  }
  const inSample = sampleShare === undefined ? undefined : positionSampler(sampleShare, rules.seed);
  // Until a row is left out there is no need to say which are taken.
  let picked: Int32Array | undefined;
  let count = 0;
  for (let row = 0; row < batch.rows; row += 1) {
    const at = occurredAt[row] ?? 0;
    if (inSample !== undefined && !inSample(positions[row] ?? 0)) excluded.outOfSample += 1;
    else if (isCandidate[codes[row] ?? 0] === 1) excluded.servedByCandidate += 1;
    else if (trainedOn !== undefined && at >= trainedOn.fromMicros && at < trainedOn.untilMicros)
      excluded.trainedOn += 1;
    else {
      if (picked !== undefined) picked[count] = row;
      count += 1;
      continue;
    }
    picked ??= Int32Array.from({ length: batch.rows }, (_, index) => index);
  }
  return { picked: picked?.slice(0, count), count, positions, occurredAt };
}

/** Whether a position belongs to a sample of about `share`: by its hash, so the same in any order. */
export function positionSampler(share: number, seed: number): (position: number) => boolean {
  const limit = share * 2 ** 32;
  return (position) => hashOfPosition(position, seed) < limit;
}

/** MurmurHash3 (x86, 32 bits) of a position's eight bytes, least significant first: a whole number in [0, 2^32). */
export function hashOfPosition(position: number, seed = 0): number {
  const high = Math.floor(position / 2 ** 32);
  return murmur3OfWords(position - high * 2 ** 32, high, seed);
}
