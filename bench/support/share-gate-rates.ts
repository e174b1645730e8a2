import { defaultRules } from '../../src/replay/judging/gate-rules.js';
import type { PairedRows } from '../../src/replay/judging/paired-rows.js';
import type { ReplayGate, ReplayVerdict } from '../../src/replay/report/report-schema.js';
import { exactProportionP } from '../../src/stats/exact-proportion.js';
import { logLossClip } from '../../src/stats/log-loss.js';
import { judged } from './judged.js';

export type ShareGate = 'agreement' | 'candidate-failures' | 'flips';

/** The most bad rows with which a gate passes, and the fewest with which it fails; undefined: there are none. */
export interface ShareThresholds {
  readonly passAtMost: number | undefined;
  readonly failAtLeast: number | undefined;
}

/** What the judge makes of so many rows, by the number of bad ones; `limit`: the share of bad rows that is allowed. */
export function judgedThresholds(gate: ShareGate, rows: number, limit: number): ShareThresholds {
  return thresholdsOf(rows, (bad) => gateOf(gate, { rows, bad, limit }).verdict);
}

/** The chances of PASS and FAIL where each row is bad with probability `share`: from the binomial law, without any drawing. */
export function shareGateRates(options: {
  readonly thresholds: ShareThresholds;
  readonly rows: number;
  readonly share: number;
}): { readonly pass: number; readonly fail: number } {
  const { thresholds, rows, share } = options;
  const tail = (successes: number | undefined, side: 'above' | 'below'): number =>
    successes === undefined ? 0 : exactProportionP({ successes, trials: rows, limit: share, side });
  return { pass: tail(thresholds.passAtMost, 'below'), fail: tail(thresholds.failAtLeast, 'above') };
}

function thresholdsOf(rows: number, verdictOf: (bad: number) => ReplayVerdict): ShareThresholds {
  /** The fewest bad rows for which it holds, once it holds for all more. */
  const fewest = (holds: (verdict: ReplayVerdict) => boolean): number | undefined => {
    let low = 0;
    let high = rows;
    if (!holds(verdictOf(rows))) return undefined;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (holds(verdictOf(middle))) high = middle;
      else low = middle + 1;
    }
    return high;
  };
  const notPassed = fewest((verdict) => verdict !== 'PASS') ?? rows + 1;
  return {
    passAtMost: notPassed === 0 ? undefined : notPassed - 1,
    failAtLeast: fewest((verdict) => verdict === 'FAIL'),
  };
}

function gateOf(
  gate: ShareGate,
  { rows, bad, limit }: { readonly rows: number; readonly bad: number; readonly limit: number },
): ReplayGate {
  const failed = gate === 'candidate-failures' ? bad : 0;
  const { gates } = judged(rowsWith(rows - failed, gate === 'candidate-failures' ? 0 : bad), {
    expect: gate === 'agreement' ? 'same' : gate === 'flips' ? 'anything' : 'no-worse',
    candidateFailed: failed,
    rules: {
      ...defaultRules,
      agreementLimit: 1 - limit,
      failureLimit: limit,
      ...(gate === 'flips' ? { flipsLimit: limit } : {}),
    },
  });
  const found = gates.find(({ name }) => name === gate);
  if (found !== undefined) return found;
  // Without any failure there is no gate of failures, so nothing stands against a PASS.
  if (gate === 'candidate-failures' && bad === 0) return { ...emptyGate, name: gate, verdict: 'PASS' };
  throw new Error(`no gate ${gate} among ${gates.map(({ name }) => name).join(', ')}`);
}

const emptyGate: Omit<ReplayGate, 'name' | 'verdict'> = {
  slice: null,
  measures: '',
  rows: 0,
  estimate: null,
  interval: null,
  limit: 0,
  good: 'below',
  p: null,
  reason: '',
  rowsNeeded: null,
};

/** Rows without truth, of which so many have another label. */
function rowsWith(rows: number, flipped: number): PairedRows {
  const score = new Float64Array(rows).fill(0.4);
  const control = { value: score, label: new Int32Array(rows), truthScore: undefined };
  return {
    task: 'binary-classification',
    rows,
    labels: ['0', '1'],
    positions: new Float64Array(rows),
    occurredAt: new Float64Array(rows),
    control,
    candidate: {
      value: score.map((value, row) => (row < flipped ? 0.6 : value)),
      label: new Int32Array(rows).fill(1, 0, flipped),
      truthScore: undefined,
    },
    truth: new Float64Array(rows).fill(Number.NaN),
    scoreDistance: undefined,
    cell: undefined,
    clip: logLossClip.float64,
  };
}
