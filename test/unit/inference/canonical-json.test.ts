import { expect, it } from 'vitest';
import { canonicalJson } from '../../../src/services/inference/canonical-json.js';

it('gives one text for equal values, whatever the order of their keys', () => {
  expect(canonicalJson({ b: [{ d: 1, c: 2 }], a: 'x' })).toBe('{"a":"x","b":[{"c":2,"d":1}]}');
  expect(canonicalJson({ a: 'x', b: [{ c: 2, d: 1 }] })).toBe('{"a":"x","b":[{"c":2,"d":1}]}');
});

it('keeps the order of arrays, which means something', () => {
  expect(canonicalJson([2, 1])).toBe('[2,1]');
});
