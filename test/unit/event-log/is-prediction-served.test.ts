import { describe, expect, it } from 'vitest';
import { PredictionServed } from '../../../src/schemas/events.js';
import { isPredictionServed } from '../../../src/services/event-log/is-prediction-served.js';
import { sampleOfEveryType, samplePredictions, seededRandom } from '../../support/sample-events.js';

const replacements: readonly unknown[] = [
  undefined,
  null,
  0,
  -1,
  1.5,
  2 ** 53,
  Number.NaN,
  '',
  'x',
  'x'.repeat(201),
  true,
  [],
  {},
  { a: 1 },
  [1],
  'durable',
  'buffered',
  'served',
  'imported',
  'PredictionServed',
  1,
  'ab'.repeat(32),
  '01234567-89ab-8cde-8f01-23456789abcd',
  new Date(0),
  5n,
];

/** Every object inside a value, with the value itself. */
function objectsIn(value: unknown): Record<string, unknown>[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  const record = Object.fromEntries(Object.entries(value));
  return [Object.assign(value, record), ...Object.values(value).flatMap(objectsIn)];
}

describe('isPredictionServed', () => {
  it('takes what is served and imported without asking the schema', () => {
    for (const event of samplePredictions(50)) expect(isPredictionServed(event)).toBe(true);
    const [event] = samplePredictions(1);
    if (event === undefined) throw new Error('a sample is needed');
    const { batchRows: _batchRows, latency: _latency, ...data } = event.data;
    const imported = { ...event, data: { ...data, provenance: { kind: 'imported', source: 'a.csv' } } };
    expect(isPredictionServed(imported)).toBe(true);
    expect(PredictionServed.safeParse(imported).success).toBe(true);
  });

  it('says yes only when the schema does, over 40,000 mutated events', () => {
    const random = seededRandom(21);
    const pick = <Item>(list: readonly Item[]): Item | undefined => list[Math.floor(random() * list.length)];
    let yes = 0;
    let no = 0;
    for (let round = 0; round < 40_000; round += 1) {
      const event = structuredClone(
        Object.assign({ correlationId: 'c', traceparent: 't' }, pick(samplePredictions(2, 1 + (round % 50)))),
      );
      if (round % 3 === 0) {
        const digest = '01234567-89ab-8cde-8f01-23456789abcd';
        Object.assign(event.data ?? {}, { idempotencyDigest: digest, bodyDigest: digest });
      }
      const target = pick(objectsIn(event));
      const key = pick([
        ...Object.keys(target ?? {}),
        'extra',
        'violations',
        'keyId',
        'subject',
        '__proto__',
      ]);
      if (target === undefined || key === undefined) continue;
      if (random() < 0.3) Reflect.deleteProperty(target, key);
      else {
        const value = pick(replacements);
        Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
      }
      const bySchema = PredictionServed.safeParse(event).success;
      if (isPredictionServed(event)) {
        yes += 1;
        if (!bySchema) throw new Error(`the schema refuses ${key} in ${JSON.stringify(event)}`);
      } else no += 1;
    }
    expect(yes).toBeGreaterThan(5_000);
    expect(no).toBeGreaterThan(5_000);
  });

  it('leaves every other type to the schema', () => {
    for (const event of sampleOfEveryType().slice(1)) expect(isPredictionServed(event)).toBe(false);
  });

  it('looks again at provenance that can still change', () => {
    const [event] = samplePredictions(1);
    if (event === undefined) throw new Error('a sample is needed');
    const provenance = { kind: 'imported', source: 'a.csv' };
    const changeable = { ...event, data: { ...event.data, provenance } };
    expect(isPredictionServed(changeable)).toBe(true);
    Object.assign(provenance, { source: 5 });
    expect(isPredictionServed(changeable)).toBe(false);
  });
});
