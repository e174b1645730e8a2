import type { Violation } from '../../schemas/events.js';
import type { JsonObject, JsonValue } from '../../schemas/json-value.js';
import { limits } from '../platform/limits.js';
import { isWellFormed, shown } from './well-formed.js';

/**
 * What makes the fields that a model does not declare impossible to record as they are: a lone surrogate in a name or
 * a text, at any depth, or nesting deeper than `inputDepthMax`. The first one found; undefined when all can be kept.
 */
export function undeclaredViolation(
  inputs: JsonObject,
  declared: ReadonlySet<string>,
): Violation | undefined {
  for (const name in inputs) {
    if (declared.has(name)) continue;
    const problem = isWellFormed(name)
      ? problemOf(inputs[name] ?? null, 1)
      : 'the name of the field holds a lone surrogate';
    if (problem === undefined) continue;
    const kind = problem === tooDeep ? 'wrong-type' : 'not-well-formed';
    const field = isWellFormed(name) && name.length <= fieldNameMax ? name : shown(name);
    return { field, kind, message: `${shown(name)}: ${problem}` };
  }
  return undefined;
}

/** A longer name is shortened where it is reported; it is recorded whole. */
const fieldNameMax = 200;

const tooDeep = `expected nesting of at most ${limits.inputDepthMax} levels, got more`;

function problemOf(value: JsonValue, depth: number): string | undefined {
  if (typeof value === 'string') {
    return isWellFormed(value)
      ? undefined
      : `expected well-formed Unicode, got a lone surrogate in ${shown(value)}`;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  if (depth >= limits.inputDepthMax) return tooDeep;
  if (isArray(value)) {
    for (const item of value) {
      const problem = problemOf(item, depth + 1);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }
  for (const [name, item] of Object.entries(value)) {
    if (!isWellFormed(name))
      return `expected well-formed Unicode, got a lone surrogate in the name ${shown(name)}`;
    const problem = problemOf(item, depth + 1);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** `Array.isArray` does not narrow a readonly array out of a union. */
function isArray(value: JsonObject | readonly JsonValue[]): value is readonly JsonValue[] {
  return Array.isArray(value);
}
