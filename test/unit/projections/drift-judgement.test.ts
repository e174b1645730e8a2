import { describe, expect, it } from 'vitest';
import { compareCategories } from '../../../src/projections/drift/category-comparison.js';
import type { DriftField } from '../../../src/projections/drift/drift-report.js';
import { referenceCounts } from '../../../src/projections/drift/field-counts.js';
import { judgeDrift, type ComparedField } from '../../../src/projections/drift/judge-drift.js';
import { compareMissing } from '../../../src/projections/drift/missing-comparison.js';
import { compareNumbers } from '../../../src/projections/drift/number-comparison.js';
import { seededRandom } from '../../../src/stats/seeded-random.js';
import { valueCounts } from '../../../src/stats/value-counts.js';

type Random = ReturnType<typeof seededRandom>;

function sample(random: Random, count: number, draw: (random: Random) => number) {
  return valueCounts('sample', Float64Array.from({ length: count }, () => draw(random)).sort());
}

function field(
  name: string,
  rows: { reference: number; live: number },
  values: ComparedField['values'],
): ComparedField {
  return withMissing(name, rows, { reference: 0, live: 0 }, values);
}

function withMissing(
  name: string,
  rows: { reference: number; live: number },
  missing: { reference: number; live: number },
  values: ComparedField['values'],
): ComparedField {
  return {
    field: name,
    role: 'feature',
    kind: values?.kind ?? 'number',
    referenceRows: rows.reference,
    liveRows: rows.live,
    referenceCount: rows.reference - missing.reference,
    liveCount: rows.live - missing.live,
    values,
    missing:
      compareMissing(
        { missing: missing.reference, rows: rows.reference },
        { missing: missing.live, rows: rows.live },
      ) ?? null,
  };
}

function numbers(options: {
  seed: number;
  reference?: number;
  live?: number;
  draw?: (random: Random) => number;
}): ComparedField {
  const random = seededRandom(options.seed);
  const rows = { reference: options.reference ?? 5_000, live: options.live ?? 5_000 };
  const reference = sample(random, rows.reference, (next) => next.normal());
  const live = sample(random, rows.live, options.draw ?? ((next) => next.normal()));
  return field('x', rows, compareNumbers(reference, live) ?? null);
}

function categories(reference: { [name: string]: number }, live: { [name: string]: number }): ComparedField {
  const total = (counts: { [name: string]: number }) =>
    Object.values(counts).reduce((sum, count) => sum + count, 0);
  return field(
    'c',
    { reference: total(reference), live: total(live) },
    compareCategories(new Map(Object.entries(reference)), new Map(Object.entries(live))) ?? null,
  );
}

function judge(...fields: ComparedField[]): DriftField {
  const [first] = judgeDrift(fields);
  if (first === undefined) throw new Error('nothing was judged');
  return first;
}

describe('the verdict on a number', () => {
  it('finds a shift and says in which direction', () => {
    expect(judge(numbers({ seed: 1, draw: (next) => next.normal() + 0.5 }))).toMatchObject({
      verdict: 'drift',
      causes: ['location'],
      direction: 'higher',
    });
    expect(judge(numbers({ seed: 2, draw: (next) => next.normal() - 0.5 }))).toMatchObject({
      verdict: 'drift',
      direction: 'lower',
    });
  });

  it('raises at most two false alarms in twenty reports of eight fields where nothing changed', () => {
    let alarms = 0;
    for (let repetition = 0; repetition < 20; repetition += 1) {
      const fields = Array.from({ length: 8 }, (_, index) =>
        numbers({ seed: 1_000 + repetition * 8 + index, reference: 2_000, live: 300 }),
      );
      if (judgeDrift(fields).some(({ verdict }) => verdict === 'drift')) alarms += 1;
    }
    expect(alarms).toBeLessThanOrEqual(2);
  });

  it('calls equal distributions equivalent when there is plenty of data, and says so of few rows never', () => {
    expect(judge(numbers({ seed: 3 })).verdict).toBe('equivalent');
    expect(judge(numbers({ seed: 3, live: 60 })).verdict).toBe('not enough data');
    expect(judge(numbers({ seed: 3, reference: 40, live: 40 })).verdict).toBe('not enough data');
  });

  it('does not judge fewer than thirty values, however far away they are', () => {
    expect(judge(numbers({ seed: 4, live: 29, draw: () => 100 })).verdict).toBe('not enough data');
    expect(judge(numbers({ seed: 4, live: 30, draw: () => 100 })).verdict).toBe('drift');
  });

  it('calls a sure effect below the floor equivalent', () => {
    const judged = judge(
      numbers({ seed: 5, reference: 100_000, live: 100_000, draw: (next) => next.normal() + 0.05 }),
    );
    expect(judged.values?.kind === 'number' && judged.values.ks.adjustedP).toBeLessThan(0.05);
    expect(judged.verdict).toBe('equivalent');
  });

  it('sees a spread that changed while the ranks stay level', () => {
    const wide = judge(numbers({ seed: 6, draw: (next) => 2 * next.normal() }));
    expect(wide).toMatchObject({ verdict: 'drift', causes: ['shape'], direction: 'wider' });
    expect(wide.values?.kind === 'number' && Math.abs(wide.values.auc.estimate - 0.5)).toBeLessThan(0.03);
    const narrow = judge(numbers({ seed: 7, draw: (next) => next.normal() / 2 }));
    expect(narrow).toMatchObject({ verdict: 'drift', direction: 'narrower' });
    // Near the floor of D it is not sure, but it is not equivalent either.
    expect(judge(numbers({ seed: 8, draw: (next) => 1.5 * next.normal() })).verdict).toBe('not enough data');
  });

  it('covers the true AUC with about 95 of 100 intervals', () => {
    let covered = 0;
    for (let repetition = 0; repetition < 200; repetition += 1) {
      const { values } = numbers({
        seed: 5_000 + repetition,
        reference: 400,
        live: 150,
        draw: (next) => next.normal() + 0.5,
      });
      // P(N(0.5, 1) > N(0, 1)) = Φ(0.5/√2).
      if (values?.kind === 'number' && values.auc.lower <= 0.638163 && 0.638163 <= values.auc.upper)
        covered += 1;
    }
    expect(covered).toBeGreaterThanOrEqual(182);
    expect(covered).toBeLessThanOrEqual(199);
  });
});

describe('the verdict on a category', () => {
  it('names what grew and what shrank', () => {
    const judged = judge(categories({ UA: 3_000, EV: 3_000, DL: 4_000 }, { UA: 1_600, EV: 600, DL: 1_800 }));
    expect(judged).toMatchObject({ verdict: 'drift', causes: ['shares'], direction: 'more UA, less EV' });
    expect(judged.values).toMatchObject({
      largestChange: { category: 'EV', referenceShare: 0.3, liveShare: 0.15 },
    });
    expect(judged.values?.kind === 'category' && judged.values.totalVariation.estimate).toBeCloseTo(0.15, 12);
  });

  it('finds a new category with its share, even where the shares as a whole moved little', () => {
    const judged = judge(categories({ UA: 5_000, DL: 5_000 }, { UA: 1_900, DL: 1_900, ZZ: 200 }));
    expect(judged).toMatchObject({ verdict: 'drift', causes: ['new categories'] });
    expect(judged.values).toMatchObject({
      newCategories: { categories: 1, named: [{ category: 'ZZ', share: 0.05 }] },
    });
  });

  it('calls equal shares equivalent with plenty of data and not with little', () => {
    expect(judge(categories({ UA: 5_000, DL: 5_000 }, { UA: 5_010, DL: 4_990 })).verdict).toBe('equivalent');
    expect(judge(categories({ UA: 5_000, DL: 5_000 }, { UA: 20, DL: 20 })).verdict).toBe('not enough data');
  });

  it('does not take the scatter of many rare categories for drift', () => {
    let alarms = 0;
    for (let repetition = 0; repetition < 20; repetition += 1) {
      const random = seededRandom(9_000 + repetition);
      const draw = (count: number): Map<string, number> => {
        const counts = new Map<string, number>();
        for (let row = 0; row < count; row += 1) {
          const name = `c${Math.floor(random.uniform() * 80)}`;
          counts.set(name, (counts.get(name) ?? 0) + 1);
        }
        return counts;
      };
      const values = compareCategories(draw(3_000), draw(400)) ?? null;
      // The distance itself is far above its floor here, by chance alone.
      expect(values?.totalVariation.estimate).toBeGreaterThan(0.1);
      expect(values?.totalVariation.lower).toBeLessThan(0.1);
      if (judge(field('c', { reference: 3_000, live: 400 }, values)).verdict === 'drift') alarms += 1;
    }
    expect(alarms).toBeLessThanOrEqual(2);
  });
});

describe('the verdict on missing values', () => {
  const rows = { reference: 5_000, live: 5_000 };
  const equal = numbers({ seed: 10 }).values;

  it('finds a missing rate that rose or fell', () => {
    expect(judge(withMissing('x', rows, { reference: 0, live: 400 }, equal))).toMatchObject({
      verdict: 'drift',
      causes: ['missing'],
    });
    expect(judge(withMissing('x', rows, { reference: 0, live: 400 }, equal)).direction).toContain(
      'more missing',
    );
    expect(judge(withMissing('x', rows, { reference: 400, live: 0 }, equal)).direction).toContain(
      'less missing',
    );
  });

  it('finds a field that came to be missing in every row', () => {
    expect(judge(withMissing('x', rows, { reference: 0, live: 5_000 }, null))).toMatchObject({
      verdict: 'drift',
      causes: ['missing'],
    });
  });

  it('calls nothing equivalent whose missing rate may have passed the floor', () => {
    expect(judge(withMissing('x', rows, { reference: 50, live: 130 }, equal)).verdict).toBe(
      'not enough data',
    );
    expect(judge(withMissing('x', rows, { reference: 50, live: 55 }, equal)).verdict).toBe('equivalent');
  });
});

describe('the reference as the model sees it', () => {
  const profile = {
    kind: 'number',
    missing: 2,
    nonFinite: 3,
    values: [-1, 0.1, Math.fround(0.1)],
    counts: [4, 5, 6],
    binEdges: [],
  } as const;

  it('makes one value of what float32 cannot tell apart, and counts the value given for missing ones as missing', () => {
    const counts = referenceCounts(
      { ...profile, values: [...profile.values], counts: [...profile.counts], binEdges: [] },
      20,
      { tensorType: 'float32', missing: -1 },
    );
    expect(counts).toMatchObject({
      missing: 9,
      counts: { values: Float64Array.of(Math.fround(0.1)), counts: Float64Array.of(11) },
    });
  });
});

it('adjusts the p-values over all tests of all fields', () => {
  const one = numbers({ seed: 11, live: 400, draw: (next) => next.normal() + 0.2 });
  const alone = judge(one);
  const among = judge(one, ...Array.from({ length: 9 }, (_, index) => numbers({ seed: 100 + index })));
  const p = (judged: DriftField) =>
    judged.values?.kind === 'number' ? (judged.values.ks.adjustedP ?? Number.NaN) : Number.NaN;
  expect(p(among)).toBeCloseTo(10 * p(alone), 12);
});
