import { describe, expect, it } from 'vitest';
import { hashFraction, murmur3 } from '../../../src/stats/hash-fraction.js';
import { seededRandom } from '../../../src/stats/seeded-random.js';
import { fixtures } from './stats-fixtures.js';

describe('the seeded generator', () => {
  it('gives the published words of xoshiro128**', () => {
    const random = seededRandom([1, 2, 3, 4]);
    expect([0, 0, 0, 0].map(() => random.uint32())).toEqual([11520, 0, 5927040, 70819200]);
    for (const { state, words } of fixtures.generator) {
      const from = seededRandom(state);
      expect(words.map(() => from.uint32())).toEqual(words);
    }
  });

  it('gives the same stream for the same seed, another for another, also past 32 bits', () => {
    const stream = (seed: number): number[] => {
      const random = seededRandom(seed);
      return Array.from({ length: 5 }, () => random.uint32());
    };
    expect(stream(42)).toEqual(stream(42));
    expect(new Set([0, 1, 42, 42 + 2 ** 32, 2 ** 53 - 1].map((seed) => stream(seed).join())).size).toBe(5);
    expect(stream(42)).toEqual([2837322924, 544945897, 479756282, 3500138142, 339756180]);
  });

  it('draws uniform, normal and bounded numbers', () => {
    const random = seededRandom(9);
    const count = 20_000;
    const uniforms = Array.from({ length: count }, () => random.uniform());
    const normals = Array.from({ length: count }, () => random.normal());
    const mean = (values: readonly number[]): number =>
      values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(Math.min(...uniforms)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...uniforms)).toBeLessThan(1);
    expect(mean(uniforms)).toBeCloseTo(0.5, 2);
    expect(mean(normals)).toBeCloseTo(0, 1);
    expect(mean(normals.map((value) => value * value))).toBeCloseTo(1, 1);
    const sides = [0, 0, 0];
    for (let draw = 0; draw < 3000; draw += 1) {
      const side = random.below(3);
      sides[side] = (sides[side] ?? 0) + 1;
    }
    for (const side of sides) expect(Math.abs(side - 1000)).toBeLessThan(120);
  });

  it('names the seed or limit that makes no sense', () => {
    expect(() => seededRandom(NaN)).toThrow(/seed is NaN/);
    expect(() => seededRandom(-1)).toThrow(/seed is -1/);
    expect(() => seededRandom([0, 0, 0, 0])).toThrow(/all zero/);
    expect(() => seededRandom(1).below(0)).toThrow(/limit is 0/);
  });
});

describe('the hash fraction', () => {
  it("agrees with scikit-learn's MurmurHash3 for every length of the last block", () => {
    for (const [id, seed, hash] of fixtures.hashes) {
      expect(murmur3(new TextEncoder().encode(id), seed)).toBe(hash);
      expect(hashFraction({ id, seed })).toBe(hash / 2 ** 32);
    }
  });

  it('takes about the share that was asked for, whatever the order', () => {
    const ids = Array.from(
      { length: 20_000 },
      (_, index) => `0190a5c2-7b8e-7c31-9d1f-${index.toString(16).padStart(12, '0')}`,
    );
    const taken = (list: readonly string[]): string[] =>
      list.filter((id) => hashFraction({ id, seed: 7 }) < 0.1);
    expect(taken(ids).length / ids.length).toBeCloseTo(0.1, 1);
    expect(taken(ids.toReversed()).toSorted()).toEqual(taken(ids).toSorted());
    const both = ids.filter(
      (id) => hashFraction({ id, seed: 7 }) < 0.1 && hashFraction({ id, seed: 8 }) < 0.1,
    );
    expect(Math.abs(both.length - 200)).toBeLessThan(60);
  });

  it('names the seed that makes no sense', () => {
    expect(() => hashFraction({ id: 'a', seed: NaN })).toThrow(/seed is NaN/);
    expect(() => hashFraction({ id: 'a', seed: 2 ** 32 })).toThrow(/seed is 4294967296/);
  });
});
