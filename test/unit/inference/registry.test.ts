import { describe, expect, it } from 'vitest';
import type { NewEvent, StoredEvent } from '../../../src/schemas/events.js';
import { NewEvent as NewEventSchema } from '../../../src/schemas/events.js';
import type { ModelManifest } from '../../../src/schemas/model-manifest.js';
import {
  decidePromote,
  decideRegister,
  decideRetire,
  decideRollback,
  emptyRegistry,
  evolveRegistry,
  type RegistryState,
  resolveModelReference,
  servingVersion,
} from '../../../src/services/inference/registry.js';

const manifest = (version: string, name = 'flights'): ModelManifest => ({
  name,
  version,
  task: 'regression',
  layout: 'columns',
  features: [
    {
      name: 'x',
      tensor: 'x',
      tensorType: 'float32',
      required: true,
      policy: { outOfRange: 'warn', newCategory: 'warn', unexpectedMissing: 'warn' },
    },
  ],
  outputs: { value: { output: 'value' } },
  threshold: 0.5,
  slices: [],
});

const at = (occurredAt: number): { id: string; occurredAt: number } => ({
  id: `event-${occurredAt}`,
  occurredAt,
});
const artefact = (letter: string) => ({ model: { sha256: letter.repeat(64), bytes: 3 } });

type Command = (state: RegistryState) => readonly NewEvent[];
const register =
  (version: string, when = 1, name = 'flights', content = 'a'): Command =>
  (state) =>
    decideRegister(state, {
      ...at(when),
      manifest: manifest(version, name),
      artefacts: artefact(content),
      featureSchemaDigest: 'f'.repeat(64),
    });
const promote =
  (version: string, when = 2): Command =>
  (state) =>
    decidePromote(state, { ...at(when), model: 'flights', version });
const rollback =
  (when = 3): Command =>
  (state) =>
    decideRollback(state, { ...at(when), model: 'flights' });
const retire =
  (version: string, when = 4): Command =>
  (state) =>
    decideRetire(state, { ...at(when), model: 'flights', version });

/** Lets each command decide on the state that the events of those before it made. */
function given(...commands: Command[]): { state: RegistryState; events: StoredEvent[] } {
  let state = emptyRegistry;
  const events: StoredEvent[] = [];
  for (const command of commands) {
    for (const event of command(state)) {
      const stored = { ...event, position: events.length, recordedAt: events.length };
      events.push(stored);
      state = evolveRegistry(state, stored);
    }
  }
  return { state, events };
}

describe('registering', () => {
  it('makes a version known that does not serve yet', () => {
    const { state, events } = given(register('v1', 10));
    expect(events.map((event) => NewEventSchema.safeParse(stripped(event)).success)).toEqual([true]);
    expect(events[0]).toMatchObject({ type: 'ModelRegistered', stream: 'registry-flights', occurredAt: 10 });
    expect(state.models['flights']?.versions['v1']).toMatchObject({ registeredAt: 10, retired: false });
    expect(servingVersion(state, 'flights')).toBeUndefined();
  });

  it('is no event for the same content again', () => {
    expect(given(register('v1'), register('v1', 99)).events).toHaveLength(1);
  });

  it('refuses other content under a known version', () => {
    expect(() => given(register('v1'), register('v1', 2, 'flights', 'b'))).toThrow(
      expect.objectContaining({ code: 'MODEL_VERSION_EXISTS' }),
    );
  });
});

describe('promoting', () => {
  it('makes a version serve and says which one served before', () => {
    const { state, events } = given(register('v1'), register('v2'), promote('v1'), promote('v2', 5));
    expect(servingVersion(state, 'flights')).toBe('v2');
    expect(events.at(-1)).toMatchObject({
      type: 'ModelPromoted',
      data: { model: 'flights', version: 'v2', previousVersion: 'v1', rollback: false },
    });
    expect(events.every((event) => NewEventSchema.safeParse(stripped(event)).success)).toBe(true);
  });

  it('is no event for the version that serves', () => {
    expect(given(register('v1'), promote('v1'), promote('v1')).events).toHaveLength(2);
  });

  it('refuses what is not registered and lists what is', () => {
    expect(() => given(promote('v1'))).toThrow(expect.objectContaining({ code: 'MODEL_NOT_FOUND' }));
    expect(() => given(register('v1'), promote('v2'))).toThrow(
      expect.objectContaining({
        code: 'MODEL_VERSION_NOT_FOUND',
        message: expect.stringContaining('known: v1'),
      }),
    );
  });
});

describe('rolling back', () => {
  const three = [register('v1'), register('v2'), register('v3'), promote('v1'), promote('v2'), promote('v3')];

  it('goes to the version promoted before, and again to the one before that', () => {
    expect(servingVersion(given(...three, rollback()).state, 'flights')).toBe('v2');
    expect(servingVersion(given(...three, rollback(), rollback()).state, 'flights')).toBe('v1');
    expect(given(...three, rollback()).events.at(-1)).toMatchObject({
      data: { version: 'v2', previousVersion: 'v3', rollback: true },
    });
  });

  it('has nowhere to go from the first version', () => {
    expect(() => given(...three, rollback(), rollback(), rollback())).toThrow(
      expect.objectContaining({ code: 'MODEL_NO_PREVIOUS' }),
    );
    expect(() => given(register('v1'), rollback())).toThrow(
      expect.objectContaining({ code: 'MODEL_NO_PREVIOUS' }),
    );
  });

  it('starts anew from a promotion after a rollback', () => {
    const { state } = given(...three, rollback(), promote('v3'), rollback());
    expect(servingVersion(state, 'flights')).toBe('v2');
  });

  it('passes over a retired version', () => {
    expect(servingVersion(given(...three, retire('v2'), rollback()).state, 'flights')).toBe('v1');
  });
});

describe('retiring', () => {
  it('keeps the version known, and it cannot be promoted again', () => {
    const { state } = given(register('v1'), retire('v1'), retire('v1'));
    expect(state.models['flights']?.versions['v1']?.retired).toBe(true);
    expect(() => promote('v1')(state)).toThrow(expect.objectContaining({ code: 'MODEL_VERSION_RETIRED' }));
  });

  it('refuses the version that serves', () => {
    expect(() => given(register('v1'), promote('v1'), retire('v1'))).toThrow(
      expect.objectContaining({ code: 'MODEL_SERVES' }),
    );
  });
});

describe('the state', () => {
  it('tells which version served at any instant', () => {
    const { state } = given(
      register('v1'),
      register('v2'),
      promote('v1', 100),
      promote('v2', 200),
      rollback(300),
    );
    const served = [99, 100, 199, 200, 299, 300, 1e15].map((instant) =>
      servingVersion(state, 'flights', instant),
    );
    expect(served).toEqual([undefined, 'v1', 'v1', 'v2', 'v2', 'v1', 'v1']);
  });

  it('is plain JSON and goes on from there', () => {
    const { state } = given(register('v1'), promote('v1'));
    const copy = JSON.parse(JSON.stringify(state)) as RegistryState;
    expect(copy).toEqual(state);
    expect(promote('v1')(copy)).toEqual([]);
  });

  it('is never changed in place', () => {
    const { state } = given(register('v1'));
    const before = JSON.stringify(state);
    const [event] = promote('v1')(state);
    if (event === undefined) throw new Error('expected an event');
    const after = evolveRegistry(state, { ...event, position: 1, recordedAt: 1 });
    expect(JSON.stringify(state)).toBe(before);
    expect(servingVersion(after, 'flights')).toBe('v1');
  });

  it('knows no model by an inherited name', () => {
    expect(servingVersion(emptyRegistry, 'constructor')).toBeUndefined();
    const { state } = given(register('v1', 1, 'constructor'));
    expect(() => resolveModelReference(state, 'constructor@toString')).toThrow(
      expect.objectContaining({ code: 'MODEL_VERSION_NOT_FOUND' }),
    );
  });
});

describe('a reference', () => {
  const one = given(register('v1'), register('v2')).state;
  const two = given(register('v1'), register('v1', 1, 'trains')).state;

  it('is name@version, or a version alone when there is one model', () => {
    expect(resolveModelReference(one, 'flights@v2')).toMatchObject({ model: 'flights', version: 'v2' });
    expect(resolveModelReference(one, 'v1')).toMatchObject({ model: 'flights', version: 'v1' });
    expect(resolveModelReference(two, 'trains@v1').registered.manifest.name).toBe('trains');
  });

  it('says what is known when it names nothing', () => {
    expect(() => resolveModelReference(two, 'v1')).toThrow(
      expect.objectContaining({
        code: 'MODEL_NAME_NEEDED',
        message: expect.stringContaining('flights, trains'),
      }),
    );
    expect(() => resolveModelReference(one, 'v9')).toThrow(
      expect.objectContaining({
        code: 'MODEL_VERSION_NOT_FOUND',
        message: expect.stringContaining('v1, v2'),
      }),
    );
    expect(() => resolveModelReference(one, 'x@v1')).toThrow(
      expect.objectContaining({ code: 'MODEL_NOT_FOUND' }),
    );
    expect(() => resolveModelReference(emptyRegistry, 'v1')).toThrow(
      expect.objectContaining({ code: 'MODEL_NOT_FOUND', message: expect.stringContaining('none') }),
    );
  });
});

function stripped(event: StoredEvent): object {
  const { position: _position, recordedAt: _recordedAt, ...fields } = event;
  return fields;
}
