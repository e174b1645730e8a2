import { describe, expect, it } from 'vitest';
import { createRecentPredictions } from '../../src/services/prediction-api/recent-predictions.js';

describe('the predictions that were acknowledged lately', () => {
  it('are found by id, by request and row, and by key, within their model', () => {
    const recent = createRecentPredictions(10);
    recent.add('flights', 'id-1', 'request-1', 2, 'key-1');
    expect(recent.has({ model: 'flights', predictionId: 'id-1' })).toBe(true);
    expect(recent.has({ model: 'flights', requestId: 'request-1', row: 2 })).toBe(true);
    expect(recent.has({ model: 'flights', key: 'key-1' })).toBe(true);
    expect(recent.has({ model: 'flights', requestId: 'request-1' })).toBe(false);
    expect(recent.has({ model: 'other', key: 'key-1' })).toBe(false);
    expect(recent.has({ model: 'flights', predictionId: 'id-2' })).toBe(false);
  });

  it('are remembered as far back as promised, and not further than twice that', () => {
    const recent = createRecentPredictions(10);
    for (let index = 0; index < 35; index += 1) {
      recent.add('flights', `id-${index}`, `request-${index}`, 0, undefined);
      // Asking in between changes nothing of what is remembered.
      if (index % 7 === 0) expect(recent.has({ model: 'flights', predictionId: `id-${index}` })).toBe(true);
      const oldest = Math.max(0, index - 9);
      expect(recent.has({ model: 'flights', requestId: `request-${oldest}` })).toBe(true);
    }
    const known = Array.from({ length: 35 }, (_, index) =>
      recent.has({ model: 'flights', predictionId: `id-${index}` }),
    );
    expect(known.lastIndexOf(false)).toBeGreaterThanOrEqual(35 - 20 - 1);
  });
});
