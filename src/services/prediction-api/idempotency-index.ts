import type { RecordedAnswer } from './record-prediction.js';

/** An answer that stands in the log, and the digest of the body that it answers. */
export interface RememberedAnswer extends RecordedAnswer {
  readonly bodyDigest: string;
}

/** Where the answers to recent keys stand in the log, bounded in number and in time: the oldest are forgotten first. */
export interface IdempotencyIndex {
  /** `nowMicros` minus the time for which keys are kept is the oldest `recordedAt` that is found. */
  find(keyDigest: string, nowMicros: number): RememberedAnswer | undefined;
  /** In the place of what is known of the key; one with the same `recordedAt` is the same answer, known better. */
  remember(keyDigest: string, answer: RememberedAnswer, nowMicros: number): void;
  readonly size: number;
}

const digestBytes = 16;
const numbersEach = 5;
const slotsFirst = 1_024;

/**
 * `keysMax`: no more than so many are kept at once. Answers stand in typed arrays, in the order in which they came, and
 * keys as texts of 16 characters: about 160 bytes each, where objects and hex would take ten times as much.
 */
export function createIdempotencyIndex(options: {
  readonly keysMax: number;
  readonly keptMicros: number;
}): IdempotencyIndex {
  const { keysMax, keptMicros } = options;
  const slotOf = new Map<string, number>();
  let slots = Math.min(slotsFirst, keysMax);
  let digests = Buffer.alloc(slots * digestBytes * 2);
  let numbers = new Float64Array(slots * numbersEach);
  let oldest = 0;
  let used = 0;

  const recordedAt = (slot: number): number => numbers[slot * numbersEach] ?? 0;
  const keyAt = (slot: number): string =>
    digests.toString('latin1', slot * 2 * digestBytes, (slot * 2 + 1) * digestBytes);

  const forgetOldest = (): void => {
    const key = keyAt(oldest);
    // A key that was used again after it expired has a later slot.
    if (slotOf.get(key) === oldest) slotOf.delete(key);
    oldest = (oldest + 1) % slots;
    used -= 1;
  };

  /** Twice the room, the oldest first again. */
  const grow = (): void => {
    const more = Math.min(slots * 2, keysMax);
    const [digestsBefore, numbersBefore, oldestBefore] = [digests, numbers, oldest];
    digests = Buffer.alloc(more * digestBytes * 2);
    numbers = new Float64Array(more * numbersEach);
    const split = slots - oldestBefore;
    digestsBefore.copy(digests, 0, oldestBefore * 2 * digestBytes);
    digestsBefore.copy(digests, split * 2 * digestBytes, 0, oldestBefore * 2 * digestBytes);
    numbers.set(numbersBefore.subarray(oldestBefore * numbersEach), 0);
    numbers.set(numbersBefore.subarray(0, oldestBefore * numbersEach), split * numbersEach);
    for (const [key, slot] of slotOf) slotOf.set(key, (slot - oldestBefore + slots) % slots);
    slots = more;
    oldest = 0;
  };

  const newSlot = (key: string): number => {
    if (used === slots) {
      if (slots < keysMax) grow();
      else forgetOldest();
    }
    const slot = (oldest + used) % slots;
    used += 1;
    slotOf.set(key, slot);
    return slot;
  };

  return {
    find: (keyDigest, nowMicros) => {
      const slot = slotOf.get(packed(keyDigest));
      if (slot === undefined || recordedAt(slot) <= nowMicros - keptMicros) return undefined;
      const at = slot * numbersEach;
      const firstPosition = numbers[at + 1] ?? NaN;
      return {
        bodyDigest: uuidText(digests.subarray((slot * 2 + 1) * digestBytes, (slot * 2 + 2) * digestBytes)),
        firstPosition: Number.isNaN(firstPosition) ? undefined : firstPosition,
        lastPosition: numbers[at + 2] ?? 0,
        events: numbers[at + 3] ?? 0,
        occurredAt: numbers[at + 4] ?? 0,
        recordedAt: recordedAt(slot),
      };
    },
    remember: (keyDigest, answer, nowMicros) => {
      while (used > 0 && recordedAt(oldest) <= nowMicros - keptMicros) forgetOldest();
      const key = packed(keyDigest);
      const known = slotOf.get(key);
      const isSame = known !== undefined && recordedAt(known) === answer.recordedAt;
      const slot = isSame ? known : newSlot(key);
      digests.write(key, slot * 2 * digestBytes, 'latin1');
      digests.write(packed(answer.bodyDigest), (slot * 2 + 1) * digestBytes, 'latin1');
      const { firstPosition = NaN, lastPosition, events, occurredAt } = answer;
      numbers.set([answer.recordedAt, firstPosition, lastPosition, events, occurredAt], slot * numbersEach);
    },
    get size() {
      return slotOf.size;
    },
  };
}

/** The 16 bytes of a UUID as a text of 16 characters, which takes less room than any other key of a map. */
function packed(digest: string): string {
  return Buffer.from(digest.replaceAll('-', ''), 'hex').toString('latin1');
}

function uuidText(bytes: Buffer): string {
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
