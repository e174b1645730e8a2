import { describe, expect, it } from 'vitest';
import type { Flight, Window } from '../../../src/cli/demo/flights-calendar.js';
import { weekMicros, weeksToMove, windowOf, windowsUntil } from '../../../src/cli/demo/flights-calendar.js';

const hour = 3_600 * 1_000_000;
const start = Date.parse('2026-01-05T00:00:00Z') * 1000;

function flight(key: string, scheduledAt: number, arrivedAt?: number): Flight {
  return {
    key,
    scheduledAt,
    inputs: {},
    truth: arrivedAt === undefined ? undefined : { late: 1, arrivedAt },
  };
}

async function windows(flights: readonly Flight[], now: number): Promise<Window[]> {
  const cut: Window[] = [];
  for await (const window of windowsUntil(
    (async function* each() {
      yield* flights;
    })(),
    now,
  )) {
    cut.push(window);
  }
  return cut;
}

describe('the calendar of the demo', () => {
  it('moves by the smallest whole number of weeks that ends at or after now', () => {
    expect(weeksToMove(start, start)).toBe(0);
    expect(weeksToMove(start, start - weekMicros)).toBe(0);
    expect(weeksToMove(start, start + 1)).toBe(1);
    expect(weeksToMove(start, start + weekMicros)).toBe(1);
    expect(weeksToMove(start, start + weekMicros + 1)).toBe(2);
  });

  it('leaves out flights and truths later than now, and never gives a cancelled flight a truth', async () => {
    const now = start + 5 * hour;
    const cut = await windows(
      [
        flight('a', start, start + 2 * hour),
        flight('cancelled', start + hour),
        flight('in the air', start + 4 * hour, now + 1),
        flight('later', now + 1, now + hour),
      ],
      now,
    );
    expect(cut.flatMap((window) => window.predictions.map(({ key }) => key))).toEqual([
      'a',
      'cancelled',
      'in the air',
    ]);
    expect(cut.flatMap((window) => window.outcomes.map(({ key }) => key))).toEqual(['a']);
  });

  it('puts each truth into the window of its arrival, in order of arrival', async () => {
    const cut = await windows(
      [flight('slow', start, start + 8 * hour), flight('fast', start + 4 * hour, start + 7 * hour)],
      start + 24 * hour,
    );
    const arrivals = cut.filter((window) => window.outcomes.length > 0);
    expect(arrivals.map((window) => [window.index, window.outcomes.map(({ key }) => key)])).toEqual([
      [windowOf(start + 7 * hour), ['fast', 'slow']],
    ]);
    expect(cut.map((window) => window.index)).toEqual(
      cut.map((window) => window.index).toSorted((a, b) => a - b),
    );
  });
});
