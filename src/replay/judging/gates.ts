import { marginDifference, marginInterval } from '../../stats/paired-mean.js';
import { wilsonInterval } from '../../stats/proportion.js';
import { rowsNeeded } from '../../stats/sample-size.js';
import { formatSigned, formatValue } from '../report/format-numbers.js';
import type { Interval, ReplayGate } from '../report/report-schema.js';
import type { JudgedLosses } from './judged-losses.js';
import { intervalOf } from './metrics.js';
import type { PairedRows } from './paired-rows.js';
import { pairedMoments } from './paired-moments.js';
import { distanceAt } from './paired-rows.js';
import { replaySettings } from './replay-settings.js';

const { level, margin, tolerance, agreementLimit, failureLimit } = replaySettings;
const { judgedRowsMin, rowsPerClassMin, rowVarianceShareMax } = replaySettings;

/** `no-worse`: the mean of candidate loss − (1 + margin) × control loss must lie below 0, its whole interval. */
export function lossGate(rows: PairedRows, judged: JudgedLosses): ReplayGate {
  const regression = rows.task === 'regression';
  const lossName = regression ? 'absolute error' : 'log loss';
  const gate = {
    name: regression ? ('mean-absolute-error' as const) : ('log-loss' as const),
    measures: `mean of candidate ${lossName} − ${1 + margin} × control ${lossName}`,
    rows: judged.row.length,
    limit: 0,
    good: 'below' as const,
  };
  const undecided = (reason: string, needed: number | null = null): ReplayGate => ({
    ...gate,
    estimate: null,
    interval: null,
    verdict: 'INCONCLUSIVE',
    reason,
    rowsNeeded: needed,
  });
  if (judged.row.length === 0)
    return undecided('no compared row has a truth, so nothing shows whether the candidate is worse');
  if (judged.loss === undefined)
    return undecided(`${lossName} cannot be computed: ${judged.problem ?? 'no scores'}`);
  const found = marginInterval({ ...judged.loss, margin, level });
  if (found.kind === 'undefined') return undecided(`no interval: ${found.reason}`, judgedRowsMin);

  const plan = rowsNeeded({
    limit: 0,
    mean: -Math.abs(found.mean),
    standardDeviation: found.standardDeviation,
    level,
  });
  const needed = plan.kind === 'value' ? Math.max(plan.rows, judgedRowsMin) : null;
  const measured = { ...gate, estimate: found.mean, interval: intervalOf(found) };
  const distrust = distrustOf(rows, judged, found.mean);
  if (distrust !== undefined) {
    const more = needed === null ? null : Math.max(needed, distrust.rowsNeeded);
    return { ...measured, verdict: 'INCONCLUSIVE', reason: distrust.reason, rowsNeeded: more };
  }
  return { ...measured, ...decided(intervalOf(found), 0, 'below', lossWords(lossName, judged.loss), needed) };
}

function lossWords(
  lossName: string,
  loss: { readonly control: Float64Array; readonly candidate: Float64Array },
): GateWords {
  const { control, candidate } = pairedMoments(loss);
  const percent = control === 0 ? '' : ` (${formatSigned((100 * (candidate - control)) / control, 2)} %)`;
  const change = `${lossName} ${formatValue(candidate)} against ${formatValue(control)}${percent}`;
  return {
    good: `${change} is shown to be at most ${100 * margin} % worse`,
    bad: `${change} is shown to be more than ${100 * margin} % worse`,
    open: `${change} may or may not be more than ${100 * margin} % worse`,
  };
}

/** Why the normal approximation behind the interval is not to be trusted here; undefined: it is. */
function distrustOf(
  rows: PairedRows,
  judged: JudgedLosses,
  mean: number,
): { readonly reason: string; readonly rowsNeeded: number } | undefined {
  const count = judged.row.length;
  if (count < judgedRowsMin) {
    return {
      reason: `${count} rows with truth are too few for a verdict; ${judgedRowsMin} are the least`,
      rowsNeeded: judgedRowsMin,
    };
  }
  if (rows.task === 'binary-classification') {
    let positives = 0;
    for (const row of judged.row) positives += rows.truth[row] ?? 0;
    const rarer = Math.min(positives, count - positives);
    if (rarer < rowsPerClassMin) {
      const reason = `${rarer} rows of the rarer class are too few for a verdict; ${rowsPerClassMin} are the least`;
      return { reason, rowsNeeded: Math.ceil((count * rowsPerClassMin) / Math.max(1, rarer)) };
    }
  }
  const share = largestVarianceShare(judged, mean);
  if (share <= rowVarianceShareMax) return undefined;
  const reason = `one row makes up ${Math.round(100 * share)} % of the variance, so the interval is not to be trusted`;
  return { reason, rowsNeeded: Math.ceil((count * share) / rowVarianceShareMax) };
}

function largestVarianceShare({ loss }: JudgedLosses, mean: number): number {
  if (loss === undefined) return 0;
  let total = 0;
  let largest = 0;
  for (let row = 0; row < loss.control.length; row += 1) {
    const candidate = loss.candidate[row] ?? Number.NaN;
    const square =
      (marginDifference({ candidate, control: loss.control[row] ?? Number.NaN, margin }) - mean) ** 2;
    total += square;
    if (square > largest) largest = square;
  }
  return total === 0 ? 0 : largest / total;
}

/** `same`: the share of rows that agree, rows on which the candidate failed counting as not agreeing. */
export function agreementGate(rows: PairedRows, candidateFailed: number): ReplayGate {
  const agreed = rows.rows - countBeyondTolerance(rows);
  return shareGate({
    name: 'agreement',
    measures: `share of rows with the same label and a difference of at most ${tolerance}`,
    successes: agreed,
    trials: rows.rows + candidateFailed,
    limit: agreementLimit,
    good: 'above',
    words: {
      good: `at least ${100 * agreementLimit} % of the rows are shown to agree`,
      bad: `fewer than ${100 * agreementLimit} % of the rows are shown to agree`,
      open: `the rows do not show whether ${100 * agreementLimit} % agree`,
    },
  });
}

/** Rows whose labels differ, or whose scores differ by more than the tolerance. */
export function countBeyondTolerance(rows: PairedRows): number {
  let beyond = 0;
  const relative = rows.task === 'regression';
  for (let row = 0; row < rows.rows; row += 1) {
    const scale = relative ? Math.max(1, Math.abs(rows.control.value[row] ?? 0)) : 1;
    // Without scores the distance is NaN, and the labels alone decide.
    if (rows.control.label[row] !== rows.candidate.label[row] || distanceAt(rows, row) > tolerance * scale)
      beyond += 1;
  }
  return beyond;
}

/** The share of rows that the control answered and the candidate did not. */
export function failureGate(rows: PairedRows, candidateFailed: number): ReplayGate {
  return shareGate({
    name: 'candidate-failures',
    measures: 'share of rows that the control answered and the candidate failed on',
    successes: candidateFailed,
    trials: rows.rows + candidateFailed,
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

function shareGate(options: {
  readonly name: ReplayGate['name'];
  readonly measures: string;
  readonly successes: number;
  readonly trials: number;
  readonly limit: number;
  readonly good: ReplayGate['good'];
  readonly words: GateWords;
}): ReplayGate {
  const { name, measures, successes, trials, limit, good, words } = options;
  const found = wilsonInterval({ successes, trials, level });
  const gate = { name, measures, rows: trials, limit, good };
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
  const needed = shareRowsNeeded(found.estimate, limit);
  return {
    ...gate,
    estimate: found.estimate,
    interval: intervalOf(found),
    ...decided(intervalOf(found), limit, good, words, needed),
  };
}

/** The fewest rows at which an interval around the same share leaves the limit; null when the share is the limit. */
function shareRowsNeeded(share: number, limit: number): number | null {
  if (share === limit) return null;
  const clear = (trials: number): boolean => {
    const found = wilsonInterval({ successes: Math.round(share * trials), trials, level });
    return found.kind === 'value' && (share > limit ? found.lower > limit : found.upper < limit);
  };
  let high = 1;
  while (!clear(high)) {
    high *= 2;
    if (high > 2 ** 40) return null;
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
