import type { RecordedRow } from '../projections/datasets/recorded-predictions.js';
import type { ModelManifest } from '../schemas/model-manifest.js';
import { systemClock } from '../services/platform/clock.js';
import { errors } from '../services/platform/errors.js';
import type { Judge, NamedRows } from './judging/judge.js';
import { replaySettings } from './judging/replay-settings.js';
import { noiseFloorLimit, noiseFloorOfVersion } from './noise-floor.js';
import type { PartFindings } from './part/replay-part.js';
import type { PlanOptions, ReplayPlan } from './plan-replay.js';
import { checkComparable } from './plan-replay.js';
import type { ScoreRanking } from './ranking/score-ranking.js';
import type { ReplayedBlocks } from './replay-blocks.js';
import { replayBlocks, replaySeveral } from './replay-blocks.js';
import type { ReplayOptions } from './replay-options.js';
import { replayReport } from './report/build-report.js';
import type { NoiseFloor, ReplayReport } from './report/report-schema.js';

/**
 * Runs the candidate over what was recorded and judges it against the control. A mismatch, a row on which the candidate
 * fails, or a bad verdict is in the report; thrown is only what makes a comparison impossible (see `planReplay`;
 * REPLAY_CANDIDATE_UNFIT also for features that the log does not have). When the signal aborts, what was read by then is
 * judged, and the report says that it is not complete; before the first row, its reason is thrown.
 */
export async function runReplay(options: ReplayOptions): Promise<ReplayReport> {
  return judgedReport(options, await replayBlocks(options));
}

/** What became of one of several candidates. */
export type SeveralReports =
  | { readonly kind: 'report'; readonly report: ReplayReport }
  | { readonly kind: 'failed'; readonly error: Error };

/**
 * As `runReplay` for several candidates, whose options MUST differ in the candidate alone: the record is read once, and each report is
 * the one that the candidate would have alone. One that cannot be compared is answered by itself.
 */
export async function runReplays(several: readonly ReplayOptions[]): Promise<readonly SeveralReports[]> {
  const reports: SeveralReports[] = [];
  for (const [index, replayed] of (await replaySeveral(several)).entries()) {
    const options = several[index];
    if (options === undefined || replayed.kind === 'failed') {
      const error =
        replayed.kind === 'failed' ? replayed.error : errors.INTERNAL({ problem: 'options are missing' });
      reports.push({ kind: 'failed', error });
      continue;
    }
    try {
      reports.push({ kind: 'report', report: await judgedReport(options, replayed.blocks) });
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      reports.push({ kind: 'failed', error });
    }
  }
  return reports;
}

async function judgedReport(options: ReplayOptions, replayed: ReplayedBlocks): Promise<ReplayReport> {
  const clock = options.clock ?? systemClock;
  const { plan, findings, judge, ranking, timings } = replayed;
  try {
    const judgeStartedMicros = clock.nowMicros();
    const report = await reportOf(options, { plan, findings, judge, ranking });
    const endedAtMicros = clock.nowMicros();
    const totalMicros = endedAtMicros - timings.startedAtMicros;
    const { comparedRows } = findings;
    options.onTimings?.({
      ...timings,
      totalMicros,
      judgeMicros: endedAtMicros - judgeStartedMicros,
      comparedRows,
      rowsPerSecond: totalMicros > 0 ? (comparedRows * 1e6) / totalMicros : 0,
    });
    return report;
  } finally {
    ranking?.close();
  }
}

/** Judges what was found to the end: of one run, or of all parts of one. */
export async function reportOf(
  options: PlanOptions,
  found: {
    readonly plan: ReplayPlan;
    readonly findings: PartFindings;
    readonly judge: Judge;
    readonly ranking: ScoreRanking | undefined;
  },
): Promise<ReplayReport> {
  const { plan, findings, judge, ranking } = found;
  for (const { version } of plan.control === undefined ? findings.served : []) {
    const served = options.manifests.get(version);
    if (served !== undefined) checkComparable(served, plan.candidate);
  }
  await checkRecorded(findings, options, plan.candidate);
  const lookingUp = lookUpNamed(options, findings, judge.search());
  // Met below; the ranking may fail before.
  lookingUp.catch(() => undefined);
  const judgement = judge.finish({
    task: plan.candidate.task,
    labels: findings.labels,
    expect: options.expect,
    candidateFailed: findings.excluded.candidateFailed,
    auc: await ranking?.auc(),
    latency: findings.latency,
  });
  return replayReport({
    options,
    plan,
    findings,
    noiseFloor: noiseFloorOf(plan, findings),
    judgement,
    examples: await lookingUp,
  });
}

/**
 * A candidate cannot be judged on features that were not recorded: those that no prediction of the log ever had, and
 * those that no row in range has although training mostly did. A sparse one that happens to be null here is noted.
 */
async function checkRecorded(
  findings: PartFindings,
  options: PlanOptions,
  candidate: ModelManifest,
): Promise<void> {
  const answered = findings.comparedRows + findings.excluded.candidateFailed;
  const nowhere = findings.neverRecorded;
  if (nowhere.length === 0 || answered === 0 || options.missingFeature !== 'fail') return;
  const elsewhere = await options.recorded.featuresWithValues(options.model, nowhere);
  const sparse = (name: string): boolean =>
    answered < replaySettings.judgedRowsMin ||
    (candidate.features.find((feature) => feature.name === name)?.missingRate ?? 0) > 0.5;
  const unfit = nowhere.filter((name) => !elsewhere.has(name) || !sparse(name));
  if (unfit.length === 0) return;
  throw errors.REPLAY_CANDIDATE_UNFIT({
    problem: `none of the ${answered} rows has a value of its ${unfit.length === 1 ? 'feature' : 'features'} ${unfit.join(', ')}`,
  });
}

function noiseFloorOf(plan: ReplayPlan, { noise, served }: PartFindings): NoiseFloor {
  if (plan.control !== undefined) {
    return {
      kind: 'none',
      reason: `the control ${plan.control.version} was run now, so no record is judged`,
    };
  }
  if (noise.length === 0) {
    const reason =
      served.length === 0
        ? 'no row takes part'
        : 'the predictions were imported, so there is no artefact to run again: the record is taken as it is';
    return { kind: 'none', reason };
  }
  return { kind: 'measured', limit: noiseFloorLimit, versions: noise.map(noiseFloorOfVersion) };
}

/** Identity and inputs of the rows that the report names, by position. */
async function lookUpNamed(
  { recorded, model }: PlanOptions,
  { failures }: PartFindings,
  { worst, examples }: NamedRows,
): Promise<ReadonlyMap<string, RecordedRow>> {
  const positions = [...worst, ...failures.map(({ position }) => position), ...examples];
  if (positions.length === 0) return new Map();
  const found = await recorded.lookup(model, [...new Set(positions)].map(BigInt));
  return new Map(found.map((row) => [row.position, row]));
}
