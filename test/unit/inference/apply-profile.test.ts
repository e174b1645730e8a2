import { describe, expect, it } from 'vitest';
import type { FieldProfile, ReferenceProfile } from '../../../src/schemas/reference-profile.js';
import { applyProfile } from '../../../src/services/inference/apply-profile.js';
import { limits } from '../../../src/services/platform/limits.js';
import { testManifest } from '../../support/onnx-models/load-model.js';

const number = (values: number[], missing = 0): FieldProfile => ({
  kind: 'number',
  missing,
  nonFinite: 0,
  values,
  counts: values.map(() => 1),
  binEdges: [],
});
const category = (values: string[], missing = 0): FieldProfile => ({
  kind: 'category',
  missing,
  values,
  counts: values.map(() => 1),
});
const profile = (features: ReferenceProfile['features'], rows = 10): ReferenceProfile => ({
  schemaVersion: 1,
  rows,
  features,
  outputs: {},
});

const manifest = await testManifest('columns');
const featureOf = (from: typeof manifest, name: string) =>
  from.features.find((feature) => feature.name === name);

describe('a profile', () => {
  const filled = applyProfile(
    manifest,
    profile({
      carrier: category(['AA', 'UA'], 2),
      distance: number([17, 100, 4983], 5),
      holiday: category(['false', 'true']),
    }),
  );

  it('gives range, categories and missing rate where model.yaml says nothing', () => {
    expect(featureOf(filled, 'carrier')).toMatchObject({ categories: ['AA', 'UA'], missingRate: 0.2 });
    expect(featureOf(filled, 'distance')).toMatchObject({ range: { min: 17, max: 4983 }, missingRate: 0.5 });
    expect(featureOf(filled, 'distance')).not.toHaveProperty('categories');
    expect(featureOf(filled, 'holiday')).toMatchObject({ missingRate: 0 });
    expect(featureOf(filled, 'holiday')).not.toHaveProperty('categories');
  });

  it('leaves a feature that it does not have as it was', () => {
    expect(featureOf(filled, 'hour')).toEqual(featureOf(manifest, 'hour'));
  });

  it('gives way to what model.yaml says', () => {
    const own = {
      ...manifest,
      features: manifest.features.map((feature) =>
        feature.name === 'distance' ? { ...feature, range: { min: 0, max: 1 } } : feature,
      ),
    };
    const range = featureOf(applyProfile(own, profile({ distance: number([5, 6]) })), 'distance')?.range;
    expect(range).toEqual({ min: 0, max: 1 });
  });

  it('of more rows is preferred, and the reference stands in for what it lacks', () => {
    const both = applyProfile(
      manifest,
      profile({ distance: number([5, 6]), carrier: category(['AA']) }),
      profile({ distance: number([1, 9], 25) }, 100),
    );
    expect(featureOf(both, 'distance')).toMatchObject({ range: { min: 1, max: 9 }, missingRate: 0.25 });
    expect(featureOf(both, 'carrier')).toMatchObject({ categories: ['AA'] });
  });

  it('gives no categories when there are too many to list', () => {
    const many = Array.from({ length: limits.categoriesMax + 1 }, (_, i) => `c${i}`);
    expect(
      featureOf(applyProfile(manifest, profile({ carrier: category(many) })), 'carrier'),
    ).not.toHaveProperty('categories');
  });
});
