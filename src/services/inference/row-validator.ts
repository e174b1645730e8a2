import type { Violation } from '../../schemas/events.js';
import type { JsonObject, JsonValue } from '../../schemas/json-value.js';
import type { Feature, ModelManifest } from '../../schemas/model-manifest.js';
import { float32Loss } from './float32-loss.js';
import { undeclaredViolation } from './undeclared-fields.js';
import { isWellFormed, shown } from './well-formed.js';

/** `violations` of an accepted row were let through by policy (`warn`); undefined: nothing was wrong. */
export type RowCheck =
  | { readonly kind: 'accepted'; readonly violations: readonly Violation[] | undefined }
  | { readonly kind: 'refused'; readonly violations: readonly Violation[] };

/**
 * Holds rows against the features of a model. Always refused: a wrong type, a lossy cast, a required feature that is
 * absent, a null without a missing value, text that is not well-formed Unicode or nesting deeper than
 * `inputDepthMax`, also in fields that the model does not declare. By the feature's policy: out of range, a new
 * category, missing although training never lacked it. Compiled once a model; allocates nothing for a good row.
 */
export function compileRowValidator(manifest: ModelManifest): (inputs: JsonObject) => RowCheck {
  const checks = manifest.features.map(compileFeature);
  const declared = new Set(manifest.features.map((feature) => feature.name));
  return (inputs) => {
    let violations: Violation[] | undefined;
    let refused = false;
    let present = 0;
    for (const check of checks) {
      const value = check.read(inputs);
      if (value !== undefined) present += 1;
      const violation = value === undefined || value === null ? check.missing(value) : check.value(value);
      if (violation !== undefined) {
        (violations ??= []).push(violation);
        refused ||= check.refuses(violation.kind);
      }
    }
    if (Object.keys(inputs).length > present) {
      const violation = undeclaredViolation(inputs, declared);
      if (violation !== undefined) {
        (violations ??= []).push(violation);
        refused = true;
      }
    }
    if (violations === undefined) return nothingWrong;
    return refused ? { kind: 'refused', violations } : { kind: 'accepted', violations };
  };
}

const nothingWrong: RowCheck = Object.freeze({ kind: 'accepted', violations: undefined });

type ValueCheck = (value: JsonValue) => Violation | undefined;

interface FeatureCheck {
  readonly read: (inputs: JsonObject) => JsonValue | undefined;
  readonly missing: (value: null | undefined) => Violation | undefined;
  readonly value: ValueCheck;
  readonly refuses: (kind: Violation['kind']) => boolean;
}

function compileFeature(feature: Feature): FeatureCheck {
  const { name, policy } = feature;
  return {
    // A row that lacks a field named `constructor` must not be found to have the inherited one.
    read:
      name in Object.prototype
        ? (inputs) => (Object.hasOwn(inputs, name) ? inputs[name] : undefined)
        : (inputs) => inputs[name],
    missing: compileMissing(feature),
    value: compileValue(feature),
    refuses: (kind) => {
      if (kind === 'out-of-range') return policy.outOfRange === 'reject';
      if (kind === 'new-category') return policy.newCategory === 'reject';
      if (kind === 'unexpected-missing') return policy.unexpectedMissing === 'reject';
      return true;
    },
  };
}

function compileMissing(feature: Feature): (value: null | undefined) => Violation | undefined {
  const { name: field, required, missing, missingRate } = feature;
  const expected = expectedType(feature);
  return (value) => {
    if (missing === undefined) {
      const got =
        value === null ? 'got null, and the model has no missing value for it' : 'the field is absent';
      return { field, kind: 'missing', message: `${field}: expected ${expected}, ${got}` };
    }
    if (value === undefined && required) {
      const message = `${field}: expected ${expected} or null, the field is absent`;
      return { field, kind: 'missing', message };
    }
    if (missingRate !== 0) return undefined;
    const message = `${field}: ${value === null ? 'null' : 'the field is absent'}, expected ${expected}: training never lacked it`;
    return { field, kind: 'unexpected-missing', message };
  };
}

function compileValue(feature: Feature): ValueCheck {
  switch (feature.tensorType) {
    case 'string':
      return compileText(feature);
    case 'bool':
      return (value) => (typeof value === 'boolean' ? undefined : wrongType(feature, value));
    case 'float32':
      return compileNumber(feature, (value) => value >= -(2 ** 24) && value <= 2 ** 24, float32Loss);
    case 'float64':
      return compileNumber(feature, undefined, undefined);
    case 'int64':
      return compileNumber(feature, Number.isSafeInteger, (value) =>
        Number.isInteger(value) ? `${value} is beyond 2^53, where JSON numbers are not exact` : undefined,
      );
    case 'int32':
      return compileNumber(
        feature,
        (value) => (value | 0) === value,
        (value) => (Number.isInteger(value) ? `${value} is beyond the range of int32` : undefined),
      );
  }
}

/**
 * `isExact`: quick proof that the cast loses nothing. `loss`: what it loses; undefined: nothing after all for a
 * fraction given to a float, and a wrong type for a fraction given to an integer.
 */
function compileNumber(
  feature: Feature,
  isExact: ((value: number) => boolean) | undefined,
  loss: ((value: number) => string | undefined) | undefined,
): ValueCheck {
  const { name: field } = feature;
  const { min, max } = feature.range ?? { min: Number.NEGATIVE_INFINITY, max: Number.POSITIVE_INFINITY };
  const isInteger = feature.tensorType === 'int64' || feature.tensorType === 'int32';
  return (value) => {
    if (typeof value !== 'number') return wrongType(feature, value);
    if (!Number.isFinite(value)) {
      return { field, kind: 'lossy-cast', message: `${field}: expected a finite number, got ${value}` };
    }
    if (isExact !== undefined && !isExact(value)) {
      const problem = loss?.(value);
      if (problem !== undefined) {
        const message = `${field}: expected a value that ${feature.tensorType} can hold: ${problem}`;
        return { field, kind: 'lossy-cast', message };
      }
      if (isInteger) return wrongType(feature, value);
    }
    if (value >= min && value <= max) return undefined;
    const message = `${field}: ${value} is outside ${min} to ${max}, the range known from data`;
    return { field, kind: 'out-of-range', message };
  };
}

function compileText(feature: Feature): ValueCheck {
  const { name: field } = feature;
  const categories = feature.categories === undefined ? undefined : new Set(feature.categories);
  return (value) => {
    if (typeof value !== 'string') return wrongType(feature, value);
    if (categories?.has(value) === true) return undefined;
    if (!isWellFormed(value)) {
      const message = `${field}: expected well-formed Unicode, got a lone surrogate in ${shown(value)}`;
      return { field, kind: 'not-well-formed', message };
    }
    if (categories === undefined) return undefined;
    const message = `${field}: ${shown(value)} is not one of the ${categories.size} categories known from data`;
    return { field, kind: 'new-category', message };
  };
}

function expectedType({ tensorType }: Feature): string {
  if (tensorType === 'string') return 'a string';
  if (tensorType === 'bool') return 'true or false';
  return tensorType === 'int64' || tensorType === 'int32' ? 'an integer' : 'a number';
}

function wrongType(feature: Feature, value: JsonValue): Violation {
  const { name: field } = feature;
  return {
    field,
    kind: 'wrong-type',
    message: `${field}: expected ${expectedType(feature)}, got ${described(value)}`,
  };
}

function described(value: JsonValue): string {
  if (typeof value === 'string') return `the string ${shown(value)}`;
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : String(value);
}
