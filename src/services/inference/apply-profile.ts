import type { Feature, ModelManifest } from '../../schemas/model-manifest.js';
import type { FieldProfile, ReferenceProfile } from '../../schemas/reference-profile.js';
import { limits } from '../platform/limits.js';

/**
 * Fills in what `model.yaml` left out from data: range, categories (at most `categoriesMax`) and missing rate of each
 * feature. `ranges`: a profile of more rows than the reference (`--ranges-from`), used where it has the feature.
 */
export function applyProfile(
  manifest: ModelManifest,
  profile: ReferenceProfile,
  ranges?: ReferenceProfile,
): ModelManifest {
  return {
    ...manifest,
    features: manifest.features
      .map((feature) => {
        const source = [ranges, profile].find((candidate) => fieldOf(candidate, feature.name) !== undefined);
        const field = fieldOf(source, feature.name);
        if (source === undefined || field === undefined) return feature;
        return {
          ...feature,
          range: feature.range ?? rangeOf(feature, field),
          categories: feature.categories ?? categoriesOf(feature, field),
          missingRate: feature.missingRate ?? (source.rows === 0 ? undefined : field.missing / source.rows),
        };
      })
      .map(withoutUndefined),
  };
}

function fieldOf(profile: ReferenceProfile | undefined, name: string): FieldProfile | undefined {
  return profile !== undefined && Object.hasOwn(profile.features, name) ? profile.features[name] : undefined;
}

function rangeOf(feature: Feature, field: FieldProfile): Feature['range'] {
  if (feature.tensorType === 'string' || feature.tensorType === 'bool' || field.kind !== 'number')
    return undefined;
  const min = field.values[0];
  const max = field.values.at(-1);
  return min === undefined || max === undefined ? undefined : { min, max };
}

function categoriesOf(feature: Feature, field: FieldProfile): Feature['categories'] {
  if (feature.tensorType !== 'string' || field.kind !== 'category') return undefined;
  return field.values.length === 0 || field.values.length > limits.categoriesMax ? undefined : field.values;
}

/** An absent property and one that is undefined must not be two manifests. */
function withoutUndefined(feature: Feature): Feature {
  const { range, categories, missingRate, ...rest } = feature;
  return {
    ...rest,
    ...(range === undefined ? undefined : { range }),
    ...(categories === undefined ? undefined : { categories }),
    ...(missingRate === undefined ? undefined : { missingRate }),
  };
}
