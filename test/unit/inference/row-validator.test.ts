import { describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../../../src/schemas/json-value.js';
import type { Feature, ModelManifest } from '../../../src/schemas/model-manifest.js';
import { compileRowValidator } from '../../../src/services/inference/row-validator.js';

const warn = { outOfRange: 'warn', newCategory: 'warn', unexpectedMissing: 'warn' } as const;
const reject = { outOfRange: 'reject', newCategory: 'reject', unexpectedMissing: 'reject' } as const;

function feature(fields: Partial<Feature> & Pick<Feature, 'name' | 'tensorType'>): Feature {
  return {
    tensor: fields.name,
    required: false,
    missing: fields.tensorType === 'string' ? '' : 'NaN',
    policy: warn,
    ...fields,
  };
}

function checker(...features: Feature[]): (inputs: JsonObject) => unknown {
  const manifest: ModelManifest = {
    name: 'm',
    version: 'v1',
    task: 'regression',
    layout: 'columns',
    features,
    outputs: { value: { output: 'value' } },
    threshold: 0.5,
    slices: [],
  };
  return compileRowValidator(manifest);
}

const refusedFor = (kind: string, message: string | RegExp, field = expect.any(String)): unknown => ({
  kind: 'refused',
  violations: [
    { field, kind, message: typeof message === 'string' ? message : expect.stringMatching(message) },
  ],
});
const warnedOf = (kind: string, message: string): unknown => ({
  kind: 'accepted',
  violations: [{ field: expect.any(String), kind, message }],
});
const accepted = { kind: 'accepted', violations: undefined };

const distance = feature({ name: 'distance', tensorType: 'float32', range: { min: 17, max: 4983 } });
const carrier = feature({ name: 'carrier', tensorType: 'string', categories: ['AA', 'UA'] });

describe('a row', () => {
  it('is accepted without a word, and always as the same object, when nothing is wrong', () => {
    const check = checker(distance, carrier);
    expect(check({ distance: 100.1, carrier: 'AA' })).toEqual(accepted);
    expect(check({ distance: null, carrier: null })).toBe(check({ distance: 17, carrier: 'UA' }));
  });

  it('is refused for a wrong type, whatever the policy', () => {
    const check = checker(distance);
    expect(check({ distance: 'far' })).toEqual(
      refusedFor('wrong-type', 'distance: expected a number, got the string "far"', 'distance'),
    );
    expect(check({ distance: true })).toEqual(
      refusedFor('wrong-type', 'distance: expected a number, got true'),
    );
    expect(check({ distance: [1] })).toEqual(
      refusedFor('wrong-type', 'distance: expected a number, got an array'),
    );
    expect(check({ distance: {} })).toEqual(
      refusedFor('wrong-type', 'distance: expected a number, got an object'),
    );
    expect(checker(carrier)({ carrier: 7 })).toEqual(
      refusedFor('wrong-type', 'carrier: expected a string, got 7'),
    );
    const flag = checker(feature({ name: 'flag', tensorType: 'bool' }));
    expect(flag({ flag: 1 })).toEqual(refusedFor('wrong-type', 'flag: expected true or false, got 1'));
    expect(flag({ flag: false })).toEqual(accepted);
  });

  it.each<[Feature['tensorType'], number, string]>([
    ['float32', 1e300, 'lossy-cast'],
    ['float32', 16_777_217, 'lossy-cast'],
    ['float32', -16_777_217, 'lossy-cast'],
    ['float64', Number.POSITIVE_INFINITY, 'lossy-cast'],
    ['int64', 2 ** 53, 'lossy-cast'],
    ['int64', 1.5, 'wrong-type'],
    ['int32', 2 ** 31, 'lossy-cast'],
    ['int32', 0.5, 'wrong-type'],
  ])('is refused when %s cannot hold %s', (tensorType, x, kind) => {
    expect(checker(feature({ name: 'x', tensorType }))({ x })).toEqual(
      refusedFor(kind, new RegExp(String(x).slice(0, 5).replace('+', '\\+'))),
    );
  });

  it.each<[Feature['tensorType'], number]>([
    ['float32', 0.1],
    ['float32', 16_777_216],
    ['float32', 16_777_218],
    ['float32', 1e30],
    ['float64', 16_777_217],
    ['float64', 1e300],
    ['int64', Number.MAX_SAFE_INTEGER],
    ['int32', -(2 ** 31)],
  ])('is accepted when %s can hold %s', (tensorType, x) => {
    expect(checker(feature({ name: 'x', tensorType }))({ x })).toEqual(accepted);
  });

  it('is refused when a required feature is absent, though null may stand for it', () => {
    const check = checker({ ...distance, required: true });
    expect(check({})).toEqual(
      refusedFor('missing', 'distance: expected a number or null, the field is absent', 'distance'),
    );
    expect(check({ distance: null })).toEqual(accepted);
  });

  it('is refused for null or absence when the model has no missing value, required or not', () => {
    const { missing: _, ...without } = distance;
    const check = checker(without);
    expect(check({ distance: null })).toEqual(
      refusedFor('missing', /got null, and the model has no missing value/),
    );
    expect(check({})).toEqual(refusedFor('missing', /the field is absent/));
  });

  it('is not found to have what every object inherits', () => {
    const check = checker(feature({ name: 'constructor', tensorType: 'string', required: true }));
    expect(check({})).toEqual(refusedFor('missing', /constructor: .* the field is absent/));
    expect(check({ constructor: 'x' } as unknown as JsonObject)).toEqual(accepted);
  });
});

describe('what training did not see', () => {
  it('is let through with a warning by default', () => {
    const check = checker({ ...distance, missingRate: 0 }, carrier);
    const carrierOk = { carrier: 'AA' };
    expect(check({ distance: 99_999, ...carrierOk })).toEqual(
      warnedOf('out-of-range', 'distance: 99999 is outside 17 to 4983, the range known from data'),
    );
    expect(check({ distance: 20, carrier: 'ZZ' })).toEqual(
      warnedOf('new-category', 'carrier: "ZZ" is not one of the 2 categories known from data'),
    );
    expect(check({ distance: null, ...carrierOk })).toEqual(
      warnedOf('unexpected-missing', 'distance: null, expected a number: training never lacked it'),
    );
    expect(check({ ...carrierOk })).toMatchObject({
      kind: 'accepted',
      violations: [{ kind: 'unexpected-missing' }],
    });
  });

  it('is refused when the policy says so, each kind by its own', () => {
    const check = checker({ ...distance, policy: reject, missingRate: 0 }, { ...carrier, policy: reject });
    expect(check({ distance: 1, carrier: 'AA' })).toEqual(refusedFor('out-of-range', /1 is outside/));
    expect(check({ distance: 17, carrier: 'ZZ' })).toEqual(refusedFor('new-category', /"ZZ"/));
    expect(check({ carrier: 'AA' })).toEqual(refusedFor('unexpected-missing', /training never lacked it/));
  });

  it('stands beside what refuses the row', () => {
    expect(checker(distance, carrier)({ distance: 1, carrier: 3 })).toMatchObject({
      kind: 'refused',
      violations: [{ kind: 'out-of-range' }, { kind: 'wrong-type' }],
    });
  });
});

describe('text', () => {
  const { categories: _, ...open } = carrier;

  it('is refused when it is not well-formed', () => {
    const result = checker(open)({ carrier: 'A\ud800B' });
    expect(result).toEqual(
      refusedFor(
        'not-well-formed',
        'carrier: expected well-formed Unicode, got a lone surrogate in "A\\ud800B"',
      ),
    );
    expect(checker(carrier)({ carrier: '\udfff' })).toEqual(refusedFor('not-well-formed', /lone surrogate/));
    expect(checker(open)({ carrier: '😀' })).toEqual(accepted);
  });

  it.each<[string, JsonObject]>([
    ['a value', { note: '\ud800' }],
    ['a value deep inside', { note: [{ a: ['x', '\udc00'] }] }],
    ['the name of a field', { '\ud800': 1 }],
    ['a name deep inside', { note: { '\ud800': 1 } }],
  ])('is refused in fields that the model does not declare: %s', (_where, extra) => {
    const result = checker(distance)({ distance: 20, ...extra });
    expect(result).toEqual(refusedFor('not-well-formed', /lone surrogate/));
    expect(JSON.stringify(result)).not.toMatch(/[^\\]\\ud800/);
  });

  it('is quoted in messages bounded and well-formed, also where a pair would be cut', () => {
    const result = JSON.stringify(checker(carrier)({ carrier: 'x'.repeat(79) + '😀'.repeat(40) }));
    expect(result).not.toMatch(/\\ud83d/i);
    expect(result.length).toBeLessThan(300);
  });
});

describe('fields that the model does not declare', () => {
  const nested = (levels: number): JsonValue => (levels === 0 ? 1 : [nested(levels - 1)]);

  it('may hold anything that can be recorded', () => {
    expect(checker(distance)({ distance: 20, note: { a: [1, null, 'ä', true] }, extra: nested(31) })).toEqual(
      accepted,
    );
  });

  it('are refused when they are nested deeper than 32 levels', () => {
    expect(checker(distance)({ distance: 20, extra: nested(33) })).toEqual(
      refusedFor('wrong-type', '"extra": expected nesting of at most 32 levels, got more', 'extra'),
    );
  });

  it('are looked at even when a declared feature is absent', () => {
    expect(checker(distance, carrier)({ distance: 20, note: '\ud800' })).toEqual(
      refusedFor('not-well-formed', /note/),
    );
  });
});
