import { describe, expect, it } from 'vitest';
import type { Column } from '../../../src/schemas/columns.js';
import type { ModelManifest, TensorType } from '../../../src/schemas/model-manifest.js';
import { compileTensors } from '../../../src/services/inference/tensor-columns.js';

const policy = { outOfRange: 'warn', newCategory: 'warn', unexpectedMissing: 'warn' } as const;

function manifest(tensorType: TensorType, count: number, missing?: string | number): ModelManifest {
  return {
    name: 'm',
    version: 'v1',
    task: 'regression',
    layout: count === 1 ? 'columns' : 'matrix',
    features: Array.from({ length: count }, (_, i) => ({
      name: `x${i}`,
      tensor: 'X',
      tensorType,
      required: false,
      policy,
      ...(count === 1 ? undefined : { column: i }),
      ...(missing === undefined ? undefined : { missing }),
    })),
    outputs: { value: { output: 'value' } },
    threshold: 0.5,
    slices: [],
  };
}

const valid = Uint8Array.of(1, 0);
const withNull: { readonly [Type in TensorType]: readonly Column[] } = {
  float32: [
    { kind: 'number', values: Float64Array.of(1, 0), valid },
    { kind: 'number', values: Float32Array.of(1, 0), valid },
    { kind: 'integer', values: BigInt64Array.of(1n, 0n), valid },
  ],
  float64: [{ kind: 'number', values: Float64Array.of(1, 0), valid }],
  int64: [
    { kind: 'number', values: Float64Array.of(1, 0), valid },
    { kind: 'integer', values: BigInt64Array.of(1n, 0n), valid },
  ],
  int32: [{ kind: 'number', values: Float64Array.of(1, 0), valid }],
  bool: [{ kind: 'boolean', values: Uint8Array.of(1, 0), valid }],
  string: [
    { kind: 'text', values: ['a', ''], valid },
    { kind: 'dictionary', codes: Uint8Array.of(0, 0), dictionary: ['a'], valid },
  ],
};

describe.each(Object.keys(withNull) as TensorType[])('a null in a tensor of %s', (tensorType) => {
  it('is refused when the feature has no missing value, and so is an absent column', () => {
    const tensors = compileTensors(manifest(tensorType, 1));
    for (const column of withNull[tensorType]) {
      expect(() => tensors({ rows: 2, columns: { x0: column } })).toThrow(
        /x0 .*, row 1: the value is missing/,
      );
    }
    expect(() => tensors({ rows: 2, columns: {} })).toThrow(/x0 .*the value is missing/);
  });

  it('is the missing value', () => {
    const missing = tensorType === 'string' ? 'none' : 1;
    const tensors = compileTensors(manifest(tensorType, 1, missing));
    for (const column of withNull[tensorType]) {
      const [tensor] = tensors({ rows: 2, columns: { x0: column } });
      const expected = tensorType === 'string' ? 'none' : tensorType === 'int64' ? 1n : 1;
      expect(tensor?.values.data[1]).toBe(expected);
    }
  });
});

describe('a matrix', () => {
  const number = (...values: number[]): Column => ({
    kind: 'number',
    values: Float64Array.from(values),
    valid: undefined,
  });

  it('has the features side by side in each row, by their column', () => {
    const { features, ...rest } = manifest('float32', 2);
    const swapped = { ...rest, features: features.toReversed() };
    for (const each of [{ ...rest, features }, swapped]) {
      const [tensor] = compileTensors(each)({ rows: 2, columns: { x0: number(1, 2), x1: number(3, 4) } });
      expect(tensor).toEqual({
        name: 'X',
        width: 2,
        values: { type: 'float32', data: Float32Array.of(1, 3, 2, 4) },
      });
    }
  });

  it.each<[TensorType, Column, ArrayLike<unknown>]>([
    ['float64', number(1, 2), Float64Array.of(1, 1, 2, 2)],
    ['int64', number(1, 2), BigInt64Array.of(1n, 1n, 2n, 2n)],
    ['int32', number(1, 2), Int32Array.of(1, 1, 2, 2)],
    ['bool', { kind: 'boolean', values: Uint8Array.of(0, 1), valid: undefined }, Uint8Array.of(0, 0, 1, 1)],
    ['string', { kind: 'text', values: ['a', 'b'], valid: undefined }, ['a', 'a', 'b', 'b']],
  ])('may be of %s', (tensorType, column, data) => {
    const [tensor] = compileTensors(manifest(tensorType, 2))({
      rows: 2,
      columns: { x0: column, x1: column },
    });
    expect(tensor?.values).toEqual({ type: tensorType, data });
  });
});

it('uses a float32 column without nulls as it is', () => {
  const values = Float32Array.of(1, 2);
  const [tensor] = compileTensors(manifest('float32', 1))({
    rows: 2,
    columns: { x0: { kind: 'number', values, valid: undefined } },
  });
  expect(tensor?.values.data).toBe(values);
});

it('does not take an inherited property for a column', () => {
  const { features, ...rest } = manifest('float64', 1);
  const named = { ...rest, features: features.map((feature) => ({ ...feature, name: 'constructor' })) };
  expect(() => compileTensors(named)({ rows: 1, columns: {} })).toThrow(/constructor .*the value is missing/);
});
