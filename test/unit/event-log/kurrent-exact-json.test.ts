import { describe, expect, it } from 'vitest';
import { fromExactJson, toExactJson } from '../../../src/services/event-log/kurrent-log/exact-json.js';

/** Through JSON text, as the client does, and back. */
function roundTrip(value: unknown): unknown {
  const { value: written, marked } = toExactJson(value);
  const read: unknown = JSON.parse(JSON.stringify(written));
  return marked ? fromExactJson(read) : read;
}

function nested(levels: number): unknown {
  return levels === 0 ? 'end' : { inner: nested(levels - 1) };
}

describe('exact values in JSON', () => {
  it.each([
    ['numbers that JSON has no form for', [Number.NaN, Infinity, -Infinity, -0, 0]],
    ['numbers near the edges', [2 ** 53, -(2 ** 53), 1e300, 5e-324, 0.1, 1 / 3, Number.MAX_VALUE]],
    ['64-bit integers', [2n ** 63n, -(2n ** 63n), 2n ** 64n - 1n, 0n, -1n]],
    ['bytes', [Uint8Array.of(0, 1, 255), new Uint8Array(0), Uint8ClampedArray.of(7), Int8Array.of(-1)]],
    ['integer arrays', [Int16Array.of(-300), Uint16Array.of(60_000), Int32Array.of(-7), Uint32Array.of(4e9)]],
    ['float arrays', [Float32Array.of(0.1, Number.NaN, -0), Float64Array.of(0.1, Infinity)]],
    ['64-bit arrays', [BigInt64Array.of(-5n), BigUint64Array.of(2n ** 64n - 1n)]],
    ['part of a buffer', [new Float32Array(Float32Array.of(9, 1, 2).buffer, 4, 2)]],
    ['texts', ['', '\u0000', '😀', '\u2028', 'NaN', '\ufeffa', 'x'.repeat(70_000)]],
    [
      'what looks like a mark',
      [{ $value: 'NaN' }, { $value: 1, other: -0 }, { $value: { $value: 'object' } }],
    ],
    ['mixed kinds', [1, 'one', null, true, [1, [2, -0]], { a: { b: [] } }, 1.5, 7n, []]],
  ])('gives back %s', (_what, values) => {
    for (const value of values)
      expect(roundTrip({ value, list: [value] })).toStrictEqual({ value, list: [value] });
    expect(roundTrip(values)).toStrictEqual(values);
  });

  it('keeps odd keys, their order, and every prototype as it is', () => {
    const value: unknown = JSON.parse(
      '{"__proto__": {"x": 1}, "constructor": 2, "": 3, "toString": null, "a\\u0000b": 4, "\\u2028": 5, "10": 6, "2": 7}',
    );
    for (const marked of [value, { ...Object(value), more: -0 }]) {
      const back = roundTrip(marked);
      expect(back).toStrictEqual(marked);
      expect(Object.keys(Object(back))).toEqual(Object.keys(Object(marked)));
    }
    expect(Reflect.get({}, 'x')).toBeUndefined();
  });

  it('keeps null and absent apart, and takes undefined for absent', () => {
    expect(roundTrip({ a: null, b: undefined, c: { d: undefined, e: null } })).toStrictEqual({
      a: null,
      c: { e: null },
    });
  });

  it('marks only what needs it', () => {
    expect(toExactJson({ a: [1, 'x', null, { b: true }] }).marked).toBe(false);
    expect(toExactJson({ a: [1, { b: -0 }] }).marked).toBe(true);
  });

  it('takes 64 levels, and refuses what would not come back the same', () => {
    expect(roundTrip(nested(64))).toStrictEqual(nested(64));
    const refused: readonly unknown[] = [
      nested(65),
      { text: 'a\ud800b' },
      { 'key \ud83d': 1 },
      { when: new Date(0) },
      { map: new Map() },
      { act: () => 1 },
      { symbol: Symbol('s') },
      { list: [undefined] },
      { list: Object.assign([1], { length: 2 }) },
      { view: new DataView(new ArrayBuffer(2)) },
      { value: 2n ** 64n },
      { value: -(2n ** 63n) - 1n },
    ];
    for (const value of refused) {
      expect(() => toExactJson(value)).toThrow(expect.objectContaining({ code: 'LOG_EVENT_INVALID' }));
    }
  });
});
