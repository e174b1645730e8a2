import type { PromotionEvidence } from '../../schemas/events.js';
import { errors } from '../platform/errors.js';
import type { RegistryState } from './registry.js';
import { requireVersion, servingVersion } from './registry.js';

/**
 * Why a version may serve: a PASS in the last replay that judged it, or somebody's word. The first version of a model needs
 * neither where no replay was run, since nothing serves yet that it could be worse than. Throws MODEL_UNPROVEN.
 */
export function promotionEvidence(
  state: RegistryState,
  options: {
    readonly model: string;
    readonly version: string;
    /** The last replay that judged it, with the reason that it gave; undefined: none did. */
    readonly lastReplay:
      | { readonly evidence: PromotionEvidence['replay'] & object; readonly reason: string }
      | undefined;
    readonly withoutEvidence: boolean;
  },
): PromotionEvidence {
  const { model, version, lastReplay, withoutEvidence } = options;
  requireVersion(state, model, version);
  const replay = lastReplay === undefined ? undefined : { replay: lastReplay.evidence };
  if (lastReplay?.evidence.verdict === 'PASS') return { basis: 'replay', ...replay };
  if (lastReplay === undefined && servingVersion(state, model) === undefined)
    return { basis: 'first-promotion' };
  if (withoutEvidence) return { basis: 'without-evidence', ...replay };
  throw errors.MODEL_UNPROVEN({
    model,
    version,
    problem:
      lastReplay === undefined
        ? 'no replay has judged it.'
        : `its last replay says ${lastReplay.evidence.verdict}. ${lastReplay.reason}`,
  });
}
