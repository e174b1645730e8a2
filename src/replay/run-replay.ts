import type { RecordedRow } from '../projections/datasets/recorded-predictions.js';
import type { ModelManifest } from '../schemas/model-manifest.js';
import type { InferenceModel } from '../services/inference/inference-model.js';
import { systemClock } from '../services/platform/clock.js';
import { errors } from '../services/platform/errors.js';
import type { CandidateInputs } from './candidate-inputs.js';
import { candidateInputs } from './candidate-inputs.js';
import type { ComparedRows } from './compare-rows.js';
import { compareRows } from './compare-rows.js';
import type { Judgement } from './judging/judge.js';
import { createJudge } from './judging/judge.js';
import { replaySettings } from './judging/replay-settings.js';
import { sliceFeatures } from './judging/slices/slice-feature.js';
import { measureNoiseFloor, noiseFloorLimit } from './noise-floor.js';
import type { ReplayPlan } from './plan-replay.js';
import { checkComparable, eligibilityOf, planReplay } from './plan-replay.js';
import type { ReplayOptions } from './replay-options.js';
import { replayReport } from './report/build-report.js';
import type { NoiseFloor, ReplayReport } from './report/report-schema.js';

/**
 * Runs the candidate over what was recorded and judges it against the control. A mismatch, a row on which the candidate
 * fails, or a bad verdict is in the report; thrown is only what makes a comparison impossible (see `planReplay`;
 * REPLAY_CANDIDATE_UNFIT also for features that the log does not have), and the signal's reason when it aborts.
 */
export async function runReplay(options: ReplayOptions): Promise<ReplayReport> {
  const clock = options.clock ?? systemClock;
  const startedAtMicros = clock.nowMicros();
  const { plan, models } = await planAndLoad(options);
  try {
    const replayStartedMicros = clock.nowMicros();
    const inputs = candidateInputs({
      manifest: plan.candidate,
      missingFeature: options.missingFeature,
      set: options.set ?? {},
    });
    const slices = sliceFeatures(plan.candidate, options.profile);
    const judge = createJudge({
      features: slices,
      rowsExpected: plan.count.rows,
      ...(options.rules === undefined ? undefined : { rules: options.rules }),
    });
    const compared = await compareRows({
      batches: options.recorded.read(plan.query),
      rowsExpected: plan.count.rows,
      rules: eligibilityOf(options, plan, models.candidate.servedBy.artefactDigest),
      pairing: plan.pairing,
      candidate: models.candidate,
      control: models.control,
      inputs,
      judge,
      slices,
      onRows: (rows) => {
        const seconds = (clock.nowMicros() - replayStartedMicros) / 1e6;
        options.onProgress?.({
          rows,
          total: plan.count.rows,
          rowsPerSecond: seconds > 0 ? rows / seconds : 0,
        });
      },
      signal: options.signal,
    });
    for (const { version } of plan.control === undefined ? compared.served : []) {
      const served = options.manifests.get(version);
      if (served !== undefined) checkComparable(served, plan.candidate);
    }
    await checkRecorded(inputs, compared, options, plan.candidate);
    // The control loads in its worker while this thread judges.
    const measuring = noiseFloorOf(options, plan, compared);
    // Awaited below; until then its rejection must not count as unhandled.
    measuring.catch(() => undefined);
    const judgeStartedMicros = clock.nowMicros();
    const judgement = judge.finish(compared.rows, {
      expect: options.expect,
      candidateFailed: compared.excluded.candidateFailed,
    });
    const judgedAtMicros = clock.nowMicros();
    const noiseFloor = await measuring;
    const report = replayReport({
      options,
      plan,
      compared,
      noiseFloor,
      judgement,
      given: inputs.given(),
      neverRecorded: inputs.neverRecorded(),
      candidateDigest: models.candidate.servedBy.artefactDigest,
      controlDigest: models.control?.servedBy.artefactDigest,
      examples: await lookUpExamples(options, compared, judgement),
    });
    const totalMicros = clock.nowMicros() - startedAtMicros;
    options.onTimings?.({
      startedAtMicros,
      totalMicros,
      replayMicros: judgeStartedMicros - replayStartedMicros,
      judgeMicros: judgedAtMicros - judgeStartedMicros,
      candidateInferenceMicros: compared.candidateInferenceMicros,
      comparedRows: compared.rows.rows,
      rowsPerSecond: totalMicros > 0 ? (compared.rows.rows * 1e6) / totalMicros : 0,
    });
    return report;
  } finally {
    await Promise.all([models.candidate.close(), models.control?.close()]);
  }
}

interface ReplayModels {
  readonly candidate: InferenceModel;
  readonly control: InferenceModel | undefined;
}

/** The rows are counted while the candidate's worker starts; a plan that cannot be kept closes what was loaded. */
async function planAndLoad(
  options: ReplayOptions,
): Promise<{ readonly plan: ReplayPlan; readonly models: ReplayModels }> {
  const loading = options.manifests.has(options.candidate) ? options.loadModel(options.candidate) : undefined;
  // Met below, where the plan's own error comes first.
  loading?.catch(() => undefined);
  try {
    const plan = await planReplay(options);
    options.signal?.throwIfAborted();
    const control = plan.control === undefined ? undefined : await options.loadModel(plan.control.version);
    return { plan, models: { candidate: await candidateOf(loading, control, options), control } };
  } catch (error) {
    const [loaded] = await Promise.allSettled([loading]);
    if (loaded.status === 'fulfilled') await loaded.value?.close();
    throw error;
  }
}

async function candidateOf(
  loading: Promise<InferenceModel> | undefined,
  control: InferenceModel | undefined,
  options: ReplayOptions,
): Promise<InferenceModel> {
  try {
    return await (loading ?? options.loadModel(options.candidate));
  } catch (error) {
    await control?.close();
    throw error;
  }
}

/**
 * A candidate cannot be judged on features that were not recorded: those that no prediction of the log ever had, and
 * those that no row in range has although training mostly did. A sparse one that happens to be null here is noted.
 */
async function checkRecorded(
  inputs: CandidateInputs,
  compared: ComparedRows,
  options: ReplayOptions,
  candidate: ModelManifest,
): Promise<void> {
  const answered = compared.rows.rows + compared.excluded.candidateFailed;
  const nowhere = inputs.neverRecorded();
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

async function noiseFloorOf(
  options: ReplayOptions,
  plan: ReplayPlan,
  compared: ComparedRows,
): Promise<NoiseFloor> {
  if (plan.control !== undefined) {
    return {
      kind: 'none',
      reason: `the control ${plan.control.version} was run now, so no record is judged`,
    };
  }
  const known = compared.noiseSamples.filter(({ version }) => options.manifests.has(version));
  if (known.length === 0) {
    const reason =
      compared.served.length === 0
        ? 'no row takes part'
        : 'the predictions were imported, so there is no artefact to run again: the record is taken as it is';
    return { kind: 'none', reason };
  }
  const versions = [];
  for (const sample of known) {
    const model = await options.loadModel(sample.version);
    try {
      versions.push(await measureNoiseFloor({ sample, model, pairing: plan.pairing }));
    } finally {
      await model.close();
    }
  }
  return { kind: 'measured', limit: noiseFloorLimit, versions };
}

/** Identity and inputs of the rows that the report names, by position. */
async function lookUpExamples(
  { recorded, model }: ReplayOptions,
  { rows, failures }: ComparedRows,
  { worst, search }: Judgement,
): Promise<ReadonlyMap<string, RecordedRow>> {
  const positions = [
    ...worst.rows.map(({ row }) => rows.positions[row] ?? 0),
    ...failures.map(({ position }) => position),
    ...(search?.slices.flatMap(({ examples }) => examples) ?? []),
  ];
  if (positions.length === 0) return new Map();
  const found = await recorded.lookup(model, [...new Set(positions)].map(BigInt));
  return new Map(found.map((row) => [row.position, row]));
}
