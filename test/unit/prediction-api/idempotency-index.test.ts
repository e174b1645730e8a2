import { describe, expect, it } from 'vitest';
import { createIdempotencyIndex } from '../../../src/services/prediction-api/idempotency-index.js';

const answer = (recordedAt: number) => ({
  bodyDigest: 'b',
  firstPosition: recordedAt,
  lastPosition: recordedAt,
  events: 1,
  occurredAt: recordedAt,
  recordedAt,
});

describe('the index of Idempotency-Keys', () => {
  it('holds no more keys than its limit, and forgets the oldest first', () => {
    const index = createIdempotencyIndex({ keysMax: 1_000, keptMicros: 1_000_000 });
    for (let at = 0; at < 10_000; at += 1) index.remember(`k${at}`, answer(at), at);
    expect(index.size).toBe(1_000);
    expect(index.find('k8999', 10_000)).toBeUndefined();
    expect(index.find('k9000', 10_000)).toMatchObject({ firstPosition: 9_000 });
  });

  it('drops what has expired when something new comes, so that a busy hour leaves nothing behind', () => {
    const index = createIdempotencyIndex({ keysMax: 1_000_000, keptMicros: 100 });
    for (let at = 0; at < 5_000; at += 1) index.remember(`k${at}`, answer(at), at);
    expect(index.size).toBe(100);
    expect(index.find('k4901', 5_000)).toBeDefined();
    expect(index.find('k4900', 5_000)).toBeUndefined();
  });

  it('keeps the later answer of a key that was used again, also when the earlier one is forgotten', () => {
    const index = createIdempotencyIndex({ keysMax: 10, keptMicros: 100 });
    index.remember('k', answer(0), 0);
    index.remember('k', answer(150), 150);
    index.remember('other', answer(160), 160);
    expect(index.find('k', 160)).toMatchObject({ firstPosition: 150 });
    expect(index.size).toBe(2);
  });

  it('takes a fuller knowledge of the same answer in place of the one before', () => {
    const index = createIdempotencyIndex({ keysMax: 2, keptMicros: 100 });
    for (let events = 1; events <= 50; events += 1)
      index.remember('k', { ...answer(7), events, lastPosition: 6 + events }, 10);
    expect(index.find('k', 10)).toMatchObject({ firstPosition: 7, lastPosition: 56, events: 50 });
    expect(index.size).toBe(1);
  });
});
