import type { Scalar } from '../../schemas/json-value.js';
import type { Feature } from '../../schemas/model-manifest.js';
import type { FieldProfile } from '../../schemas/reference-profile.js';

/** What a feature is in a typical row of training. */
export interface ReferenceValue {
  readonly value: Scalar;
  readonly is: 'median' | 'most frequent' | 'missing';
}

/**
 * Numbers: the median, of an even number of values the lower of the middle two, so that it is a value that training had. Texts and
 * booleans: the most frequent, of equals the first by name. Missing (null) when most rows of training had no value and
 * the model takes that. Undefined: no profile tells.
 */
export function referenceValue(
  feature: Feature,
  profile: FieldProfile | undefined,
): ReferenceValue | undefined {
  if (profile === undefined) return undefined;
  const present = profile.counts.reduce((sum, count) => sum + count, 0);
  const absent = profile.missing + (profile.kind === 'number' ? profile.nonFinite : 0);
  if (absent > present && feature.missing !== undefined) return { value: null, is: 'missing' };
  if (profile.kind === 'number') {
    const value = lowerMedian(profile, present);
    return value === undefined ? undefined : { value, is: 'median' };
  }
  const value = mostFrequent(profile);
  if (value === undefined) return undefined;
  return { value: feature.tensorType === 'bool' ? value === 'true' : value, is: 'most frequent' };
}

function lowerMedian(
  { values, counts }: FieldProfile & { readonly kind: 'number' },
  present: number,
): number | undefined {
  let seen = 0;
  return values.find((_, index) => {
    seen += counts[index] ?? 0;
    return 2 * seen >= present;
  });
}

/** Values stand by name, so the first of equals is kept. */
function mostFrequent({ values, counts }: FieldProfile & { readonly kind: 'category' }): string | undefined {
  let best = 0;
  for (const [index, count] of counts.entries()) if (count > (counts[best] ?? 0)) best = index;
  return values[best];
}
