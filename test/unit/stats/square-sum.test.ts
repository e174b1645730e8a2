import { expect, it } from 'vitest';
import { seededRandom } from '../../../src/stats/seeded-random.js';
import { SquareSum } from '../../../src/stats/square-sum.js';

it('is the sum of squares of whole numbers, rounded once, in whatever order they come', () => {
  const random = seededRandom(53);
  const values = Array.from({ length: 50_000 }, () => Math.round((random.uniform() - 0.5) * 2 ** 26));
  const sumOf = (numbers: readonly number[]): number => {
    const sum = new SquareSum();
    for (const value of numbers) sum.add(value);
    return sum.total;
  };
  const exact = Number(values.reduce((sum, value) => sum + BigInt(value) ** 2n, 0n));
  expect(exact).toBeGreaterThan(2 ** 53);
  expect(sumOf(values)).toBe(exact);
  expect(sumOf(values.toSorted((a, b) => a - b))).toBe(exact);
  // A sum in doubles shows the order.
  const plain = (numbers: readonly number[]) => numbers.reduce((sum, value) => sum + value * value, 0);
  expect(plain(values)).not.toBe(plain(values.toSorted((a, b) => a - b)));
});
