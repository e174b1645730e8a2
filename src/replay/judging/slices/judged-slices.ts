import type { Task } from '../../../schemas/model-manifest.js';
import { rowsNeeded } from '../../../stats/sample-size.js';
import type { ReplayGate, SliceOfRows } from '../../report/report-schema.js';
import { formatCount } from '../../report/format-numbers.js';
import { lossGate } from '../gates.js';
import { intervalOf } from '../interval-of.js';
import type { LossTally } from '../loss-tally.js';
import { intervalOfMean } from '../mean-tally.js';
import type { GateRules } from '../gate-rules.js';
import { replaySettings } from '../replay-settings.js';
import type { SliceFeature } from './slice-feature.js';
import type { SliceSums, SliceTally } from './slice-tally.js';
import { sliceSums } from './slice-tally.js';

const { level, judgedRowsMin } = replaySettings;

/**
 * What the declared slices come to, and their gates: the same as the gate of all rows, for slices with at least as many judged rows as a
 * candidate that is as good as the control needs to pass it (80 % power, from the spread of all rows). Smaller ones are
 * shown and not gated.
 */
export function slicesOf(options: {
  readonly task: Task;
  readonly features: readonly SliceFeature[];
  readonly tallies: readonly (SliceTally | null)[];
  readonly losses: LossTally;
  readonly rules: GateRules;
}): { readonly slices: SliceOfRows[]; readonly gates: ReplayGate[] } {
  const { task, features, tallies, losses, rules } = options;
  const planned = plannedRows(losses, rules.margin);
  const slices: SliceOfRows[] = [];
  const gates: ReplayGate[] = [];
  for (const [index, { feature, labels, isProtected }] of features.entries()) {
    for (const [code, sums] of sumsOf(tallies[index]).entries()) {
      if (sums.rows === 0) continue;
      const value = labels[code] ?? '';
      const why = rules.slices ? notGated(sums, losses, planned) : 'slices are not gated';
      const gate =
        why === undefined
          ? lossGate(task, rules.margin, {
              judged: sums.judged,
              positives: sums.positives,
              problem: undefined,
              loss: { control: sums.controlLoss, candidate: sums.candidateLoss },
              margin: sums.margin,
              largestVarianceShare: sums.largestVarianceShare,
              clusters: sums.clusters,
              slice: { feature, value },
            })
          : undefined;
      if (gate !== undefined) gates.push(gate);
      slices.push({
        feature,
        value,
        protected: isProtected,
        rows: sums.rows,
        flipped: sums.flipped,
        judged: sums.judged,
        rightToWrong: sums.rightToWrong,
        wrongToRight: sums.wrongToRight,
        ...lossesOf(sums),
        verdict: gate?.verdict ?? null,
        note: why ?? null,
      });
    }
  }
  return { slices, gates };
}

function sumsOf(tally: SliceTally | null | undefined): readonly SliceSums[] {
  return tally === null || tally === undefined ? [] : sliceSums(tally);
}

/** Judged rows that a candidate exactly as good as the control needs; undefined: cannot be said. */
function plannedRows(losses: LossTally, margin: number): number | undefined {
  if (losses.problem !== undefined || losses.margin === undefined || losses.loss === undefined)
    return undefined;
  const found = intervalOfMean(losses.margin);
  if (found.kind === 'undefined') return undefined;
  const plan = rowsNeeded({
    limit: 0,
    mean: -margin * (losses.loss.control / losses.loss.difference.count),
    standardDeviation: found.standardDeviation,
    level,
  });
  return plan.kind === 'value' ? Math.max(plan.rows, judgedRowsMin) : undefined;
}

function notGated(sums: SliceSums, losses: LossTally, planned: number | undefined): string | undefined {
  if (losses.problem !== undefined) return losses.problem;
  if (sums.judged === 0) return 'no row has a truth';
  if (planned === undefined) return 'how many rows it would need cannot be said';
  if (sums.judged >= planned) return undefined;
  return `smaller than planned: ${formatCount(sums.judged)} rows with truth, ${formatCount(planned)} needed`;
}

function lossesOf(
  sums: SliceSums,
): Pick<SliceOfRows, 'controlLoss' | 'candidateLoss' | 'increase' | 'interval'> {
  const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);
  const { increase } = sums;
  return {
    controlLoss: finite(sums.controlLoss),
    candidateLoss: finite(sums.candidateLoss),
    increase: increase.kind === 'value' ? increase.mean : null,
    interval: increase.kind === 'value' ? intervalOf(increase) : null,
  };
}
