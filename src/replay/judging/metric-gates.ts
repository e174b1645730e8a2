import type { PairedAuc } from '../../stats/auc.js';
import { normalQuantile, normalSf } from '../../stats/normal-distribution.js';
import { studentTSf } from '../../stats/student-t-distribution.js';
import type { UndefinedStatistic } from '../../stats/undefined-statistic.js';
import { formatSigned } from '../report/format-numbers.js';
import type { ReplayGate, ReplayMetric } from '../report/report-schema.js';
import type { LatencyComparison } from '../measure-latency.js';
import { clustersOf } from './cell-sums.js';
import { distrustOf } from './distrust.js';
import type { FlipCounts } from './flips.js';
import { flipShare, negativeFlipShare } from './flips.js';
import type { GateRules, IgnoreRule } from './gate-rules.js';
import { shareGate } from './gates.js';
import { errorWithinName } from './metrics.js';
import { intervalOf } from './interval-of.js';
import type { JudgedShare } from './judged-share.js';
import { replaySettings } from './replay-settings.js';

/** The gates that a gate file asks for beyond the expectation's own, and one for each exception that has expired. */
export function metricGates(
  rules: GateRules,
  found: {
    readonly metrics: readonly ReplayMetric[];
    readonly flips: FlipCounts | undefined;
    /** See `JudgeQuestion`. */
    readonly auc: PairedAuc | UndefinedStatistic | undefined;
    readonly latency: LatencyComparison | undefined;
  },
): ReplayGate[] {
  const { metrics, flips, auc, latency } = found;
  const metric = (...names: readonly string[]): ReplayMetric | undefined =>
    metrics.find(({ name }) => names.includes(name));
  return [
    ...given(rules.flipsLimit, (limit) =>
      flipGate('flips', 'labels change', { share: flips === undefined ? noRows : flipShare(flips), limit }),
    ),
    ...given(rules.negativeFlipsLimit, (limit) =>
      flipGate('negative-flips', 'labels were right and are wrong', {
        share: flips === undefined ? noRows : negativeFlipShare(flips),
        limit,
      }),
    ),
    ...given(rules.positiveRateWithin, (limit) =>
      differenceGate('positive-rate', metric('positive rate'), { good: 'within', limit }),
    ),
    ...given(rules.meanScoreWithin, (limit) =>
      differenceGate('mean-score', metric('mean score', 'mean value'), { good: 'within', limit }),
    ),
    ...given(rules.accuracyLoss, (loss) =>
      differenceGate('accuracy', metric('accuracy'), { good: 'above', limit: -loss }),
    ),
    ...given(rules.aucLoss, (loss) =>
      aucGate(loss, metric('AUC'), { auc, clusters: clustersOf(judgedCells(flips)) }),
    ),
    ...given(rules.errorWithinLoss, (loss) =>
      differenceGate('error-within', metric(errorWithinName(rules.errorWithin)), {
        good: 'above',
        limit: -loss,
      }),
    ),
    ...given(rules.latencyRatio, (limit) => latencyGate(limit, latency)),
    ...rules.expired.map(expiredGate),
  ];
}

function given(limit: number | undefined, gate: (limit: number) => ReplayGate): ReplayGate[] {
  return limit === undefined ? [] : [gate(limit)];
}

const noRows: JudgedShare = { successes: 0, trials: 0, cells: undefined };

function flipGate(
  name: ReplayGate['name'],
  what: string,
  { share, limit }: { readonly share: JudgedShare; readonly limit: number },
): ReplayGate {
  const percent = `${100 * limit} %`;
  return shareGate({
    name,
    measures: `share of rows whose ${what}`,
    share,
    limit,
    good: 'below',
    words: {
      good: `fewer than ${percent} of the ${what}`,
      bad: `more than ${percent} of the ${what}`,
      open: `the rows do not show whether more than ${percent} of the ${what}`,
    },
  });
}

/** Of candidate − control: above a limit, or (an equivalence) nearer to 0 than the limit. */
function differenceGate(
  name: ReplayGate['name'],
  metric: ReplayMetric | undefined,
  { good, limit }: { readonly good: 'above' | 'within'; readonly limit: number },
): ReplayGate {
  const what = metric?.name ?? name;
  const gate = {
    name,
    slice: null,
    measures: `${what} of the candidate − ${what} of the control`,
    rows: metric?.rows ?? 0,
    limit,
    good,
    rowsNeeded: null,
  };
  const { difference = null, interval = null } = metric ?? {};
  if (difference === null || interval === null) {
    const reason = `${what} cannot be compared: ${metric?.note ?? 'this task has none'}`;
    return { ...gate, estimate: difference, interval, p: null, verdict: 'INCONCLUSIVE', reason };
  }
  const { lower, upper } = interval;
  const isGood = good === 'above' ? lower > limit : lower > -limit && upper < limit;
  const isBad = good === 'above' ? upper < limit : lower > limit || upper < -limit;
  const distance = good === 'above' ? limit - difference : Math.abs(difference) - limit;
  const standardError = (upper - lower) / 2 / -normalQuantile((1 - replaySettings.level) / 2);
  const change = `${what} moves by ${formatSigned(difference)}`;
  const allowed = good === 'above' ? `down to ${formatSigned(limit)}` : `up to ${limit} either way`;
  return {
    ...gate,
    estimate: difference,
    interval,
    p: standardError > 0 ? normalSf(distance / standardError) : null,
    verdict: isGood ? 'PASS' : isBad ? 'FAIL' : 'INCONCLUSIVE',
    reason: isGood
      ? `${change}, shown to be within what is allowed (${allowed})`
      : isBad
        ? `${change}, shown to be beyond what is allowed (${allowed})`
        : `${change}, which may or may not be beyond what is allowed (${allowed})`,
  };
}

/** Its p by Student's law, as its interval; and as of the loss, too few rows give no verdict. */
function aucGate(
  loss: number,
  metric: ReplayMetric | undefined,
  {
    auc,
    clusters,
  }: { readonly auc: PairedAuc | UndefinedStatistic | undefined; readonly clusters: number | undefined },
): ReplayGate {
  const gate = differenceGate('auc', metric, { good: 'above', limit: -loss });
  if (auc === undefined || auc.kind === 'undefined') return gate;
  const { positives, negatives, difference, standardError, df } = auc;
  const measured = {
    ...gate,
    p: standardError > 0 ? studentTSf({ t: (-loss - difference) / standardError, df }) : null,
  };
  const distrust = distrustOf({ judged: positives + negatives, positives, clusters });
  return distrust === undefined ? measured : { ...measured, verdict: 'INCONCLUSIVE', ...distrust };
}

/** By the cell of the subject, rows whose truth is known. */
function judgedCells(flips: FlipCounts | undefined): { readonly rows: Float64Array } | undefined {
  return flips?.cells === undefined ? undefined : { rows: flips.cells.judged };
}

function latencyGate(limit: number, latency: LatencyComparison | undefined): ReplayGate {
  const gate = {
    name: 'latency' as const,
    slice: null,
    measures: 'time of the candidate ÷ time of the control, one row alone',
    rows: latency?.rows ?? 0,
    limit,
    good: 'below' as const,
    rowsNeeded: null,
    p: null,
  };
  if (latency === undefined) {
    const reason = 'latency was not measured: nobody can run the control, or no row was answered by both';
    return { ...gate, estimate: null, interval: null, verdict: 'INCONCLUSIVE', reason };
  }
  const { ratio, lower, upper, controlMicros, candidateMicros } = latency;
  const times = `one row takes ${candidateMicros} µs against ${controlMicros} µs`;
  const isGood = upper < limit;
  const isBad = lower > limit;
  return {
    ...gate,
    estimate: ratio,
    interval: intervalOf({ lower, upper }),
    verdict: isGood ? 'PASS' : isBad ? 'FAIL' : 'INCONCLUSIVE',
    reason: isGood
      ? `${times}, shown to be at most ${limit} times as long`
      : isBad
        ? `${times}, shown to be more than ${limit} times as long`
        : `${times}, which may or may not be more than ${limit} times as long`,
  };
}

function expiredGate({ where, reason, until }: IgnoreRule): ReplayGate {
  return {
    name: 'expired-exception',
    slice: null,
    measures: `whether the exception for ${where} still holds`,
    rows: 0,
    estimate: null,
    interval: null,
    limit: 0,
    good: 'below',
    p: null,
    verdict: 'FAIL',
    reason: `the exception for ${where} ("${reason}") expired on ${until}: renew it or take it out of the gate file`,
    rowsNeeded: null,
  };
}
