import type { Scalar } from '../../schemas/json-value.js';
import type { Feature, ModelManifest } from '../../schemas/model-manifest.js';

/**
 * What a replay gave its candidate in every row, read back from the `feature = value` of its settings by the features'
 * types. What names no feature of the manifest is left out.
 */
export function givenValues(
  given: readonly string[],
  { features }: ModelManifest,
): { readonly [feature: string]: Scalar } {
  return Object.fromEntries(
    given.flatMap((setting): [string, Scalar][] => {
      const feature = features.find(({ name }) => setting.startsWith(`${name} = `));
      return feature === undefined
        ? []
        : [[feature.name, valueOf(setting.slice(feature.name.length + 3), feature)]];
    }),
  );
}

/** `--set` takes the text null for no value, whatever the feature's type. */
function valueOf(text: string, { tensorType }: Feature): Scalar {
  if (text === 'null') return null;
  if (tensorType === 'string') return text;
  if (tensorType === 'bool') return text === 'true';
  return Number(text);
}
