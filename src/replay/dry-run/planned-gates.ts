import type { Task } from '../../schemas/model-manifest.js';
import { detectableDifference } from '../../stats/detectable-difference.js';
import { differenceDeviation } from '../../stats/difference-deviation.js';
import type { Moments } from '../../stats/moments.js';
import { rowsNeeded } from '../../stats/sample-size.js';
import type { SharePlan } from '../../stats/share-plan.js';
import { sharePlan } from '../../stats/share-plan.js';
import type { GateRules } from '../judging/gate-rules.js';
import { errorWithinName } from '../judging/metrics.js';
import { replaySettings } from '../judging/replay-settings.js';
import type { ReplayExpectation, ReplayGate } from '../report/report-schema.js';
import type { EarlierSpread } from './earlier-spread.js';
import type { RecordSurvey } from './survey-record.js';

/** With which probability a plan promises that something is shown. */
export const plannedPower = 0.8;

export interface PlannedGate {
  readonly name: ReplayGate['name'];
  readonly measures: string;
  readonly limit: number;
  readonly good: ReplayGate['good'];
  /** Rows that it would be judged on. */
  readonly rows: number;
  readonly power:
    | {
        readonly kind: 'loss';
        readonly controlLoss: number;
        readonly margin: number;
        readonly cases: readonly LossCase[];
      }
    | { readonly kind: 'share'; readonly plan: SharePlan; readonly verb: ShareVerb }
    | { readonly kind: 'none'; readonly reason: string };
}

/** What a row does that counts against the candidate: of several, and of one. */
interface ShareVerb {
  readonly many: string;
  readonly one: string;
}

/** What the rows can show if the paired differences spread like this. */
export interface LossCase {
  /** Where the spread comes from: an assumption about how the losses of the two correlate, or an earlier replay. */
  readonly basis:
    | { readonly kind: 'assumed'; readonly correlation: number }
    | { readonly kind: 'earlier'; readonly spread: EarlierSpread };
  readonly standardDeviation: number;
  /** Relative change of the loss (0.01 is 1 % worse) at or below which the gate passes with the planned power. */
  readonly passAtMost: number;
  /** Relative change at or above which it fails with the planned power. */
  readonly failAtLeast: number;
  /** Rows with truth on which a candidate exactly as good as the control passes with the planned power; null: beyond 2⁵³. */
  readonly rowsNeeded: number | null;
}

/** Before anything is run nobody knows how the losses correlate; related models mostly lie between these. */
const assumedCorrelations = [0.5, 0.8, 0.95];

const { level, judgedRowsMin } = replaySettings;

/** The gates that a replay with this expectation would judge, and what so many rows can show of each. */
export function plannedGates(options: {
  readonly expect: ReplayExpectation;
  readonly task: Task;
  readonly survey: RecordSurvey;
  readonly rules: GateRules;
  readonly earlier: EarlierSpread | undefined;
}): readonly PlannedGate[] {
  const { expect, task, survey, earlier, rules } = options;
  return [...gatesOf(expect, { task, survey, earlier, rules }), ...fileGates(rules, survey)];
}

function gatesOf(
  expect: ReplayExpectation,
  { task, survey, earlier, rules }: Omit<Parameters<typeof plannedGates>[0], 'expect'>,
): readonly PlannedGate[] {
  const { margin, tolerance, agreementLimit, failureLimit } = rules;
  switch (expect) {
    case 'anything':
      return [];
    case 'same':
      return [
        {
          name: 'agreement',
          measures: `share of rows with the same label and a difference of at most ${tolerance}`,
          limit: agreementLimit,
          good: 'above',
          rows: survey.compared,
          power: sharePower(survey.compared, agreementLimit, { many: 'disagree', one: 'disagrees' }),
        },
      ];
    case 'no-worse': {
      const lossName = task === 'regression' ? 'absolute error' : 'log loss';
      return [
        {
          name: task === 'regression' ? 'mean-absolute-error' : 'log-loss',
          measures: `mean of candidate ${lossName} − ${1 + margin} × control ${lossName}`,
          limit: 0,
          good: 'below',
          rows: survey.judged,
          power: lossPower(survey, earlier, margin),
        },
        {
          name: 'candidate-failures',
          measures:
            'share of rows that the control answered and the candidate failed on, once it fails on any',
          limit: failureLimit,
          good: 'below',
          rows: survey.compared,
          power: sharePower(survey.compared, 1 - failureLimit, { many: 'fail', one: 'fails' }),
        },
      ];
    }
  }
}

/** What a gate file asks for beyond the expectation. */
function fileGates(rules: GateRules, survey: RecordSurvey): readonly PlannedGate[] {
  const { flipsLimit, negativeFlipsLimit, positiveRateWithin, meanScoreWithin, accuracyLoss, aucLoss } =
    rules;
  const { compared, judged } = survey;
  const flips = (
    name: ReplayGate['name'],
    limit: number | undefined,
    { rows, what, verb }: { readonly rows: number; readonly what: string; readonly verb: ShareVerb },
  ): PlannedGate[] =>
    limit === undefined
      ? []
      : [
          {
            name,
            measures: `share of rows whose ${what}`,
            limit,
            good: 'below',
            rows,
            power: sharePower(rows, 1 - limit, verb),
          },
        ];
  const difference = (
    name: ReplayGate['name'],
    limit: number | undefined,
    {
      rows,
      what,
      good,
    }: { readonly rows: number; readonly what: string; readonly good: PlannedGate['good'] },
  ): PlannedGate[] =>
    limit === undefined
      ? []
      : [
          {
            name,
            measures: `${what} of the candidate − ${what} of the control`,
            limit,
            good,
            rows,
            power: {
              kind: 'none',
              reason: 'that depends on how far the two go apart, which only a run shows',
            },
          },
        ];
  const fall = (loss: number | undefined): number | undefined => (loss === undefined ? undefined : -loss);
  return [
    ...flips('flips', flipsLimit, {
      rows: compared,
      what: 'labels change',
      verb: { many: 'change', one: 'changes' },
    }),
    ...flips('negative-flips', negativeFlipsLimit, {
      rows: judged,
      what: 'labels were right and are wrong',
      verb: { many: 'go from right to wrong', one: 'goes from right to wrong' },
    }),
    ...difference('positive-rate', positiveRateWithin, {
      rows: compared,
      what: 'positive rate',
      good: 'within',
    }),
    ...difference('mean-score', meanScoreWithin, { rows: compared, what: 'mean score', good: 'within' }),
    ...difference('accuracy', fall(accuracyLoss), { rows: judged, what: 'accuracy', good: 'above' }),
    ...difference('auc', fall(aucLoss), { rows: judged, what: 'AUC', good: 'above' }),
    ...(rules.latencyRatio === undefined ? [] : [plannedLatency(rules.latencyRatio, compared)]),
    ...difference('error-within', fall(rules.errorWithinLoss), {
      rows: judged,
      what: errorWithinName(rules.errorWithin),
      good: 'above',
    }),
  ];
}

function plannedLatency(limit: number, rows: number): PlannedGate {
  return {
    name: 'latency',
    measures: 'time of the candidate ÷ time of the control, one row alone',
    limit,
    good: 'below',
    rows,
    power: { kind: 'none', reason: 'it is measured on some rows when the candidate runs' },
  };
}

/** `limit`: what the share of rows that do not count against the candidate must lie above. */
function sharePower(rows: number, limit: number, verb: ShareVerb): PlannedGate['power'] {
  if (limit <= 0 || limit >= 1)
    return { kind: 'none', reason: 'a limit of none or all of the rows cannot be shown by an interval' };
  return { kind: 'share', plan: sharePlan({ rows, limit, level, power: plannedPower }), verb };
}

function lossPower(
  survey: RecordSurvey,
  earlier: EarlierSpread | undefined,
  margin: number,
): PlannedGate['power'] {
  const { judged, loss, problem } = survey;
  const none = (reason: string) => ({ kind: 'none', reason }) as const;
  if (judged === 0) return none('no row has a truth, so the verdict would be INCONCLUSIVE');
  if (problem !== undefined) return none(`the loss cannot be computed: ${problem}`);
  if (judged < 2) return none('one row has no spread');
  if (loss.mean === 0) return none('the control makes no error, so a share of its loss means nothing');
  const deviation = Math.sqrt(loss.squaredDeviations / (loss.count - 1));
  const assumed = assumedCorrelations.map((correlation) =>
    lossCase(
      { kind: 'assumed', correlation },
      differenceDeviation({ candidate: deviation, control: deviation, weight: 1 + margin, correlation }),
      loss,
      margin,
    ),
  );
  const known =
    earlier === undefined
      ? []
      : [lossCase({ kind: 'earlier', spread: earlier }, earlier.standardDeviation, loss, margin)];
  return { kind: 'loss', controlLoss: loss.mean, margin, cases: [...known, ...assumed] };
}

function lossCase(
  basis: LossCase['basis'],
  standardDeviation: number,
  loss: Moments,
  margin: number,
): LossCase {
  const shown = detectableDifference({ rows: loss.count, standardDeviation, level, power: plannedPower });
  const gap = shown.kind === 'value' ? shown.difference / loss.mean : Infinity;
  const needed = rowsNeeded({
    limit: 0,
    mean: -margin * loss.mean,
    standardDeviation,
    level,
    power: plannedPower,
  });
  return {
    basis,
    standardDeviation,
    passAtMost: margin - gap,
    failAtLeast: margin + gap,
    rowsNeeded: needed.kind === 'value' ? Math.max(needed.rows, judgedRowsMin) : null,
  };
}
