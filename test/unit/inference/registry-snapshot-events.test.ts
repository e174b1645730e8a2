import { describe, expect, it } from 'vitest';
import { NewEvent, type StoredEvent } from '../../../src/schemas/events.js';
import { decodeEvents, encodeEvents } from '../../../src/services/event-log/event-codec.js';
import { snapshotEvents } from '../../../src/services/inference/registry-snapshot-events.js';
import {
  decidePromote,
  decideRegister,
  decideRetire,
  decideRollback,
  emptyRegistry,
  evolveRegistry,
  type RegistryState,
} from '../../../src/services/inference/registry.js';
import { HindcastError } from '../../../src/services/platform/errors.js';
import { limits } from '../../../src/services/platform/limits.js';
import { manifestOf, nextUuid } from '../../support/projection-events.js';
import { seededRandom } from '../../support/sample-events.js';

const fold = (events: readonly StoredEvent[], from: RegistryState = emptyRegistry): RegistryState =>
  events.reduce(evolveRegistry, from);

/** Decides what chance wants; what the registry refuses is no event. */
function decided(state: RegistryState, random: () => number, occurredAt: number): readonly NewEvent[] {
  const pick = (list: readonly string[]) => list[Math.floor(random() * list.length)] ?? '';
  const model = pick(['flights', 'fraud', 'constructor']);
  const version = pick(['v1', 'v2', '3', '__proto__', 'v4']);
  const happening = { id: nextUuid(), occurredAt, model, version };
  try {
    switch (Math.floor(random() * 5)) {
      case 0:
      case 1:
        return decideRegister(state, {
          ...happening,
          manifest: manifestOf({ x: 'float32' }, { name: model, version }),
          artefacts: { model: { sha256: 'a'.repeat(64), bytes: 3 } },
          featureSchemaDigest: 'f'.repeat(64),
        });
      case 2:
        return decidePromote(state, { ...happening, evidence: { basis: 'without-evidence' } });
      case 3:
        return decideRetire(state, happening);
      default:
        return decideRollback(state, happening);
    }
  } catch (error) {
    if (error instanceof HindcastError) return [];
    throw error;
  }
}

const snapshotOf = (state: RegistryState, asOfPosition: number) =>
  snapshotEvents({ state, asOfPosition, configuration: {}, occurredAt: 1, newId: nextUuid });

describe('a snapshot of the registry', () => {
  it('gives the state of the whole fold, wherever before it the fold begins (300 seeded histories)', () => {
    let folds = 0;
    let overtaken = 0;
    for (let seed = 1; seed <= 300; seed += 1) {
      const random = seededRandom(seed);
      const events: StoredEvent[] = [];
      const store = (made: readonly NewEvent[]) => {
        for (const event of made) {
          events.push({ ...event, position: events.length * 3, recordedAt: events.length });
        }
      };
      /** Position of a snapshot that counts, and from where the log must be kept for it. */
      let needed: { readonly asOf: number; readonly until: number } | undefined;
      for (let step = 0; step < 25; step += 1) {
        const state = fold(events);
        const asOf = events.length * 3;
        if (random() < 0.15) {
          // Sometimes somebody promotes while the snapshot is on its way.
          const slipped = random() < 0.4 ? decided(state, random, step) : [];
          store(slipped);
          store(snapshotOf(state, asOf));
          if (slipped.length === 0) needed = { asOf, until: events.length };
          else overtaken += 1;
        } else store(decided(state, random, step));
      }
      const whole = fold(events);
      const models = fold(events.filter((event) => event.type !== 'StateSnapshotted')).models;
      expect(whole.models).toEqual(models);
      if (needed === undefined) continue;
      for (let from = 0; from * 3 <= needed.asOf; from += 1) {
        folds += 1;
        const kept = fold(events.slice(from));
        expect(kept).toEqual(whole);
        expect(Object.keys(kept.models)).toEqual(Object.keys(whole.models));
        for (const [name, model] of Object.entries(whole.models)) {
          expect(Object.keys(kept.models[name]?.versions ?? {})).toEqual(Object.keys(model.versions));
        }
      }
    }
    expect(folds).toBeGreaterThan(1_000);
    expect(overtaken).toBeGreaterThan(50);
  });

  it('comes in parts that each fit an event, side by side, and is the same after the codec', () => {
    const wide = (version: string) =>
      manifestOf(
        Object.fromEntries(
          Array.from({ length: 800 }, (_, i) => [`feature_with_a_long_name_${i}`, 'float32']),
        ),
        { version },
      );
    let state = emptyRegistry;
    for (let index = 0; index < 30; index += 1) {
      const [event] = decideRegister(state, {
        id: nextUuid(),
        occurredAt: index,
        manifest: wide(`v${index}`),
        artefacts: { model: { sha256: 'a'.repeat(64), bytes: 3 } },
        featureSchemaDigest: 'f'.repeat(64),
      });
      if (event !== undefined) state = evolveRegistry(state, { ...event, position: index, recordedAt: 0 });
    }
    const events = snapshotOf(state, 30);
    expect(events.length).toBeGreaterThan(3);
    for (const event of events) {
      expect(NewEvent.safeParse(event).success).toBe(true);
      expect(JSON.stringify(event).length).toBeLessThan(limits.eventBytesMax);
    }
    expect(events.map(({ data }) => [data.part, data.parts])).toEqual(
      events.map((_event, part) => [part, events.length]),
    );
    const stored = decodeEvents(encodeEvents(events), { firstPosition: 40, recordedAt: 1 });
    expect(fold(stored)).toEqual(state);
  });
});
