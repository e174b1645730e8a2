import { setImmediate as nextTurn } from 'node:timers/promises';
import type { InferenceModel } from '../services/inference/inference-model.js';
import { systemClock } from '../services/platform/clock.js';
import { errors } from '../services/platform/errors.js';
import { limits } from '../services/platform/limits.js';
import type { CandidateInputs } from './candidate-inputs.js';
import { candidateInputs } from './candidate-inputs.js';
import type { BlockRange, Reach } from './compare-rows.js';
import { compareRows } from './compare-rows.js';
import { contractCounter } from './contract-counts.js';
import type { Judge } from './judging/judge.js';
import { createJudge } from './judging/judge.js';
import type { SliceFeature } from './judging/slices/slice-feature.js';
import { sliceFeatures } from './judging/slices/slice-feature.js';
import type { NoiseMeasure } from './noise-floor.js';
import { noiseSampler } from './noise-floor.js';
import { noiseMeter, type NoiseMeter } from './noise-meter.js';
import type { PartFindings } from './part/replay-part.js';
import type { ReplayPlan } from './plan-replay.js';
import { eligibilityOf, planReplay } from './plan-replay.js';
import type { KeptScores, ScoreRanking } from './ranking/score-ranking.js';
import { scoreRanking } from './ranking/score-ranking.js';
import type { LatencyComparison } from './measure-latency.js';
import { compareLatency } from './measure-latency.js';
import type { LaneFindings, ReplayLane } from './replay-lane.js';
import { replayLane } from './replay-lane.js';
import type { ReplayOptions } from './replay-options.js';

/** What running the candidate over some blocks of the record gave, not judged to the end yet. */
export interface ReplayedBlocks {
  readonly plan: ReplayPlan;
  readonly findings: PartFindings;
  readonly judge: Judge;
  /** Of binary tasks with scores; the caller closes it. */
  readonly ranking: ScoreRanking | undefined;
  /** The same when only some blocks were chosen, whose scores are to be handed on. */
  readonly scores: KeptScores | undefined;
  readonly timings: {
    readonly startedAtMicros: number;
    /** From the first row read until the last row paired. */
    readonly replayMicros: number;
    readonly candidateInferenceMicros: number;
  };
}

/** How many blocks a range of so many rows has: the last may not be full. */
export function blocksOf(rows: number): number {
  return Math.ceil(rows / limits.rowsPerInferenceRunMax);
}

/**
 * Plans, loads the models, and runs the candidate over the blocks that `choose` picks of the plan; all when undefined. A mismatch or a row
 * on which the candidate fails is in the findings; thrown is only what makes a comparison impossible (see `planReplay`).
 */
export async function replayBlocks(
  options: ReplayOptions,
  choose?: (plan: ReplayPlan) => BlockRange,
): Promise<ReplayedBlocks> {
  const [replayed] = await replaySeveral([options], choose);
  if (replayed === undefined) throw errors.INTERNAL({ problem: 'nothing was replayed' });
  if (replayed.kind === 'failed') throw replayed.error;
  return replayed.blocks;
}

/** What became of one of several candidates. */
export type SeveralReplayed =
  | { readonly kind: 'replayed'; readonly blocks: ReplayedBlocks }
  | { readonly kind: 'failed'; readonly error: Error };

/**
 * As `replayBlocks` for several candidates over one record, which is read once. The options MUST differ in the candidate alone. A
 * candidate that cannot be compared is answered by itself; the others go on.
 */
export async function replaySeveral(
  several: readonly ReplayOptions[],
  choose?: (plan: ReplayPlan) => BlockRange,
): Promise<readonly SeveralReplayed[]> {
  const [options] = several;
  if (options === undefined) return [];
  const clock = options.clock ?? systemClock;
  const startedAtMicros = clock.nowMicros();
  const isPart = choose !== undefined;
  const prepared = await Promise.allSettled(several.map((each) => prepareLane(each, isPart)));
  const lanes = prepared.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  const [first] = lanes;
  if (first === undefined) return prepared.map(failedOf);
  try {
    const replayStartedMicros = clock.nowMicros();
    const { rows } = first.plan.count;
    const all = { from: 0, until: blocksOf(rows) };
    const blocks = choose?.(first.plan) ?? all;
    const rowsExpected = rowsIn(blocks, rows);
    const reach = await compareRows({
      batches: readBlocks(
        options,
        lanes.map(({ plan }) => plan),
        { blocks, all },
      ),
      firstBlock: blocks.from,
      lanes: lanes.map(({ lane }) => lane),
      onRows: (read) => {
        if (read >= noiseBegunAt * rowsExpected) for (const each of lanes) each.noise.begin();
        const seconds = (clock.nowMicros() - replayStartedMicros) / 1e6;
        options.onProgress?.({
          rows: read,
          total: rowsExpected,
          rowsPerSecond: seconds > 0 ? read / seconds : 0,
        });
      },
      signal: options.signal,
    });
    const timings = { startedAtMicros, replayMicros: clock.nowMicros() - replayStartedMicros };
    const replayed: SeveralReplayed[] = [];
    for (const each of prepared) {
      if (each.status === 'rejected') {
        replayed.push(failedOf(each));
        continue;
      }
      const failure = reach.failures.get(lanes.indexOf(each.value));
      replayed.push(
        failure === undefined
          ? await finishedLane(each.value, { blocks, reach, timings, isPart })
          : { kind: 'failed', error: errorOf(failure) },
      );
    }
    for (const { ranking } of lanes.filter((_, index) => reach.failures.has(index))) ranking?.close();
    return replayed;
  } catch (error) {
    for (const { ranking } of lanes) ranking?.close();
    throw error;
  } finally {
    await Promise.all(lanes.map(({ closeModels }) => closeModels()));
  }
}

function failedOf(settled: PromiseSettledResult<unknown>): SeveralReplayed {
  return { kind: 'failed', error: errorOf(settled.status === 'rejected' ? settled.reason : undefined) };
}

function errorOf(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : errors.INTERNAL({ problem: String(thrown) });
}

/** From this share of the rows on, the noise floor is measured beside the candidate, so that little of it is left for the end. */
const noiseBegunAt = 0.9;

/** A candidate that is ready to be run. */
interface PreparedLane {
  readonly options: ReplayOptions;
  readonly plan: ReplayPlan;
  readonly lane: ReplayLane;
  readonly noise: NoiseMeter;
  readonly inputs: CandidateInputs;
  readonly judge: Judge;
  readonly ranking: ScoreRanking | undefined;
  readonly scores: KeptScores | undefined;
  readonly candidateDigest: string;
  readonly controlDigest: string | undefined;
  readonly closeModels: () => Promise<void>;
}

async function prepareLane(options: ReplayOptions, isPart: boolean): Promise<PreparedLane> {
  const { plan, models } = await planAndLoad(options);
  const closeModels = async (): Promise<void> => {
    await Promise.all([...models.candidates.map((model) => model.close()), models.control?.close()]);
  };
  try {
    const candidateDigest = models.candidates[0].servedBy.artefactDigest;
    const inputs = candidateInputs({
      manifest: plan.candidate,
      missingFeature: options.missingFeature,
      set: options.set ?? {},
    });
    const { slices, judge } = judgeFor(options, plan);
    const { rankAside } = options;
    const isAside = !isPart && rankAside !== undefined && plan.count.rows >= rankAside.rowsMin;
    const scores = isAside ? undefined : rankingFor(plan, options);
    const ranking = isAside && isRanked(plan) ? rankAside.make(plan.count.rowsWithTruth) : scores;
    const lane = replayLane({
      rules: eligibilityOf(options, plan, candidateDigest),
      pairing: plan.pairing,
      candidates: models.candidates,
      control: models.control,
      recordedScoresAreSingle: plan.count.scoresAreSingle,
      inputs,
      contract: contractCounter(plan.candidate),
      judge,
      slices,
      ranking,
      noise: plan.control === undefined ? noiseSampler(plan.count.rows) : undefined,
      keepsTimedRows: options.rules?.latencyRatio !== undefined,
    });
    const controlDigest = models.control?.servedBy.artefactDigest;
    const noise = noiseMeter(options, { pairing: plan.pairing, samples: () => lane.found().noiseSamples });
    return {
      options,
      plan,
      lane,
      noise,
      inputs,
      judge,
      ranking,
      scores,
      candidateDigest,
      controlDigest,
      closeModels: async () => {
        await Promise.all([closeModels(), noise.close()]);
      },
    };
  } catch (error) {
    await closeModels();
    throw error;
  }
}

async function finishedLane(
  {
    options,
    plan,
    lane,
    noise: meter,
    inputs,
    judge,
    ranking,
    scores,
    candidateDigest,
    controlDigest,
  }: PreparedLane,
  run: {
    readonly blocks: BlockRange;
    readonly reach: Reach;
    readonly timings: { readonly startedAtMicros: number; readonly replayMicros: number };
    readonly isPart: boolean;
  },
): Promise<SeveralReplayed> {
  const { blocks, reach, timings, isPart } = run;
  const { noiseSamples: _, candidateInferenceMicros, timedRows, ...found } = lane.found();
  try {
    const measuring = meter.finish();
    // Met below; until then its rejection must not count as unhandled.
    measuring.catch(() => undefined);
    if (!isPart) {
      // The rows that are still to be run again are on their way to their worker before this thread is busy.
      await nextTurn();
      // Met by whoever asks again. In a thread of its own, where there is one.
      Promise.resolve(ranking?.auc()).catch(() => undefined);
      judge.search();
    }
    const noise = await measuring;
    const findings: PartFindings = {
      ...found,
      labels: [...found.labels],
      served: found.served.map((served) => ({ ...served })),
      failures: found.failures.map((failure) => ({ ...failure })),
      blocks: { from: blocks.from, until: reach.isComplete ? blocks.until : reach.nextBlock },
      rowsRead: reach.rowsRead,
      isComplete: reach.isComplete,
      noise: [...noise],
      latency: timedRows === undefined ? undefined : await latencyOf(options, { plan, timedRows, noise }),
      ...givenOf(inputs),
      candidateDigest,
      controlDigest,
    };
    return {
      kind: 'replayed',
      blocks: { plan, judge, ranking, scores, findings, timings: { ...timings, candidateInferenceMicros } },
    };
  } catch (error) {
    ranking?.close();
    return { kind: 'failed', error: errorOf(error) };
  }
}

/** The judge of a plan: the same for every part of it. */
export function judgeFor(
  options: Pick<ReplayOptions, 'profile' | 'rules'>,
  plan: ReplayPlan,
): { readonly slices: readonly SliceFeature[]; readonly judge: Judge } {
  const slices = sliceFeatures(plan.candidate, options.profile, plan.slices);
  const judge = createJudge({
    features: slices,
    rowsExpected: plan.count.rows,
    ...(options.rules === undefined ? undefined : { rules: options.rules }),
  });
  return { slices, judge };
}

/** Undefined: the task has no rank statistic, or the models give labels alone. */
export function rankingFor(
  plan: ReplayPlan,
  options: Pick<ReplayOptions, 'makeSpill'>,
): KeptScores | undefined {
  return isRanked(plan) ? scoreRanking(options.makeSpill) : undefined;
}

function isRanked({ pairing }: ReplayPlan): boolean {
  return pairing.task === 'binary-classification' && pairing.hasScore;
}

/** The record with the features of all plans. */
function readBlocks(
  { recorded }: ReplayOptions,
  plans: readonly ReplayPlan[],
  { blocks, all }: { readonly blocks: BlockRange; readonly all: BlockRange },
) {
  const [first] = plans;
  if (first === undefined) throw errors.INTERNAL({ problem: 'nothing was planned' });
  const features = [...new Set(plans.flatMap(({ query }) => query.features))].sort();
  const query = { ...first.query, features };
  if (blocks.from === all.from && blocks.until === all.until) return recorded.read(query);
  const { rowsPerInferenceRunMax: size } = limits;
  return recorded.read(query, { from: blocks.from * size, until: blocks.until * size });
}

function rowsIn({ from, until }: BlockRange, rows: number): number {
  const { rowsPerInferenceRunMax: size } = limits;
  return Math.min(rows, until * size) - Math.min(rows, from * size);
}

function givenOf(inputs: CandidateInputs): Pick<PartFindings, 'neverRecorded' | 'given'> {
  return { neverRecorded: [...inputs.neverRecorded()], given: [...inputs.given()] };
}

/** Against the control that was run, or else the registered version that served most rows. Undefined: there is none. */
async function latencyOf(
  options: ReplayOptions,
  run: {
    readonly plan: ReplayPlan;
    readonly timedRows: NonNullable<LaneFindings['timedRows']>;
    readonly noise: readonly NoiseMeasure[];
  },
): Promise<LatencyComparison | undefined> {
  const { plan, timedRows, noise } = run;
  const [served] = noise.toSorted((a, b) => b.rows - a.rows);
  const version = plan.control?.version ?? served?.version;
  if (version === undefined) return undefined;
  const control = await options.loadModel(version, { asServed: true });
  try {
    const candidate = await options.loadModel(plan.candidate.version, { asServed: true });
    try {
      return await compareLatency({
        control: { model: control, batch: timedRows.recorded },
        candidate: { model: candidate, batch: timedRows.given },
      });
    } finally {
      await candidate.close();
    }
  } finally {
    await control.close();
  }
}

interface ReplayModels {
  readonly candidates: readonly [InferenceModel, ...InferenceModel[]];
  readonly control: InferenceModel | undefined;
}

/** The rows are counted while the candidate's workers start; a plan that cannot be kept closes what was loaded. */
async function planAndLoad(
  options: ReplayOptions,
): Promise<{ readonly plan: ReplayPlan; readonly models: ReplayModels }> {
  const { candidate, manifests, loadModel, workers = 1 } = options;
  const loading = manifests.has(candidate) ? Array.from({ length: workers }, () => loadModel(candidate)) : [];
  // Met below, where the plan's own error comes first.
  for (const model of loading) model.catch(() => undefined);
  const loaded: InferenceModel[] = [];
  try {
    const plan = await planReplay(options);
    options.signal?.throwIfAborted();
    const control = plan.control === undefined ? undefined : await loadModel(plan.control.version);
    if (control !== undefined) loaded.push(control);
    const [first, ...others] = loading;
    const candidates = [await (first ?? loadModel(candidate)), ...(await Promise.all(others))] as const;
    return { plan, models: { candidates, control } };
  } catch (error) {
    for (const model of await Promise.allSettled(loading)) {
      if (model.status === 'fulfilled') loaded.push(model.value);
    }
    await Promise.all(loaded.map((model) => model.close()));
    throw error;
  }
}
