import { describe, expect, it } from 'vitest';
import type { PredictionPart } from '../../../src/projections/datasets/dataset-manifest.js';
import { planCompaction, planSharedMerge } from '../../../src/projections/projector/plan-compaction.js';

let made = 0;
function part(rows: number, day = '2026-01-01', patched = 0): PredictionPart {
  made += 1;
  return {
    path: `p${made}`,
    day,
    rows,
    bytes: 1,
    width: 1,
    minPosition: made * 1_000,
    maxPosition: made * 1_000 + rows,
    minOccurredAt: 0,
    maxOccurredAt: 0,
    patched,
  };
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
