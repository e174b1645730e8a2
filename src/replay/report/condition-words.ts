import { formatValue } from './format-numbers.js';

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

/** Where a gate's values must lie: `below 0`, `within ±0.01`. */
export function limitWords(gate: {
  readonly good: 'below' | 'above' | 'within';
  readonly limit: number;
}): string {
  return `${gate.good} ${gate.good === 'within' ? '±' : ''}${formatValue(gate.limit)}`;
}
