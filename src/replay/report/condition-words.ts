/** A group as one reads it: `origin = JFK`, `distance > 1400`. */
export function conditionWords(condition: { readonly feature: string; readonly value: string }): string {
  const { feature, value } = condition;
  return /^[≤>]| to /.test(value) ? `${feature} ${value}` : `${feature} = ${value}`;
}
