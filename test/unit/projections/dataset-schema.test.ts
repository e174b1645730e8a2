import { describe, expect, it } from 'vitest';
import {
  emptySchema,
  fits,
  withOutput,
  withVersion,
} from '../../../src/projections/datasets/dataset-schema.js';
import { truthNumber } from '../../../src/projections/datasets/row-writers.js';
import { manifestOf } from '../../support/projection-events.js';

describe('a dataset’s schema', () => {
  it('only ever grows at its end, and does not change when nothing is new', () => {
    const first = withVersion(emptySchema, manifestOf({ x: 'float32', n: 'int32' }));
    const second = withVersion(first, manifestOf({ n: 'int64', y: 'bool', x: 'float64' }, { version: 'v2' }));
    expect(second.columns.slice(0, first.columns.length)).toEqual(first.columns);
    expect(second.columns.slice(first.columns.length).map((column) => column.column)).toEqual(['in_y']);
    expect(withOutput(second, 'score', 0.5)).toBe(second);
    expect(withOutput(second, 'label', 1)).toBe(second);
  });

  it('never gives a name that SQL would take for another', () => {
    let schema = withVersion(emptySchema, manifestOf({ a: 'float32', A: 'float32', a_2: 'string' }));
    schema = withVersion(schema, manifestOf({ a: 'string' }, { version: 'v2' }));
    const names = schema.columns.map((column) => column.column.toLowerCase());
    expect(new Set(names).size).toBe(names.length);
    expect(schema.preferred.input).toEqual({ a: 'in_a_3', A: 'in_A_2', a_2: 'in_a_2_2' });
  });

  it('takes fields with the names of Object’s own members', () => {
    const schema = withVersion(
      emptySchema,
      manifestOf(Object.fromEntries([['constructor', 'float32' as const]])),
    );
    expect(schema.columns.map((column) => column.column)).toContain('in_constructor');
    expect(withOutput(schema, 'toString', 1).columns.at(-1)).toMatchObject({
      column: 'out_toString',
      type: 'DOUBLE',
    });
  });

  it('stops making columns for outputs at its limit', () => {
    let schema = emptySchema;
    for (let index = 0; index < 300; index += 1) schema = withOutput(schema, `o${index}`, 1);
    expect(schema.columns).toHaveLength(256);
  });

  it('knows which values a column takes', () => {
    expect(fits('BIGINT', '9223372036854775807')).toBe(true);
    expect(fits('BIGINT', '9223372036854775808')).toBe(false);
    expect(fits('BIGINT', '-9223372036854775808')).toBe(true);
    expect(fits('BIGINT', 1.5)).toBe(false);
    expect(fits('BIGINT', 2 ** 53)).toBe(false);
    expect(fits('DOUBLE', '1')).toBe(false);
    expect(fits('DOUBLE', 'NaN')).toBe(true);
    expect(fits('BOOLEAN', 1)).toBe(false);
    expect(fits('VARCHAR', 1)).toBe(false);
  });

  it('tells what a truth is as a number', () => {
    const plain = withVersion(emptySchema, manifestOf({ x: 'float32' }));
    const two = withVersion(emptySchema, manifestOf({ x: 'float32' }, { classes: [1, 2], positiveClass: 2 }));
    expect([true, false, 1, 0, '1', '', 'late', null].map((truth) => truthNumber(truth, plain))).toEqual([
      1,
      0,
      1,
      0,
      1,
      undefined,
      undefined,
      undefined,
    ]);
    expect([2, 1, '2', true].map((truth) => truthNumber(truth, two))).toEqual([1, 0, 1, 1]);
  });
});
