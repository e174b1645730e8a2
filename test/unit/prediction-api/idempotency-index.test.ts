import { describe, expect, it } from 'vitest';
import { createIdempotencyIndex } from '../../../src/services/prediction-api/idempotency-index.js';
import { shortDigest } from '../../../src/services/prediction-api/idempotency-key.js';

const key = (name: string | number) => shortDigest(`key ${name}`);
const answer = (recordedAt: number) => ({
  bodyDigest: shortDigest(`body ${recordedAt}`),
  firstPosition: recordedAt + 1,
  lastPosition: recordedAt + 2,
  events: 2,
  occurredAt: recordedAt - 1,
  recordedAt,
});

describe('the index of Idempotency-Keys', () => {
  it('gives back what it was given, while it grows and after', () => {
    const index = createIdempotencyIndex({ keysMax: 100_000, keptMicros: 1_000_000 });
    for (let at = 0; at < 5_000; at += 1) {
      index.remember(key(at), answer(at), at);
      if (at % 97 === 0) expect(index.find(key(at), at)).toEqual(answer(at));
    }
    for (let at = 0; at < 5_000; at += 13) expect(index.find(key(at), 5_000)).toEqual(answer(at));
    index.remember(key('cluster'), { ...answer(5_000), firstPosition: undefined }, 5_000);
    expect(index.find(key('cluster'), 5_000)).toEqual({ ...answer(5_000), firstPosition: undefined });
    expect(index.find(key('unknown'), 5_000)).toBeUndefined();
  });

  it('holds no more keys than its limit, and forgets the oldest first', () => {
    const index = createIdempotencyIndex({ keysMax: 3_000, keptMicros: 1_000_000 });
    for (let at = 0; at < 10_000; at += 1) index.remember(key(at), answer(at), at);
    expect(index.size).toBe(3_000);
    expect(index.find(key(6_999), 10_000)).toBeUndefined();
    expect(index.find(key(7_000), 10_000)).toEqual(answer(7_000));
    expect(index.find(key(9_999), 10_000)).toEqual(answer(9_999));
  });

  it('drops what has expired when something new comes, so that a busy hour leaves nothing behind', () => {
    const index = createIdempotencyIndex({ keysMax: 1_000_000, keptMicros: 100 });
    for (let at = 0; at < 5_000; at += 1) index.remember(key(at), answer(at), at);
    expect(index.size).toBe(100);
    expect(index.find(key(4_901), 5_000)).toBeDefined();
    expect(index.find(key(4_900), 5_000)).toBeUndefined();
  });

  it('keeps the later answer of a key that was used again, also when the earlier one is forgotten', () => {
    const index = createIdempotencyIndex({ keysMax: 3, keptMicros: 1_000 });
    index.remember(key('k'), answer(0), 0);
    index.remember(key('k'), answer(150), 150);
    index.remember(key('a'), answer(160), 160);
    index.remember(key('b'), answer(170), 170);
    expect(index.find(key('k'), 170)).toEqual(answer(150));
    expect(index.size).toBe(3);
    index.remember(key('c'), answer(180), 180);
    expect(index.find(key('k'), 180)).toBeUndefined();
    expect(index.size).toBe(3);
  });

  it('takes a fuller knowledge of the same answer in place of the one before', () => {
    const index = createIdempotencyIndex({ keysMax: 2, keptMicros: 100 });
    for (let events = 1; events <= 50; events += 1)
      index.remember(key('k'), { ...answer(7), events, lastPosition: 6 + events }, 10);
    expect(index.find(key('k'), 10)).toEqual({ ...answer(7), lastPosition: 56, events: 50 });
    expect(index.size).toBe(1);
  });
});
