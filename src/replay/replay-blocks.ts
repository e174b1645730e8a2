import type { InferenceModel } from '../services/inference/inference-model.js';
import { systemClock } from '../services/platform/clock.js';
import { limits } from '../services/platform/limits.js';
import type { CandidateInputs } from './candidate-inputs.js';
import { candidateInputs } from './candidate-inputs.js';
import type { BlockRange } from './compare-rows.js';
import { compareRows } from './compare-rows.js';
import { contractCounter } from './contract-counts.js';
import type { Judge } from './judging/judge.js';
import { createJudge } from './judging/judge.js';
import type { SliceFeature } from './judging/slices/slice-feature.js';
import { sliceFeatures } from './judging/slices/slice-feature.js';
import type { NoiseMeasure, NoiseSample } from './noise-floor.js';
import { measureNoise, noiseSampler } from './noise-floor.js';
import type { PartFindings } from './part/replay-part.js';
import type { ReplayPlan } from './plan-replay.js';
import { eligibilityOf, planReplay } from './plan-replay.js';
import type { ScoreRanking } from './ranking/score-ranking.js';
import { scoreRanking } from './ranking/score-ranking.js';
import { replayLane } from './replay-lane.js';
import type { ReplayOptions } from './replay-options.js';

/** What running the candidate over some blocks of the record gave, not judged to the end yet. */
export interface ReplayedBlocks {
  readonly plan: ReplayPlan;
  readonly findings: PartFindings;
  readonly judge: Judge;
  /** Of binary tasks with scores; the caller closes it. */
  readonly ranking: ScoreRanking | undefined;
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
  const clock = options.clock ?? systemClock;
  const startedAtMicros = clock.nowMicros();
  const { plan, models } = await planAndLoad(options);
  const ranking = rankingFor(plan, options);
  try {
    const replayStartedMicros = clock.nowMicros();
    const all = { from: 0, until: blocksOf(plan.count.rows) };
    const blocks = choose?.(plan) ?? all;
    const inputs = candidateInputs({
      manifest: plan.candidate,
      missingFeature: options.missingFeature,
      set: options.set ?? {},
    });
    const { slices, judge } = judgeFor(options, plan);
    const lane = replayLane({
      rules: eligibilityOf(options, plan, models.candidates[0].servedBy.artefactDigest),
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
    });
    const rowsExpected = rowsIn(blocks, plan.count.rows);
    const reach = await compareRows({
      batches: readBlocks(options, plan, blocks, all),
      firstBlock: blocks.from,
      lanes: [lane],
      onRows: (rows) => {
        const seconds = (clock.nowMicros() - replayStartedMicros) / 1e6;
        options.onProgress?.({
          rows,
          total: rowsExpected,
          rowsPerSecond: seconds > 0 ? rows / seconds : 0,
        });
      },
      signal: options.signal,
    });
    const replayMicros = clock.nowMicros() - replayStartedMicros;
    const { noiseSamples, candidateInferenceMicros, ...found } = lane.found();
    const noise = await measureServed(options, plan, noiseSamples);
    return {
      plan,
      judge,
      ranking,
      findings: {
        ...found,
        labels: [...found.labels],
        served: found.served.map((served) => ({ ...served })),
        failures: found.failures.map((failure) => ({ ...failure })),
        blocks: { from: blocks.from, until: reach.isComplete ? blocks.until : reach.nextBlock },
        rowsRead: reach.rowsRead,
        isComplete: reach.isComplete,
        noise,
        ...givenOf(inputs),
        candidateDigest: models.candidates[0].servedBy.artefactDigest,
        controlDigest: models.control?.servedBy.artefactDigest,
      },
      timings: { startedAtMicros, replayMicros, candidateInferenceMicros },
    };
  } catch (error) {
    ranking?.close();
    throw error;
  } finally {
    await Promise.all([...models.candidates.map((model) => model.close()), models.control?.close()]);
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
): ScoreRanking | undefined {
  if (plan.pairing.task !== 'binary-classification' || !plan.pairing.hasScore) return undefined;
  return scoreRanking(options.makeSpill);
}

function readBlocks(options: ReplayOptions, plan: ReplayPlan, blocks: BlockRange, all: BlockRange) {
  if (blocks.from === all.from && blocks.until === all.until) return options.recorded.read(plan.query);
  const { rowsPerInferenceRunMax: size } = limits;
  return options.recorded.read(plan.query, { from: blocks.from * size, until: blocks.until * size });
}

function rowsIn({ from, until }: BlockRange, rows: number): number {
  const { rowsPerInferenceRunMax: size } = limits;
  return Math.min(rows, until * size) - Math.min(rows, from * size);
}

function givenOf(inputs: CandidateInputs): Pick<PartFindings, 'neverRecorded' | 'given'> {
  return { neverRecorded: [...inputs.neverRecorded()], given: [...inputs.given()] };
}

/** Runs samples again by the versions that served them, as far as they are registered. */
async function measureServed(
  options: ReplayOptions,
  plan: ReplayPlan,
  samples: readonly NoiseSample[],
): Promise<NoiseMeasure[]> {
  const groups = new Map<string, NoiseSample[]>();
  for (const sample of samples) {
    if (!options.manifests.has(sample.version)) continue;
    const key = `${sample.digest} ${sample.version}`;
    const group = groups.get(key) ?? [];
    groups.set(key, group);
    group.push(sample);
  }
  const measures: NoiseMeasure[] = [];
  for (const group of groups.values()) {
    const model = await options.loadModel(group[0]?.version ?? '');
    try {
      measures.push(await measureNoise({ samples: group, model, pairing: plan.pairing }));
    } finally {
      await model.close();
    }
  }
  return measures;
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
