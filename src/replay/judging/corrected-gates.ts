import { holm } from '../../stats/multiple-testing.js';
import type { ReplayGate } from '../report/report-schema.js';
import { replaySettings } from './replay-settings.js';

/**
 * Takes back a FAIL that is no surprise among so many gates: Holm's adjustment holds the chance of any false FAIL at that of one
 * gate alone. A PASS needs no correction, since all gates must pass.
 */
export function correctedGates(gates: readonly ReplayGate[]): ReplayGate[] {
  const { adjusted, tested } = holm(gates.map((gate) => gate.p ?? Number.NaN));
  const oneSided = (1 - replaySettings.level) / 2;
  return gates.map((gate, index): ReplayGate => {
    const p = adjusted[index] ?? Number.NaN;
    if (gate.verdict !== 'FAIL' || !(p > oneSided)) return gate;
    return {
      ...gate,
      verdict: 'INCONCLUSIVE',
      reason: `${gate.reason}, which among ${tested} gates can be chance (p ${p.toPrecision(2)} adjusted by Holm's method, above ${oneSided})`,
    };
  });
}
