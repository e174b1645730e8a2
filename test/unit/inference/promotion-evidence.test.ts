import { describe, expect, it } from 'vitest';
import type { NewEvent } from '../../../src/schemas/events.js';
import { ModelPromoted } from '../../../src/schemas/events.js';
import { promotionEvidence } from '../../../src/services/inference/promotion-evidence.js';
import type { RegistryState } from '../../../src/services/inference/registry.js';
import {
  decidePromote,
  decideRegister,
  emptyRegistry,
  evolveRegistry,
} from '../../../src/services/inference/registry.js';
import { formulaManifest } from '../../support/formula-model.js';

const replayOf = (verdict: 'PASS' | 'FAIL' | 'INCONCLUSIVE' | 'INVALID') => ({
  evidence: { replayId: 'replay-1', verdict, reportDigest: 'a'.repeat(64), completedAt: 5 },
  reason: 'Because.',
});

const model = 'toy';
const version = 'v2';

/** v1 and v2 are registered; `serving`: v1 serves. */
function states(): { readonly before: RegistryState; readonly serving: RegistryState } {
  let position = 0;
  const after = (state: RegistryState, events: readonly NewEvent[]): RegistryState =>
    events.reduce((folded, event) => {
      position += 1;
      return evolveRegistry(folded, { ...event, position, recordedAt: position });
    }, state);
  const register = (state: RegistryState, name: string): RegistryState =>
    after(
      state,
      decideRegister(state, {
        id: `register-${name}`,
        occurredAt: 1,
        manifest: { ...formulaManifest(name), name: model },
        artefacts: { model: { sha256: 'c'.repeat(64), bytes: 1 } },
        featureSchemaDigest: 'd'.repeat(64),
      }),
    );
  const before = register(register(emptyRegistry, 'v1'), version);
  const promoted = decidePromote(before, { id: 'promote-v1', occurredAt: 2, model, version: 'v1' });
  return { before, serving: after(before, promoted) };
}

describe('the evidence of a promotion', () => {
  const { before, serving } = states();

  it('is the replay that passed', () => {
    expect(
      promotionEvidence(serving, { model, version, lastReplay: replayOf('PASS'), withoutEvidence: false }),
    ).toEqual({ basis: 'replay', replay: replayOf('PASS').evidence });
    expect(
      promotionEvidence(serving, { model, version, lastReplay: replayOf('PASS'), withoutEvidence: true })
        .basis,
    ).toBe('replay');
  });

  it('is not needed for the first version of a model, unless a replay was run and did not pass', () => {
    const none = { model, version, lastReplay: undefined, withoutEvidence: false };
    expect(promotionEvidence(before, none)).toEqual({ basis: 'first-promotion' });
    expect(() => promotionEvidence(before, { ...none, lastReplay: replayOf('FAIL') })).toThrow(
      expect.objectContaining({ code: 'MODEL_UNPROVEN' }),
    );
  });

  it.each(['FAIL', 'INCONCLUSIVE', 'INVALID'] as const)('is not a replay that said %s', (verdict) => {
    const options = { model, version, lastReplay: replayOf(verdict), withoutEvidence: false };
    expect(() => promotionEvidence(serving, options)).toThrow(
      expect.objectContaining({
        code: 'MODEL_UNPROVEN',
        message: expect.stringContaining(`its last replay says ${verdict}. Because.`),
      }),
    );
    expect(promotionEvidence(serving, { ...options, withoutEvidence: true })).toEqual({
      basis: 'without-evidence',
      replay: replayOf(verdict).evidence,
    });
  });

  it('is not the absence of a replay, unless somebody gives his word', () => {
    const options = { model, version, lastReplay: undefined, withoutEvidence: false };
    expect(() => promotionEvidence(serving, options)).toThrow(/no replay has judged it/);
    expect(promotionEvidence(serving, { ...options, withoutEvidence: true })).toEqual({
      basis: 'without-evidence',
    });
  });

  it('stands in the event, and events of before it was asked for are still events', () => {
    const [event] = decidePromote(before, {
      id: 'promotion',
      occurredAt: 1,
      model,
      version,
      evidence: { basis: 'without-evidence', replay: replayOf('FAIL').evidence },
    });
    expect(ModelPromoted.parse(event)).toMatchObject({ data: { evidence: { basis: 'without-evidence' } } });
    const [old] = decidePromote(before, { id: 'promotion', occurredAt: 1, model, version });
    expect(ModelPromoted.parse(old).data).not.toHaveProperty('evidence');
  });
});
