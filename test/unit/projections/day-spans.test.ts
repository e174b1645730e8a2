import { describe, expect, it } from 'vitest';
import type { PredictionPart } from '../../../src/projections/datasets/dataset-manifest.js';
import { daySpans, isInOrder, planDayParts } from '../../../src/projections/datasets/day-spans.js';

const dayMicros = 86_400_000_000;
const start = Date.UTC(2026, 0, 1) * 1000;

function day(index: number): string {
  return new Date(start / 1000 + index * 86_400_000).toISOString().slice(0, 10);
}

function part(first: number, last: number, minPosition = first): PredictionPart {
  return {
    path: `p${first}-${last}-${minPosition}`,
    day: day(first),
    rows: 1,
    bytes: 1,
    width: 1,
    minPosition,
    maxPosition: minPosition,
    minOccurredAt: start + first * dayMicros,
    maxOccurredAt: start + (last + 1) * dayMicros - 1,
    patched: 0,
  };
}

function days(...rows: readonly number[]): { day: string; rows: number }[] {
  return rows.map((count, index) => ({ day: day(index), rows: count }));
}

describe('parts of several days', () => {
  it('stand in spans that share no day', () => {
    const spans = daySpans([part(4, 6), part(0, 2), part(2, 3), part(5, 5), part(8, 8, 1), part(8, 8)]);
    expect(spans.map(({ firstDay, lastDay, parts }) => [firstDay, lastDay, parts.length])).toEqual([
      [day(0), day(3), 2],
      [day(4), day(6), 2],
      [day(8), day(8), 2],
    ]);
    expect(spans.map(isInOrder)).toEqual([false, false, true]);
  });

  it('hold neighbouring days up to a limit, and never the newest', () => {
    expect(planDayParts(days(10, 10, 10, 10), [])).toEqual([[day(0), day(1), day(2)], [day(3)]]);
    expect(planDayParts(days(100_000, 20_000, 10_000, 500_000, 10, 10), [])).toEqual([
      [day(0), day(1)],
      [day(2)],
      [day(3)],
      [day(4)],
      [day(5)],
    ]);
    expect(planDayParts(days(10, 10), [part(30, 30)])).toEqual([[day(0), day(1)]]);
  });

  it('never reach over the days of a part that stays', () => {
    const staying = [part(2, 4), part(6, 6), part(20, 20)];
    expect(planDayParts(days(1, 1, 1, 1, 1, 1, 1, 1, 1), staying)).toEqual([
      [day(0), day(1)],
      [day(2), day(3), day(4)],
      [day(5)],
      [day(6)],
      [day(7), day(8)],
    ]);
  });

  it('are nothing for nothing', () => {
    expect(planDayParts([], [part(0, 0)])).toEqual([]);
    expect(daySpans([])).toEqual([]);
  });
});
