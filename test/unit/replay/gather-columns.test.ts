import { describe, expect, it } from 'vitest';
import { columnGatherer } from '../../../src/replay/gather-columns.js';
import { numbersOfBigints } from '../../../src/replay/numbers-of-bigints.js';

const all = (rows: number) => ({ from: 0, until: rows, picked: undefined });

describe('a gathered column', () => {
  it('unites dictionaries and keeps nulls apart from empty text', () => {
    const gatherer = columnGatherer(8);
    gatherer.add(
      { kind: 'dictionary', codes: Uint8Array.of(1, 0, 1), dictionary: ['', 'b'], valid: undefined },
      all(3),
    );
    gatherer.add(
      {
        kind: 'dictionary',
        codes: Uint8Array.of(0, 0, 1),
        dictionary: ['c', 'b'],
        valid: Uint8Array.of(1, 0, 1),
      },
      all(3),
    );
    const column = gatherer.take();
    if (column.kind !== 'dictionary') throw new Error(column.kind);
    expect(
      [...column.codes].map((code, row) => (column.valid?.[row] === 0 ? null : column.dictionary[code])),
    ).toEqual(['b', '', 'b', 'c', null, 'b']);
  });

  it('keeps 32-bit numbers as they are until 64-bit ones come', () => {
    const gatherer = columnGatherer(4);
    gatherer.add({ kind: 'number', values: Float32Array.of(0.1), valid: undefined }, all(1));
    gatherer.add({ kind: 'number', values: Float64Array.of(0.1), valid: undefined }, all(1));
    const column = gatherer.take();
    expect(column).toMatchObject({ kind: 'number', values: Float64Array.of(Math.fround(0.1), 0.1) });
  });

  it('takes the picked rows only, with their validity', () => {
    const gatherer = columnGatherer(4);
    const picked = Int32Array.of(0, 2, 3);
    const column = {
      kind: 'number',
      values: Float64Array.of(1, 2, 3, 4),
      valid: Uint8Array.of(1, 1, 0, 1),
    } as const;
    gatherer.add(column, { from: 1, until: 3, picked });
    expect(gatherer.take()).toEqual({
      kind: 'number',
      values: Float64Array.of(3, 4),
      valid: Uint8Array.of(0, 1),
    });
  });

  it('turns to text when text joins a dictionary', () => {
    const gatherer = columnGatherer(4);
    gatherer.add(
      { kind: 'dictionary', codes: Uint8Array.of(0), dictionary: ['a'], valid: undefined },
      all(1),
    );
    gatherer.add({ kind: 'text', values: ['b'], valid: undefined }, all(1));
    expect(gatherer.take()).toEqual({ kind: 'text', values: ['a', 'b'], valid: undefined });
  });

  it('does not share memory with what it was made from', () => {
    const values = Float64Array.of(1, 2);
    const gatherer = columnGatherer(2);
    gatherer.add({ kind: 'number', values, valid: undefined }, all(2));
    const column = gatherer.take();
    values[0] = 9;
    expect(column).toMatchObject({ values: Float64Array.of(1, 2) });
  });
});

it('reads 64-bit integers as doubles, exactly up to 2^53 on both sides', () => {
  const values = [0n, 1n, -1n, 2n ** 32n, -(2n ** 32n) - 1n, 2n ** 53n, -(2n ** 53n), 1_767_225_600_000_000n];
  expect([...numbersOfBigints(BigInt64Array.from(values))]).toEqual(values.map(Number));
});
