import { expect, it } from 'vitest';
import { contractCounter, joinContracts } from '../../../src/replay/contract-counts.js';
import { inputViolations } from '../../../src/replay/report/input-violations.js';
import type { ModelManifest } from '../../../src/schemas/model-manifest.js';
import { formulaManifest } from '../../support/formula-model.js';

const policy = { outOfRange: 'warn', newCategory: 'reject', unexpectedMissing: 'warn' } as const;
const base: ModelManifest = formulaManifest('v1');
const manifest: ModelManifest = {
  ...base,
  features: [
    {
      name: 'x',
      tensor: 'x',
      tensorType: 'float32',
      required: true,
      missing: 'NaN',
      missingRate: 0,
      range: { min: 0, max: 10 },
      policy,
    },
    {
      name: 'c',
      tensor: 'c',
      tensorType: 'string',
      required: true,
      missing: '',
      categories: ['a', 'b'],
      policy,
    },
    {
      name: 'sparse',
      tensor: 'sparse',
      tensorType: 'float32',
      required: false,
      missing: 'NaN',
      missingRate: 0.4,
      policy,
    },
  ],
};

it('counts the rows whose inputs a contract objects to, as serving would, part by part', () => {
  const batches = [
    {
      rows: 4,
      columns: {
        x: {
          kind: 'number',
          values: Float64Array.of(-1, 10, 99, Number.NaN),
          valid: Uint8Array.of(1, 1, 0, 1),
        },
        c: {
          kind: 'dictionary',
          codes: Uint8Array.of(0, 1, 1, 2),
          dictionary: ['a', 'z', 'b'],
          valid: undefined,
        },
        sparse: { kind: 'number', values: new Float64Array(4), valid: new Uint8Array(4) },
      },
    },
    {
      rows: 1,
      columns: {
        x: { kind: 'integer', values: BigInt64Array.of(11n), valid: undefined },
        c: { kind: 'text', values: ['y'], valid: undefined },
      },
    },
  ] as const;
  const counters = batches.map((batch) => {
    const counter = contractCounter(manifest);
    counter.add(batch);
    return counter.counts();
  });
  const [first, second] = counters;
  if (first === undefined || second === undefined) throw new Error('two are expected');
  // A feature that is often missing in training may be missing.
  expect(inputViolations(manifest, joinContracts(first, second))).toEqual([
    { feature: 'c', kind: 'new-category', rows: 3, share: 3 / 5, isRefused: true },
    { feature: 'x', kind: 'out-of-range', rows: 2, share: 2 / 5, isRefused: false },
    { feature: 'x', kind: 'unexpected-missing', rows: 1, share: 1 / 5, isRefused: false },
  ]);
});
