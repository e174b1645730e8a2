import { describe, expect, it } from 'vitest';
import { binCount, binCounts, binOf, frozenBins } from '../../../src/stats/frozen-bins.js';
import { quantileOfCounts, quantileOfSorted } from '../../../src/stats/quantiles.js';
import { valueCounts } from '../../../src/stats/value-counts.js';
import { expectClose, fixtures } from './stats-fixtures.js';

const samples = fixtures.twoSamples.map(({ reference, quantiles }) => ({
  reference: Float64Array.from(reference),
  quantiles,
}));

describe('quantiles', () => {
  it('agree with numpy, from values and from counts', () => {
    for (const { reference, quantiles } of samples) {
      for (const [probability = NaN, expected = NaN] of quantiles) {
        const size = Math.max(...reference.map(Math.abs));
        expectClose(quantileOfSorted(reference, probability), expected, {
          relative: 1e-14,
          absolute: size * 1e-15,
        });
        expect(quantileOfCounts(valueCounts('reference', reference), probability)).toBe(
          quantileOfSorted(reference, probability),
        );
      }
    }
  });

  it('name what makes no sense', () => {
    expect(() => quantileOfSorted(new Float64Array(), 0.5)).toThrow(/sorted is empty/);
    expect(() => quantileOfCounts(valueCounts('a', new Float64Array()), 0.5)).toThrow(/sample is empty/);
    expect(() => quantileOfSorted(Float64Array.of(1), NaN)).toThrow(/probability is NaN/);
  });
});

describe('frozen bins', () => {
  it('hold about equal shares of a smooth reference', () => {
    const reference = Float64Array.from({ length: 1000 }, (_, index) => index / 7);
    const bins = frozenBins({ reference, binsMax: 10 });
    expect(bins.points).toEqual([]);
    expect(bins.edges).toHaveLength(9);
    expect(binCounts(bins, reference)).toEqual(Array.from({ length: 10 }, () => 100));
  });

  it('give a spike its own bin and share the rest among fewer', () => {
    const reference = Float64Array.from({ length: 1000 }, (_, index) => (index < 600 ? 0 : index));
    const bins = frozenBins({ reference, binsMax: 10 });
    expect(bins.points).toEqual([0]);
    expect(binCount(bins)).toBe(5);
    expect(binCounts(bins, reference)).toEqual([100, 100, 100, 100, 600]);
  });

  it('are left-open', () => {
    const bins = { edges: [1, 2], points: [1.5] };
    expect([-Infinity, 1, 1.0001, 1.5, 2, 2.0001, Infinity].map((value) => binOf(bins, value))).toEqual([
      0, 0, 1, 3, 1, 2, 2,
    ]);
  });

  it('have strictly ascending edges, at most as many bins as asked, and lose no observation', () => {
    for (const { reference } of samples) {
      for (const binsMax of [2, 5, 10]) {
        const bins = frozenBins({ reference, binsMax });
        expect(binCount(bins)).toBeLessThanOrEqual(binsMax + 1);
        for (const list of [bins.edges, bins.points]) {
          expect(list).toEqual([...new Set(list)].sort((a, b) => a - b));
        }
        expect(binCounts(bins, reference).reduce((sum, count) => sum + count, 0)).toBe(reference.length);
      }
    }
  });

  it('are the same from counts, and survive JSON', () => {
    for (const { reference } of samples) {
      const bins = frozenBins({ reference, binsMax: 10 });
      expect(frozenBins({ reference: valueCounts('a', reference), binsMax: 10 })).toEqual(bins);
      expect(JSON.parse(JSON.stringify(bins))).toEqual(bins);
    }
  });

  it('of one value have that value and the rest of the line', () => {
    const bins = frozenBins({ reference: Float64Array.of(4, 4, 4), binsMax: 10 });
    expect(bins).toEqual({ edges: [], points: [4] });
    expect(binOf(bins, 4)).toBe(1);
    expect(binOf(bins, 5)).toBe(0);
  });

  it('name what makes no sense', () => {
    expect(() => frozenBins({ reference: new Float64Array(), binsMax: 10 })).toThrow(/reference is empty/);
    expect(() => frozenBins({ reference: Float64Array.of(1), binsMax: 1 })).toThrow(/binsMax is 1/);
    expect(() => frozenBins({ reference: Float64Array.of(NaN), binsMax: 10 })).toThrow(
      /reference\[0\] is NaN/,
    );
    expect(() => binOf({ edges: [], points: [] }, NaN)).toThrow(/value is NaN/);
  });
});
