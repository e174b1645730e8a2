import { describe, expect, it } from 'vitest';
import { exactMoments } from '../../../src/stats/exact-moments.js';
import { exactSum } from '../../../src/stats/exact-sum.js';
import { mergeMoments, momentsOf, momentsOfSums } from '../../../src/stats/moments.js';
import { seededRandom } from '../../../src/stats/seeded-random.js';
import { expectClose, fixtures } from './stats-fixtures.js';

function sumOf(values: Iterable<number>): ReturnType<typeof exactSum> {
  const sum = exactSum();
  for (const value of values) sum.add(value);
  return sum;
}

function shuffled(values: readonly number[], seed: number): number[] {
  const random = seededRandom(seed);
  return values
    .map((value) => ({ value, key: random.uniform() }))
    .sort((a, b) => a.key - b.key)
    .map(({ value }) => value);
}

function wild(count: number, seed: number): number[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => random.normal() * 2 ** (random.below(200) - 100));
}

describe('the exact sum', () => {
  it('is the correctly rounded sum, ends of the range and ties included', () => {
    for (const { values, sum } of fixtures.exactSums) {
      expect(sumOf(values).total()).toBe(sum);
      expect(sumOf(values.map((value) => -value)).total()).toBe(sum === 0 ? 0 : -sum);
    }
  });

  it('does not depend on order, sharding or the way over its state', () => {
    const values = wild(3000, 21);
    const whole = sumOf(values);
    for (let seed = 1; seed <= 10; seed += 1) {
      const order = shuffled(values, seed);
      const cut = seed * 250;
      const first = sumOf(order.slice(0, cut));
      const second = exactSum(JSON.parse(JSON.stringify(sumOf(order.slice(cut)).state())));
      first.merge(second.state());
      expect(first.total()).toBe(whole.total());
      expect(first.state()).toEqual(whole.state());
    }
  });

  it('leaves nothing when everything is taken away again', () => {
    const values = wild(500, 22);
    const sum = sumOf([...values, ...shuffled(values, 1).map((value) => -value)]);
    expect(sum.total()).toBe(0);
    expect(sum.state()).toEqual({ sign: 0, offset: 0, chunks: [] });
  });

  it('keeps exact over more additions than a chunk could hold without carries', () => {
    const sum = exactSum();
    const count = 3 * 2 ** 20 + 5;
    for (let index = 0; index < count; index += 1) sum.add(-0.1);
    // 0.1 is 7205759403792794 / 2^56.
    expect(sum.total()).toBe(-Number(BigInt(count) * 7205759403792794n) / 2 ** 56);
  });

  it('overflows to infinity, and only when read', () => {
    const sum = sumOf([1.7e308, 1.7e308]);
    expect(sum.total()).toBe(Infinity);
    sum.add(-1.7e308);
    expect(sum.total()).toBe(1.7e308);
  });

  it('names what it cannot add', () => {
    expect(() => exactSum().add(NaN)).toThrow(/value is NaN/);
    expect(() => exactSum().addAll(Float64Array.of(1, -Infinity))).toThrow(/value is -Infinity/);
    expect(() => exactSum({ sign: 1, offset: 60, chunks: Array.from({ length: 9 }, () => 1) })).toThrow(
      /state.offset is 60/,
    );
    expect(() => exactSum({ sign: 1, offset: 0, chunks: [2 ** 32] })).toThrow(/chunks\[0\] is 4294967296/);
  });
});

describe('moments', () => {
  const sets = fixtures.twoSamples.flatMap(({ reference, moments }) =>
    moments.squaredDeviations === null
      ? []
      : [
          {
            values: Float64Array.from(reference),
            mean: moments.mean,
            squaredDeviations: moments.squaredDeviations,
          },
        ],
  );

  it('agree with high precision, by either way', () => {
    for (const { values, mean, squaredDeviations } of sets) {
      const exact = exactMoments();
      for (const value of values) exact.add(value);
      const size = Math.max(...values.map(Math.abs));
      for (const moments of [momentsOf(values), exact.moments()]) {
        expect(moments.count).toBe(values.length);
        expectClose(moments.mean, mean, { relative: 1e-13, absolute: size * 1e-15 });
        expectClose(moments.squaredDeviations, squaredDeviations, { relative: 1e-12 });
      }
    }
  });

  it('merge to the moments of the whole, in any order', () => {
    for (const { values, mean, squaredDeviations } of sets) {
      const cut = Math.floor(values.length / 3);
      const [first, second] = [momentsOf(values.slice(0, cut)), momentsOf(values.slice(cut))];
      for (const merged of [mergeMoments(first, second), mergeMoments(second, first)]) {
        expect(merged.count).toBe(values.length);
        expectClose(merged.mean, mean, { relative: 1e-12, absolute: 1e-14 });
        expectClose(merged.squaredDeviations, squaredDeviations, { relative: 1e-12 });
      }
    }
  });

  it('are bit-identical in any order and over any shards where exact', () => {
    const values = wild(2000, 31);
    const of = (list: readonly number[]): ReturnType<typeof exactMoments> => {
      const moments = exactMoments();
      for (const value of list) moments.add(value);
      return moments;
    };
    const whole = of(values);
    for (let seed = 1; seed <= 5; seed += 1) {
      const order = shuffled(values, seed);
      const first = of(order.slice(0, 300));
      first.merge(JSON.parse(JSON.stringify(of(order.slice(300)).state())));
      expect(first.moments()).toEqual(whole.moments());
      expect(first.state()).toEqual(whole.state());
      expect(first.sum()).toBe(whole.sum());
    }
  });

  it('keep every digit of a small spread on a large mean where exact', () => {
    const moments = exactMoments();
    for (const value of [1e15, 1e15 + 1, 1e15 + 2]) moments.add(value);
    expect(moments.moments()).toEqual({ count: 3, mean: 1e15 + 1, squaredDeviations: 2 });
    const equal = exactMoments();
    for (let row = 0; row < 10; row += 1) equal.add(0.1);
    expect(equal.moments()).toEqual({ count: 10, mean: 0.1, squaredDeviations: 0 });
  });

  it('can be had from plain sums', () => {
    expect(momentsOfSums({ count: 4, sum: 10, sumOfSquares: 30 })).toEqual({
      count: 4,
      mean: 2.5,
      squaredDeviations: 5,
    });
    expect(momentsOfSums({ count: 0, sum: 0, sumOfSquares: 0 }).count).toBe(0);
    expect(
      momentsOfSums({ count: 3, sum: 0.3, sumOfSquares: 0.03 }).squaredDeviations,
    ).toBeGreaterThanOrEqual(0);
    expect(() => momentsOfSums({ count: 1, sum: NaN, sumOfSquares: 0 })).toThrow(/sum is NaN/);
  });

  it('name the value that is not a number, or too large to square', () => {
    expect(() => momentsOf(Float64Array.of(1, NaN))).toThrow(/values\[1\] is NaN/);
    expect(() => exactMoments().add(NaN)).toThrow(/value is NaN/);
    expect(() => exactMoments().add(1e200)).toThrow(/value is 1e\+200/);
    expect(momentsOf(new Float64Array())).toEqual({ count: 0, mean: 0, squaredDeviations: 0 });
    expect(exactMoments().moments()).toEqual({ count: 0, mean: 0, squaredDeviations: 0 });
  });
});
