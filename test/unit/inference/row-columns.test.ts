import { expect, it } from 'vitest';
import type { JsonObject } from '../../../src/schemas/json-value.js';
import { rowsToColumns } from '../../../src/services/inference/row-columns.js';
import { testManifest } from '../../support/onnx-models/load-model.js';

const manifest = await testManifest('columns');

it('makes a column of each declared feature, with null and absence alike', () => {
  const batch = rowsToColumns(manifest, [
    { carrier: 'AA', distance: 1.5, hour: 3, holiday: true, note: 'not declared' },
    { carrier: null, distance: null, hour: 4 },
  ]);
  expect(batch).toEqual({
    rows: 2,
    columns: {
      carrier: { kind: 'text', values: ['AA', ''], valid: Uint8Array.of(1, 0) },
      distance: { kind: 'number', values: Float64Array.of(1.5, 0), valid: Uint8Array.of(1, 0) },
      hour: { kind: 'number', values: Float64Array.of(3, 4), valid: undefined },
      holiday: { kind: 'boolean', values: Uint8Array.of(1, 0), valid: Uint8Array.of(1, 0) },
    },
  });
});

it.each<[string, JsonObject]>([
  ['distance', { distance: '1' }],
  ['carrier', { carrier: 1 }],
  ['holiday', { holiday: 1 }],
  ['hour', { hour: [1] }],
])('refuses another type in %s', (field, row) => {
  expect(() => rowsToColumns(manifest, [row])).toThrow(
    expect.objectContaining({
      code: 'INFERENCE_FAILED',
      message: expect.stringContaining(`feature ${field}`),
    }),
  );
});

it('takes names that objects have of themselves for what they are', () => {
  const [feature] = manifest.features;
  if (feature === undefined) throw new Error('expected a feature');
  const odd = { ...manifest, features: ['constructor', '__proto__'].map((name) => ({ ...feature, name })) };
  const { columns } = rowsToColumns(odd, [JSON.parse('{"__proto__": "p"}') as JsonObject, {}]);
  expect(Object.getOwnPropertyDescriptor(columns, '__proto__')?.value).toEqual({
    kind: 'text',
    values: ['p', ''],
    valid: Uint8Array.of(1, 0),
  });
  expect(columns['constructor']).toEqual({ kind: 'text', values: ['', ''], valid: Uint8Array.of(0, 0) });
});
