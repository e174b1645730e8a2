import type { JsonObject, Scalar } from '../../schemas/json-value.js';
import type { ModelManifest } from '../../schemas/model-manifest.js';
import type { ReferenceValue } from './reference-value.js';

/** Rows for one run of a model: the first as it was recorded, each further one with one feature replaced. */
export interface OneAtATime {
  readonly rows: readonly JsonObject[];
  /** The feature that row `index + 1` has at its reference value. */
  readonly replaced: readonly string[];
}

/** Every feature of the model that has a reference value, in the manifest's order. */
export function oneAtATime(
  inputs: JsonObject,
  manifest: ModelManifest,
  references: ReadonlyMap<string, ReferenceValue>,
): OneAtATime {
  const rows = [inputs];
  const replaced: string[] = [];
  for (const { name } of manifest.features) {
    const reference = references.get(name);
    if (reference === undefined) continue;
    rows.push(withValues(inputs, { [name]: reference.value }));
    replaced.push(name);
  }
  return { rows, replaced };
}

/** The inputs with some of them replaced or added. */
export function withValues(inputs: JsonObject, values: { readonly [feature: string]: Scalar }): JsonObject {
  // fromEntries defines its keys: a field may be called __proto__.
  return Object.fromEntries([...Object.entries(inputs), ...Object.entries(values)]);
}
