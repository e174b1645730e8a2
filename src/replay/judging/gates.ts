import type { Task } from '../../schemas/model-manifest.js';
import { exactProportionP } from '../../stats/exact-proportion.js';
import { rowsNeeded } from '../../stats/sample-size.js';
import type { UndefinedStatistic } from '../../stats/undefined-statistic.js';
import { formatSigned, formatValue } from '../report/format-numbers.js';
import type { Interval, ReplayGate } from '../report/report-schema.js';
import { sumOfArrays } from './cell-sums.js';
import type { Distrust } from './distrust.js';
import { distrustOf } from './distrust.js';
import type { GateRules } from './gate-rules.js';
import { intervalOf } from './interval-of.js';
import type { JudgedShare } from './judged-share.js';
import { shareInterval } from './judged-share.js';
import type { MarginInterval } from './margin-interval.js';
import { replaySettings } from './replay-settings.js';

const { level, judgedRowsMin, rowVarianceShareMax } = replaySettings;

/** What a loss gate judges: all compared rows, or those of a slice. */
export interface JudgedLoss {
  readonly judged: number;
  /** Rows whose truth is 1; of meaning for binary tasks only. */
  readonly positives: number;
  /** Why there is no loss; undefined: there is, or no row has a truth. */
  readonly problem: string | undefined;
  /** Means. */
  readonly loss: { readonly control: number; readonly candidate: number };
  /** Of candidate loss − (1 + margin) × control loss. */
  readonly margin: MarginInterval | UndefinedStatistic;
  /** The share of the variance of that difference that the farthest row makes up; in [0, 1]. */
  readonly largestVarianceShare: number;
  /** Cells of subjects that the rows are worth, see `effectiveClusters`; undefined: rows have no subjects. */
  readonly clusters: number | undefined;
  readonly slice: ReplayGate['slice'];
}

/** `no-worse`: the mean of candidate loss − (1 + margin) × control loss must lie below 0, its whole interval. */
export function lossGate(task: Task, margin: number, losses: JudgedLoss): ReplayGate {
  const regression = task === 'regression';
  const lossName = regression ? 'absolute error' : 'log loss';
  const gate = {
    name: regression ? ('mean-absolute-error' as const) : ('log-loss' as const),
    measures: `mean of candidate ${lossName} − ${1 + margin} × control ${lossName}`,
    rows: losses.judged,
    slice: losses.slice,
    limit: 0,
    good: 'below' as const,
    p: null,
  };
  const undecided = (reason: string, needed: number | null = null): ReplayGate => ({
    ...gate,
    estimate: null,
    interval: null,
    verdict: 'INCONCLUSIVE',
    reason,
    rowsNeeded: needed,
  });
  if (losses.judged === 0) {
    return undecided('no compared row has a truth, so nothing shows whether the candidate is worse');
  }
  if (losses.problem !== undefined) return undecided(`${lossName} cannot be computed: ${losses.problem}`);
  const found = losses.margin;
  if (found.kind === 'undefined') return undecided(`no interval: ${found.reason}`, judgedRowsMin);

  // Either way: as many rows as show the difference that was seen, if it goes on.
  const plan = rowsNeeded({
    limit: 0,
    mean: -Math.abs(found.mean),
    standardDeviation: found.standardDeviation,
    level,
  });
  const needed = plan.kind === 'value' ? Math.max(plan.rows, judgedRowsMin) : null;
  const measured = { ...gate, estimate: found.mean, interval: intervalOf(found), p: found.pAboveZero };
  const distrust = distrustOfLoss(task, losses);
  if (distrust !== undefined) {
    const more = Math.max(needed ?? 0, distrust.rowsNeeded);
    return { ...measured, verdict: 'INCONCLUSIVE', reason: distrust.reason, rowsNeeded: more };
  }
  return {
    ...measured,
    ...decided(intervalOf(found), 0, 'below', lossWords(lossName, margin, losses), needed),
  };
}

function lossWords(
  lossName: string,
  margin: number,
  { loss: { control, candidate }, slice }: JudgedLoss,
): GateWords {
  const percent = control === 0 ? '' : ` (${formatSigned((100 * (candidate - control)) / control, 2)} %)`;
  const where = slice === null ? '' : `where ${slice.feature} is ${slice.value}, `;
  const change = `${where}${lossName} ${formatValue(candidate)} against ${formatValue(control)}${percent}`;
  return {
    good: `${change} is shown to be at most ${100 * margin} % worse`,
    bad: `${change} is shown to be more than ${100 * margin} % worse`,
    open: `${change} may or may not be more than ${100 * margin} % worse`,
  };
}

/** Why the interval is not to be trusted here; undefined: it is. */
function distrustOfLoss(task: Task, losses: JudgedLoss): Distrust | undefined {
  const { judged, positives, clusters, largestVarianceShare: share } = losses;
  const few = distrustOf({
    judged,
    positives: task === 'binary-classification' ? positives : undefined,
    clusters,
  });
  if (few !== undefined || share <= rowVarianceShareMax) return few;
  const reason = `one row makes up ${Math.round(100 * share)} % of the variance, so the interval is not to be trusted`;
  return { reason, rowsNeeded: Math.ceil((judged * share) / rowVarianceShareMax) };
}

/** Rows that the control answered. */
export interface AnsweredRows {
  /** Compared rows, those of them that do not agree, and besides them the rows on which the candidate failed. */
  readonly rows: number;
  readonly beyond: number;
  readonly candidateFailed: number;
  /** The same by the cell of the subject; undefined: rows are taken as independent. */
  readonly cells:
    | { readonly rows: Float64Array; readonly beyond: Float64Array; readonly failed: Float64Array }
    | undefined;
}

/** `same`: the share of rows that agree, rows on which the candidate failed counting as not agreeing. */
export function agreementGate(
  { tolerance, agreementLimit }: GateRules,
  { rows, beyond, candidateFailed, cells }: AnsweredRows,
): ReplayGate {
  return shareGate({
    name: 'agreement',
    measures: `share of rows with the same label and a difference of at most ${tolerance}`,
    share: {
      successes: rows - beyond,
      trials: rows + candidateFailed,
      cells:
        cells === undefined
          ? undefined
          : {
              rows: sumOfArrays(cells.rows, cells.failed),
              successes: cells.rows.map((compared, cell) => compared - (cells.beyond[cell] ?? 0)),
            },
    },
    limit: agreementLimit,
    good: 'above',
    words: {
      good: `at least ${100 * agreementLimit} % of the rows are shown to agree`,
      bad: `fewer than ${100 * agreementLimit} % of the rows are shown to agree`,
      open: `the rows do not show whether ${100 * agreementLimit} % agree`,
    },
  });
}

/** The share of rows that the control answered and the candidate did not. */
export function failureGate(
  { failureLimit }: GateRules,
  { rows, candidateFailed, cells }: AnsweredRows,
): ReplayGate {
  return shareGate({
    name: 'candidate-failures',
    measures: 'share of rows that the control answered and the candidate failed on',
    share: {
      successes: candidateFailed,
      trials: rows + candidateFailed,
      cells:
        cells === undefined
          ? undefined
          : { rows: sumOfArrays(cells.rows, cells.failed), successes: cells.failed },
    },
    limit: failureLimit,
    good: 'below',
    words: {
      good: `the candidate is shown to fail on less than ${100 * failureLimit} % of the rows`,
      bad: `the candidate is shown to fail on more than ${100 * failureLimit} % of the rows`,
      open: `the rows do not show whether the candidate fails on more than ${100 * failureLimit} % of them`,
    },
  });
}

interface GateWords {
  readonly good: string;
  readonly bad: string;
  readonly open: string;
}

export function shareGate(options: {
  readonly name: ReplayGate['name'];
  readonly measures: string;
  readonly share: JudgedShare;
  readonly limit: number;
  readonly good: ReplayGate['good'];
  readonly words: GateWords;
}): ReplayGate {
  const { name, measures, share, limit, good, words } = options;
  const found = shareInterval(share);
  const gate = { name, slice: null, measures, rows: share.trials, limit, good, p: null };
  if (found.kind === 'undefined') {
    return {
      ...gate,
      estimate: null,
      interval: null,
      verdict: 'INCONCLUSIVE',
      reason: found.reason,
      rowsNeeded: null,
    };
  }
  const { estimate, effectiveRows } = found;
  const needed = shareRowsNeeded(estimate, limit);
  return {
    ...gate,
    estimate,
    interval: intervalOf(found),
    p: exactProportionP({
      successes: estimate * effectiveRows,
      trials: effectiveRows,
      limit,
      side: good === 'below' ? 'above' : 'below',
    }),
    ...decided(
      intervalOf(found),
      limit,
      good,
      words,
      needed === null ? null : Math.ceil((needed * share.trials) / effectiveRows),
    ),
  };
}

const shareRowsMax = 2 ** 40;

/** The fewest independent rows at which an interval around the same share leaves the limit; null when the share is the limit, or nearly. */
function shareRowsNeeded(share: number, limit: number): number | null {
  if (share === limit) return null;
  const side = share > limit ? 'above' : 'below';
  // Counts that need not be whole: so more rows always show more.
  const clear = (trials: number): boolean =>
    exactProportionP({ successes: share * trials, trials, limit, side }) < (1 - level) / 2;
  let high = 1;
  while (!clear(high)) {
    high *= 2;
    if (high > shareRowsMax) return null;
  }
  let low = Math.floor(high / 2) + 1;
  while (low < high) {
    const middle = low + Math.floor((high - low) / 2);
    if (clear(middle)) high = middle;
    else low = middle + 1;
  }
  return high;
}

function decided(
  interval: Interval,
  limit: number,
  good: ReplayGate['good'],
  words: GateWords,
  needed: number | null,
): Pick<ReplayGate, 'verdict' | 'reason' | 'rowsNeeded'> {
  const below = interval.upper < limit;
  const above = interval.lower > limit;
  if (good === 'below' ? below : above) return { verdict: 'PASS', reason: words.good, rowsNeeded: null };
  if (good === 'below' ? above : below) return { verdict: 'FAIL', reason: words.bad, rowsNeeded: null };
  return { verdict: 'INCONCLUSIVE', reason: words.open, rowsNeeded: needed };
}
