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

/** `keysMax`: no more than so many are kept at once. */
export function createIdempotencyIndex(options: {
  readonly keysMax: number;
  readonly keptMicros: number;
}): IdempotencyIndex {
  const { keysMax, keptMicros } = options;
  const answers = new Map<string, RememberedAnswer>();
  // In order of arrival. What has been dealt with at its beginning is cut off now and then, many at a time.
  let queue: { readonly keyDigest: string; readonly recordedAt: number }[] = [];
  let oldest = 0;

  const forgetOldest = (): void => {
    const entry = queue[oldest];
    oldest += 1;
    // A key that was used again after it expired belongs to a later entry.
    if (entry !== undefined && answers.get(entry.keyDigest)?.recordedAt === entry.recordedAt)
      answers.delete(entry.keyDigest);
    if (oldest > 1_024 && oldest > queue.length / 2) {
      queue = queue.slice(oldest);
      oldest = 0;
    }
  };

  return {
    find: (keyDigest, nowMicros) => {
      const answer = answers.get(keyDigest);
      return answer !== undefined && answer.recordedAt > nowMicros - keptMicros ? answer : undefined;
    },
    remember: (keyDigest, answer, nowMicros) => {
      const { recordedAt } = answer;
      if (answers.get(keyDigest)?.recordedAt !== recordedAt) queue.push({ keyDigest, recordedAt });
      answers.set(keyDigest, answer);
      for (let entry = queue[oldest]; entry !== undefined; entry = queue[oldest]) {
        if (answers.size <= keysMax && entry.recordedAt > nowMicros - keptMicros) break;
        forgetOldest();
      }
    },
    get size() {
      return answers.size;
    },
  };
}
