import { describe, expect, it } from 'vitest';
import { numbersOfBigints } from '../../../src/replay/numbers-of-bigints.js';
import { pickColumn } from '../../../src/replay/pick-columns.js';

describe('picked rows of a column', () => {
  const picked = Int32Array.of(0, 2, 3);

  it('come with their validity', () => {
    const column = {
      kind: 'number',
      values: Float64Array.of(1, 2, 3, 4),
      valid: Uint8Array.of(1, 1, 0, 1),
    } as const;
    expect(pickColumn(column, picked)).toEqual({
      kind: 'number',
      values: Float64Array.of(1, 3, 4),
      valid: Uint8Array.of(1, 0, 1),
    });
  });

  it('keep 32-bit numbers, 64-bit integers and dictionaries what they are', () => {
    const valid = undefined;
    expect(
      pickColumn({ kind: 'number', values: Float32Array.of(0.1, 0.2, 0.3, 0.4), valid }, picked),
    ).toEqual({
      kind: 'number',
      values: Float32Array.of(0.1, 0.3, 0.4),
      valid,
    });
    const values = BigInt64Array.of(1n, 2n, 2n ** 62n, -4n);
    expect(pickColumn({ kind: 'integer', values, valid }, picked)).toEqual({
      kind: 'integer',
      values: BigInt64Array.of(1n, 2n ** 62n, -4n),
      valid,
    });
    const dictionary = ['a', 'b'];
    expect(
      pickColumn({ kind: 'dictionary', codes: Uint8Array.of(0, 0, 1, 0), dictionary, valid }, picked),
    ).toEqual({ kind: 'dictionary', codes: Uint32Array.of(0, 1, 0), dictionary, valid });
    expect(pickColumn({ kind: 'text', values: ['a', 'b', 'c', 'd'], valid }, picked)).toEqual({
      kind: 'text',
      values: ['a', 'c', 'd'],
      valid,
    });
  });

  it('do not share memory with what they were picked from', () => {
    const values = Float64Array.of(1, 2, 3, 4);
    const column = pickColumn({ kind: 'number', values, valid: undefined }, picked);
    values[0] = 9;
    expect(column).toMatchObject({ values: Float64Array.of(1, 3, 4) });
  });
});

it('reads 64-bit integers as doubles, exactly up to 2^53 on both sides', () => {
  const values = [0n, 1n, -1n, 2n ** 32n, -(2n ** 32n) - 1n, 2n ** 53n, -(2n ** 53n), 1_767_225_600_000_000n];
  expect([...numbersOfBigints(BigInt64Array.from(values))]).toEqual(values.map(Number));
});
