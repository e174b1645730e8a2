import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import { NewEvent, type PredictionServed, type StoredEvent } from '../../../src/schemas/events.js';
import { MalformedPayload } from '../../../src/services/event-log/codec/packed.js';
import { upcast } from '../../../src/services/event-log/codec/upcast.js';
import { decodeEvents, encodeEvents } from '../../../src/services/event-log/event-codec.js';
import { sampleOfEveryType, samplePredictions, seededRandom } from '../../support/sample-events.js';

const context = { firstPosition: 100, recordedAt: 1_800_000_000_000_000 };

function roundTrip(events: readonly NewEvent[]): StoredEvent[] {
  // A copy, as a reader in another process has it.
  return decodeEvents(Buffer.from(encodeEvents(events)), context);
}

/** Events whose inputs hold whatever the test needs, also what the types forbid. */
function withInputs(...inputs: readonly unknown[]): PredictionServed[] {
  return samplePredictions(inputs.length, 3).map((event, index) =>
    Object.assign(event, { sensitive: { inputs: inputs[index] } }),
  );
}

function inputsOf(events: readonly StoredEvent[]): unknown[] {
  return events.map((event) => event.sensitive?.inputs);
}

describe('event codec', () => {
  it('gives every type of event back, with position and recordedAt', () => {
    const events = [...sampleOfEveryType(), ...samplePredictions(70)];
    expect(roundTrip(events)).toStrictEqual(
      events.map((event, index) => ({ ...event, position: 100 + index, recordedAt: context.recordedAt })),
    );
  });

  const numbers: readonly (readonly [string, readonly number[]])[] = [
    ['not-a-number', [Number.NaN, Number.NaN]],
    ['infinities', [Infinity, -Infinity, 0]],
    ['negative zero among integers', [0, -0, 1]],
    ['negative zero alone', [-0, -0]],
    ['negative zero among decimals', [-0, 0.5, 0.1]],
    ['integers to 2^53', [2 ** 53, -(2 ** 53), 2 ** 53 - 1, 0]],
    ['integers of every width', [-5, 250, 0, 255]],
    ['integers of two bytes', [-40_000, 20_000, 0]],
    ['integers of four bytes', [0, 2 ** 32 - 1, 2 ** 31]],
    ['integers too far apart', [0, 2 ** 32, 5]],
    ['times in microseconds', [1_767_225_600_000_000, 1_767_225_600_012_345]],
    ['huge', [1e300, -1e300, 5e-324, Number.MAX_VALUE]],
    ['decimals', [0.1, 12.34, 99.999, -3.5]],
    ['decimals that rounding hurts', [1.005, 2.675, 4_503_599_627_370_495.5, 0.3]],
    ['singles', [Math.fround(0.1), Math.fround(1 / 3), Number.NaN]],
    ['doubles', [Math.PI, 1 / 3, -Math.E]],
  ];
  for (const [name, values] of numbers) {
    it(`gives numbers back bit for bit: ${name}`, () => {
      const stored = inputsOf(roundTrip(withInputs(...values.map((value) => ({ value })))));
      expect(stored).toStrictEqual(values.map((value) => ({ value })));
      const [alone] = inputsOf(roundTrip(withInputs({ value: values[0], list: values })));
      expect(alone).toStrictEqual({ value: values[0], list: values });
    });
  }

  it('gives 200,000 seeded numbers back bit for bit', () => {
    const random = seededRandom(11);
    const view = new DataView(new ArrayBuffer(8));
    const make = [
      () => Math.round(random() * 1e6) / 100,
      () => Math.fround(random()),
      () => random() * 10 ** Math.floor(random() * 40 - 20),
      () => Math.floor(random() * 2 ** 33),
      () => {
        view.setUint32(0, random() * 2 ** 32);
        view.setUint32(4, random() * 2 ** 32);
        return view.getFloat64(0);
      },
    ];
    const base = samplePredictions(2_000);
    for (let round = 0; round < 100; round += 1) {
      const kind = make[round % make.length] ?? random;
      const values = base.map(kind);
      const events = base.map((event, index) => ({
        ...event,
        sensitive: { inputs: { value: values[index] ?? 0 } },
      }));
      decodeEvents(encodeEvents(events), context).forEach((event, index) => {
        const found = event.sensitive?.inputs?.['value'];
        if (!Object.is(found, values[index]))
          throw new Error(`${values[index]} came back as ${JSON.stringify(found)}`);
      });
    }
  });

  it('gives 64-bit integers back and refuses larger ones', () => {
    const values = [2n ** 63n, -(2n ** 63n), 2n ** 64n - 1n, 0n, -1n];
    expect(inputsOf(roundTrip(withInputs(...values.map((value) => ({ value })))))).toStrictEqual(
      values.map((value) => ({ value })),
    );
    for (const value of [2n ** 64n, -(2n ** 63n) - 1n]) {
      expect(() => encodeEvents(withInputs({ value }))).toThrow(/cannot be stored.*64 bits/);
    }
  });

  it('gives bytes and every typed array back as what it was', () => {
    const values = [
      Uint8Array.of(1, 2, 255),
      Int8Array.of(-1),
      Uint8ClampedArray.of(7),
      Int16Array.of(-300, 300),
      Uint16Array.of(60_000),
      Int32Array.of(-70_000),
      Uint32Array.of(4e9),
      Float32Array.of(0.5, Number.NaN, -0),
      Float64Array.of(0.1, Infinity),
      BigInt64Array.of(-5n),
      BigUint64Array.of(2n ** 64n - 1n),
      new Uint8Array(0),
      new Float32Array(Float32Array.of(9, 1, 2).buffer, 4, 2),
    ];
    const stored = inputsOf(roundTrip(withInputs(...values.map((value) => ({ value })))));
    expect(stored).toStrictEqual(values.map((value) => ({ value })));
  });

  it('refuses what would not come back the same', () => {
    const refused: readonly unknown[] = [
      { text: 'a\ud800b' },
      { text: '\udc00' },
      { 'key \ud83d': 1 },
      { list: ['\ud800'] },
      { when: new Date(0) },
      { map: new Map() },
      { act: () => 1 },
      { symbol: Symbol('s') },
      { list: [undefined] },
      { view: new DataView(new ArrayBuffer(2)) },
      { deep: nested(65) },
    ];
    for (const inputs of refused) {
      expect(() => encodeEvents(withInputs(inputs)), String(Object.keys(inputs ?? {}))).toThrow(
        expect.objectContaining({ code: 'LOG_EVENT_INVALID' }),
      );
    }
  });

  it('gives texts back, also pairs of surrogates, long ones and empty ones', () => {
    const values = ['', '\u0000', 'é', '😀', '日本', 'x'.repeat(70_000), '\u2028', 'NaN', '\ufeffa'];
    expect(inputsOf(roundTrip(withInputs(...values.map((value) => ({ value })))))).toStrictEqual(
      values.map((value) => ({ value })),
    );
  });

  it('gives UUIDs back, and what only looks like one', () => {
    const values = [
      '0198f3a2-7b1c-7def-8a90-1234567890ab',
      'ffffffff-ffff-ffff-ffff-ffffffffffff',
      '00000000-0000-0000-0000-000000000000',
    ];
    const lookalikes = [
      '0198F3A2-7b1c-7def-8a90-1234567890ab',
      '0198f3a2-7b1c-7def-8a90-1234567890ag',
      '0198f3a2-7b1c-7def-8a90-1234567890a\u0661',
      '0198f3a27b1c-7def-8a90-1234567890ab--',
    ];
    for (const list of [
      values,
      lookalikes,
      [...values, ...lookalikes],
      values.slice(0, 1),
      lookalikes.slice(0, 1),
    ]) {
      const stored = inputsOf(roundTrip(withInputs(...list.map((value) => ({ value })))));
      expect(stored).toStrictEqual(list.map((value) => ({ value })));
    }
    const many = Array.from({ length: 100 }, (_, index) => ({
      value: `${values[0]?.slice(0, 34)}${10 + (index % 80)}`,
    }));
    expect(inputsOf(roundTrip(withInputs(...many)))).toStrictEqual(many);
  });

  it('keeps odd keys and their order', () => {
    const inputs: readonly unknown[] = [
      JSON.parse('{"__proto__": 1, "constructor": 2, "": 3, "toString": null, "hasOwnProperty": 5}'),
      JSON.parse('{"10": 1, "2": 2, "a\\u0000b": 3, "a b": 4, "]": 5, "\\"": 6, "\\u2028": 7, "😀": 8}'),
      JSON.parse('{"nested": {"__proto__": {"x": 1}, "constructor": [{"": 0}]}}'),
      JSON.parse('{"data": 1, "position": 2, "recordedAt": 3, "type": 4}'),
      {},
    ];
    // Often enough that the compiled ways through the codec are taken too.
    for (let round = 0; round < 300; round += 1) {
      const stored = inputsOf(roundTrip(withInputs(...inputs)));
      expect(isDeepStrictEqual(stored, inputs)).toBe(true);
      expect(stored.map((found) => JSON.stringify(found))).toEqual(
        inputs.map((value) => JSON.stringify(value)),
      );
    }
    expect(Object.getPrototypeOf({})).toBe(Object.prototype);
    expect(Reflect.get({}, 'x')).toBeUndefined();
  });

  it('keeps null and absent apart, and takes undefined for absent', () => {
    const stored = inputsOf(
      roundTrip(withInputs({ a: null, b: undefined, c: 1 }, { c: 1 }, { a: 1, b: 2, c: undefined })),
    );
    expect(stored).toStrictEqual([{ a: null, c: 1 }, { c: 1 }, { a: 1, b: 2 }]);
    const nested = inputsOf(roundTrip(withInputs({ o: { a: undefined, b: null } })));
    expect(nested).toStrictEqual([{ o: { b: null } }]);
  });

  it('gives columns of mixed kinds back', () => {
    const values = [1, 'one', null, true, [1, [2]], { a: { b: [] } }, 1.5, -0, 'one', false, 7n, []];
    expect(inputsOf(roundTrip(withInputs(...values.map((value) => ({ value })))))).toStrictEqual(
      values.map((value) => ({ value })),
    );
    for (const pair of [
      [null, 1.25],
      [null, 'a'],
      ['a', true],
      [true, null],
      [null, null],
      [{ a: 1 }, { a: 1 }],
    ]) {
      const stored = inputsOf(roundTrip(withInputs(...pair.map((value) => ({ value })))));
      expect(stored).toStrictEqual(pair.map((value) => ({ value })));
    }
  });

  it('gives long dictionaries of repeated texts back', () => {
    const random = seededRandom(5);
    for (const distinct of [2, 16, 17, 255, 256, 257, 3_000]) {
      const rows = Array.from({ length: 8_000 }, () => ({
        value: `category ${Math.floor(random() * distinct)}`,
      }));
      expect(inputsOf(roundTrip(withInputs(...rows)))).toStrictEqual(rows);
    }
  });

  it('gives frames of one event back, of every type and kind of value', () => {
    const odd = withInputs(
      {
        zero: -0,
        big: 2n ** 64n - 1n,
        bytes: Uint8Array.of(1, 2),
        list: [1, [null]],
        object: { a: { b: 1 } },
      },
      {
        text: 'é',
        long: 'x'.repeat(40),
        longer: 'y'.repeat(70_000),
        numbers: -33,
        more: -40_000,
        huge: 2 ** 40,
      },
      { id: '0198f3a2-7b1c-7def-8a90-1234567890ab', truth: true, nothing: null, float: 0.1, nan: Number.NaN },
      JSON.parse('{"__proto__": 1, "constructor": {"__proto__": 2}, "": 3}'),
      { gone: undefined, kept: 200, larger: 70_000, negative: -1, most: 2 ** 32 - 1, least: -(2 ** 31) },
    );
    for (const event of [...sampleOfEveryType(), ...odd]) {
      const [stored] = roundTrip([event]);
      expect(stored).toEqual({ ...event, position: 100, recordedAt: context.recordedAt });
      expect(inputKeys(stored)).toEqual(inputKeys(event).filter((key) => key !== 'gone'));
    }
    for (const inputs of [
      { text: 'a\ud800b' },
      { 'key \ud83d': 1 },
      { when: new Date(0) },
      { act: () => 1 },
    ]) {
      expect(() => encodeEvents(withInputs(inputs))).toThrow(
        expect.objectContaining({ code: 'LOG_EVENT_INVALID' }),
      );
    }
  });

  it('gives values at every border between the sizes of MessagePack back', () => {
    const borders = [
      0,
      7,
      8,
      15,
      16,
      31,
      32,
      127,
      128,
      255,
      256,
      32_767,
      65_535,
      65_536,
      2 ** 31,
      2 ** 32 - 1,
      2 ** 32,
    ];
    const numbers = borders.flatMap((border) => [border - 1, border, border + 1, -border - 1]);
    const lengths = [0, 1, 31, 32, 33, 47, 48, 49, 255, 256, 65_535, 65_536];
    const inputs = {
      numbers,
      ascii: lengths.map((length) => 'a'.repeat(length)),
      accents: lengths.map((length) => `${'a'.repeat(Math.max(0, length - 1))}é`),
      pairs: lengths.map((length) => '😀'.repeat(length >> 2)),
      bytes: lengths.map((length) => new Uint8Array(length).fill(length)),
      lists: [14, 15, 16, 65_534, 65_535, 65_536].map((length) =>
        Array.from({ length }, (_, index) => index % 3),
      ),
    };
    expect(inputsOf(roundTrip(withInputs(inputs)))).toStrictEqual([inputs]);
    const rows = numbers.map((value, index) => ({ value, text: 'b'.repeat(lengths[index % 10] ?? 0) }));
    expect(inputsOf(roundTrip(withInputs(...rows)))).toStrictEqual(rows);
    for (const row of rows) expect(inputsOf(roundTrip(withInputs(row)))).toStrictEqual([row]);
  });

  it('takes 64 levels', () => {
    const inputs = { deep: nested(64) };
    expect(inputsOf(roundTrip(withInputs(inputs)))).toStrictEqual([inputs]);
  });

  it('gives more than 8,192 different shapes of one frame back', () => {
    const inputs = Array.from({ length: 9_000 }, (_, index) => ({ [`f${index}`]: index, same: 'x' }));
    expect(inputsOf(roundTrip(withInputs(...inputs)))).toStrictEqual(inputs);
  });

  it('shares one provenance object between events, frozen, and keeps different ones apart', () => {
    const [a, b] = samplePredictions(2);
    if (a === undefined || b === undefined) throw new Error('two samples are needed');
    const copy = structuredClone(a.data.provenance);
    const imported = { kind: 'imported' as const, source: 'file.csv' };
    const events = [
      a,
      { ...b, data: { ...b.data, provenance: copy } },
      { ...b, data: { ...b.data, provenance: imported } },
    ];
    const stored = roundTrip(events);
    const provenances = stored.map((event) =>
      event.type === 'PredictionServed' ? event.data.provenance : undefined,
    );
    expect(provenances).toEqual([a.data.provenance, a.data.provenance, imported]);
    expect(provenances[0]).toBe(provenances[1]);
    expect(Object.isFrozen(provenances[0])).toBe(true);
  });

  it('takes at most 0.35 of what JSON lines take, in frames of 64 events with 20 features', () => {
    const events = samplePredictions(64);
    const lines = roundTrip(events).map((event) => JSON.stringify(event));
    const json = lines.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0);
    expect(encodeEvents(events).byteLength / json).toBeLessThan(0.35);
  });

  it('refuses position and recordedAt from outside, unknown types and newer versions', () => {
    const [event] = samplePredictions(1);
    if (event === undefined) throw new Error('a sample is needed');
    expect(() => encodeEvents([Object.assign({}, event, { position: 1 })])).toThrow(/comes from the log/);
    for (const changed of [{ type: 'ModelDreamt' }, { schemaVersion: 2 }]) {
      expect(() => encodeEvents([Object.assign({}, event, changed)])).toThrow(
        expect.objectContaining({ code: 'LOG_UNKNOWN_VERSION' }),
      );
    }
  });

  it('stops at a payload, an event type or a schema version that a later release wrote', () => {
    const bytes = Buffer.from(encodeEvents(sampleOfEveryType().slice(6, 7)));
    // [version, count, [names], [[type, schemaVersion, …
    const group = bytes.indexOf(Buffer.from([0x95, 0x07, 0x01]));
    expect(group).toBeGreaterThan(0);
    for (const [at, value] of [
      [1, 2],
      [group + 1, 99],
      [group + 2, 2],
    ] as const) {
      const changed = Buffer.from(bytes);
      changed[at] = value;
      expect(() => decodeEvents(changed, context)).toThrow(
        expect.objectContaining({ code: 'LOG_UNKNOWN_VERSION' }),
      );
    }
  });

  it('never returns something else for a payload that is cut', () => {
    const bytes = Buffer.from(encodeEvents(samplePredictions(5)));
    for (let length = 0; length < bytes.length; length += 1) {
      expect(() => decodeEvents(bytes.subarray(0, length), context)).toThrow(MalformedPayload);
    }
  });

  it('filters as the whole would be filtered', () => {
    const events = [...samplePredictions(50), ...sampleOfEveryType(), ...samplePredictions(9, 2, 700)];
    const all = roundTrip(events);
    const bytes = encodeEvents(events);
    const from = all[20]?.occurredAt ?? 0;
    const cases: readonly [object, (event: StoredEvent) => boolean][] = [
      [{ types: ['ModelRegistered'] }, (event) => event.type === 'ModelRegistered'],
      [{ occurredFrom: from }, (event) => event.occurredAt >= from],
      [{ occurredUntil: from }, (event) => event.occurredAt < from],
      [{ fromPosition: 110, untilPosition: 155 }, (event) => event.position >= 110 && event.position < 155],
      [{ model: 'flights' }, (event) => event.type !== 'StateSnapshotted'],
      [{ model: 'other' }, () => false],
    ];
    for (const [filter, wanted] of cases) {
      expect(decodeEvents(bytes, { ...context, filter })).toStrictEqual(all.filter(wanted));
    }
  });

  it('reads the bytes that version 1 wrote', () => {
    const fixture = readFileSync(new URL('event-codec.v1.hex', import.meta.url), 'utf8');
    const bytes = Buffer.from(fixture.replaceAll(/\s/g, ''), 'hex');
    const expected: unknown = JSON.parse(
      readFileSync(new URL('event-codec.v1.json', import.meta.url), 'utf8'),
    );
    expect(decodeEvents(bytes, context)).toEqual(expected);
    for (const { position: _position, recordedAt: _recordedAt, ...event } of decodeEvents(bytes, context)) {
      expect(NewEvent.safeParse(event).success).toBe(true);
    }
  });
});

describe('upcast', () => {
  it('takes one step a version, and stops where there is none', () => {
    const steps = {
      Thing: {
        1: (event: Record<string, unknown>) => ({ ...event, schemaVersion: 2, second: true }),
        2: (event: Record<string, unknown>) => ({ ...event, schemaVersion: 3, third: true }),
      },
    };
    const written = { type: 'Thing', schemaVersion: 1 };
    expect(upcast(written, 'Thing', 1, steps, 3)).toEqual({
      type: 'Thing',
      schemaVersion: 3,
      second: true,
      third: true,
    });
    expect(upcast(written, 'Thing', 3, steps, 3)).toBe(written);
    for (const version of [0, 4]) {
      expect(() => upcast(written, 'Thing', version, steps, 3)).toThrow(
        expect.objectContaining({ code: 'LOG_UNKNOWN_VERSION' }),
      );
    }
  });
});

function nested(levels: number): unknown {
  return levels === 0 ? 1 : [nested(levels - 1)];
}

function inputKeys(
  event: { readonly sensitive?: { readonly inputs?: object | undefined } | undefined } | undefined,
): string[] {
  return Object.keys(event?.sensitive?.inputs ?? {});
}
