/** A group as one reads it: `origin = JFK`, `distance > 1400`. */
export function conditionWords(condition: { readonly feature: string; readonly value: string }): string {
  const { feature, value } = condition;
  return /^[≤>]| to /.test(value) ? `${feature} ${value}` : `${feature} = ${value}`;
}

/** A gate's name with the slice that it is about. */
export function gateWords(gate: {
  readonly name: string;
  readonly slice: { readonly feature: string; readonly value: string } | null;
}): string {
  return gate.slice === null ? gate.name : `${gate.name} where ${conditionWords(gate.slice)}`;
}
