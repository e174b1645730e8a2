import { describe, expect, it } from 'vitest';
import type { PredictionPart } from '../../../src/projections/datasets/dataset-manifest.js';
import { lastDayOf } from '../../../src/projections/datasets/day-spans.js';
import { planCompaction, planSharedMerge } from '../../../src/projections/projector/plan-compaction.js';

let made = 0;
function part(rows: number, day = '2026-01-01', patched = 0, lastDay = day): PredictionPart {
  made += 1;
  return {
    path: `p${made}`,
    day,
    rows,
    bytes: 1,
    width: 1,
    minPosition: made * 1_000,
    maxPosition: made * 1_000 + rows,
    minOccurredAt: Date.parse(day) * 1000,
    maxOccurredAt: Date.parse(lastDay) * 1000 + 1,
    patched,
  };
}

/** The i-th day of a year. */
function day(index: number): string {
  return new Date(Date.UTC(2026, 0, 1 + index)).toISOString().slice(0, 10);
}

/** Runs flushes of one row through the plan; returns the rows written and the largest number of parts. */
function trickle(flushes: number): { written: number; partsMax: number } {
  let parts: PredictionPart[] = [];
  let [written, partsMax] = [0, 0];
  for (let flush = 0; flush < flushes; flush += 1) {
    parts = [...parts, part(1)];
    written += 1;
    for (let plan = planCompaction(parts); plan.length > 0; plan = planCompaction(parts)) {
      for (const group of plan) {
        const rows = group.reduce((sum, member) => sum + member.rows, 0);
        const first = group[0];
        if (first === undefined) throw new Error('an empty group');
        written += rows;
        parts = parts
          .filter((kept) => !group.includes(kept))
          .concat({ ...first, path: `${first.path}m`, rows })
          .toSorted((a, b) => a.minPosition - b.minPosition);
      }
    }
    partsMax = Math.max(partsMax, parts.length);
  }
  return { written, partsMax };
}

describe('the plan of compaction', () => {
  it('leaves alone what is in order', () => {
    expect(planCompaction([])).toEqual([]);
    expect(planCompaction([part(10), part(1_000), part(50, '2026-01-02')].slice(0, 1))).toEqual([]);
    expect(planCompaction([part(5), part(5)])).toEqual([]);
  });

  it('writes each row a logarithmic number of times however slowly a day fills', () => {
    const { written, partsMax } = trickle(5_000);
    expect(written).toBeLessThan(5_000 * (2 + Math.log2(5_000) / 3));
    expect(partsMax).toBeLessThanOrEqual(7 * 5);
  });

  it('makes one part of a past day', () => {
    const parts = [part(100), part(60), part(1, '2026-01-02')];
    expect(planCompaction(parts)).toEqual([parts.slice(0, 2)]);
  });

  it('does not rewrite a large past day for a sliver, and keeps slivers few', () => {
    const large = part(10_000);
    const today = part(1, '2026-01-02');
    const slivers = [part(3), part(3)];
    expect(planCompaction([large, ...slivers, today])).toEqual([]);
    slivers.push(part(3));
    expect(planCompaction([large, ...slivers, today])).toEqual([slivers]);
  });

  it('merges only neighbours, so that parts of a day never overlap in positions', () => {
    const before = part(3);
    const large = part(10_000);
    const after = [part(3), part(3)];
    const today = part(1, '2026-01-02');
    expect(planCompaction([today, large, ...after, before])).toEqual([after]);
  });

  it('joins small days that are over with their neighbours, and no day that is large or still filling', () => {
    const small = Array.from({ length: 8 }, (_, index) => part(10, day(index)));
    const today = part(10, day(20));
    expect(planCompaction([...small, today])).toEqual([small]);
    expect(planCompaction([...small.slice(1), today])).toEqual([]);
    expect(planCompaction([...small.slice(0, 7), part(10, day(20))])).toEqual([]);
    const large = Array.from({ length: 8 }, (_, index) => part(30_000, day(index)));
    expect(planCompaction([...large, today])).toEqual([]);
    const cut = [...small.slice(0, 4), part(1_000_000, day(4)), ...small.slice(5)];
    expect(planCompaction([...cut, today])).toEqual([]);
  });

  it('rewrites days that share a part for much that comes later, and keeps what is little beside it', () => {
    const days = part(8_000, day(0), 0, day(30));
    const today = part(1, day(40));
    const late = [part(10, day(3)), part(20, day(7))];
    expect(planCompaction([days, ...late, today])).toEqual([]);
    expect(planCompaction([days, ...late, part(5, day(7)), today]).map((group) => group.length)).toEqual([4]);
    expect(planCompaction([days, part(1_000, day(3)), today]).map((group) => group.length)).toEqual([2]);
  });

  it('keeps some tens of parts over years of small days, each row rewritten a few times', () => {
    let parts: PredictionPart[] = [];
    let [written, partsMax] = [0, 0];
    for (let index = 0; index < 1_500; index += 1) {
      parts = [...parts, part(900, day(index))];
      for (let plan = planCompaction(parts); plan.length > 0; plan = planCompaction(parts)) {
        const gone = plan.flat();
        const rows = gone.reduce((sum, one) => sum + one.rows, 0);
        written += rows;
        const [first, last] = [gone[0]?.day ?? '', gone.at(-1)?.day ?? ''];
        const end = lastDayOf(gone.at(-1) ?? part(1));
        expect(first <= last).toBe(true);
        parts = [...parts.filter((kept) => !gone.includes(kept)), part(rows, first, 0, end)];
      }
      partsMax = Math.max(partsMax, parts.length);
    }
    expect(partsMax).toBeLessThanOrEqual(32);
    expect(written / (1_500 * 900)).toBeLessThanOrEqual(5);
  });

  it('folds truths when they concern an eighth of a part, or when too many wait', () => {
    const few = part(800, '2026-01-01', 99);
    const many = part(800, '2026-01-02', 100);
    expect(planCompaction([few])).toEqual([]);
    expect(planCompaction([many])).toEqual([[many]]);
    const large = [part(1_000_000, '2026-01-01', 40_000), part(1_000_000, '2026-01-02', 40_000)];
    expect(planCompaction(large)).toEqual(large.map((one) => [one]));
  });

  it('merges eight files of similar size of a shared table', () => {
    const files = Array.from({ length: 7 }, () => part(2));
    expect(planSharedMerge(files)).toEqual([]);
    expect(planSharedMerge([...files, part(500)])).toEqual([]);
    expect(planSharedMerge([...files, part(7)])).toHaveLength(8);
  });
});
