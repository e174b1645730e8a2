import { z } from 'zod';
import type { PairedAuc } from '../../stats/auc.js';
import type { UndefinedStatistic } from '../../stats/undefined-statistic.js';
import type { ReplayExpectation, ReplayMetric, ReplayReport } from '../report/report-schema.js';
import type { Task } from '../../schemas/model-manifest.js';
import type { LatencyComparison } from '../measure-latency.js';
import { alignedFold } from './aligned-fold.js';
import { BlockTally, blockTallyOf, joinBlocks } from './block-tally.js';
import { clustersOf, emptyCells, sumOfArrays } from './cell-sums.js';
import { calibrationOf } from './calibration-tally.js';
import { correctedGates } from './corrected-gates.js';
import { daysOf } from './day-tally.js';
import { densityOf } from './density-tally.js';
import { DistanceCounts, distanceTally, type DistanceTally } from './distance-tally.js';
import { classesOf } from './class-metrics.js';
import { flipCounts, flipsOf } from './flips.js';
import { defaultRules, type GateRules } from './gate-rules.js';
import type { AnsweredRows } from './gates.js';
import { agreementGate, failureGate, lossGate } from './gates.js';
import { jointOf } from './joint-tally.js';
import { judgedLosses } from './judged-losses.js';
import { intervalOfMargin, largestVarianceShare, type LossTally } from './loss-tally.js';
import { metricGates } from './metric-gates.js';
import { metricsOf } from './metrics.js';
import type { PairedRows } from './paired-rows.js';
import { discoverSlices, type SliceSearch } from './slices/discover-slices.js';
import { slicesOf } from './slices/judged-slices.js';
import type { GroupCodes, SliceFeature } from './slices/slice-feature.js';
import { SliceSample, sliceSampler } from './slices/slice-sample.js';
import { subjectCells } from './subject-cells.js';
import type { WorstPick } from './worst-rows.js';

export type Judgement = Pick<
  ReplayReport,
  | 'gates'
  | 'metrics'
  | 'classes'
  | 'flips'
  | 'shift'
  | 'density'
  | 'joint'
  | 'calibration'
  | 'days'
  | 'slices'
> & {
  /** Compared rows, and those whose truth is known. */
  readonly rows: number;
  readonly judged: number;
  readonly worst: WorstPick;
  /** Undefined: there were no features to search over. */
  readonly search: SliceSearch | undefined;
};

/** All that a judge knows of the blocks that it was given: what a part of a sharded replay carries. */
export const JudgeState = z.strictObject({
  blocks: z.array(z.strictObject({ level: z.number(), index: z.number(), value: BlockTally.optional() })),
  distances: DistanceCounts,
  sample: SliceSample,
  /** Rows that the candidate failed on, by the cell of their subject. */
  failed: z.instanceof(Float64Array),
});
export type JudgeState = z.infer<typeof JudgeState>;

export interface Judge {
  /**
   * The compared rows of a block, none perhaps; blocks in ascending order. `codes`: of these rows; asked only before this returns.
   * `failedCells`: of the subjects of the rows that the candidate failed on.
   */
  add(block: number, rows: PairedRows, codes?: GroupCodes, failedCells?: Uint16Array): void;
  /** What another judge of the same setting knows of the blocks right after these. */
  addState(state: JudgeState): void;
  state(): JudgeState;
  /**
   * Does what of `finish` needs no answer to its question, the search for slices, and gives the rows that the judgement will name. Afterwards
   * nothing may be added.
   */
  search(): NamedRows;
  finish(question: JudgeQuestion): Judgement;
}

/** Positions in the log. */
export interface NamedRows {
  readonly worst: readonly number[];
  /** Of found slices. */
  readonly examples: readonly number[];
}

export interface JudgeQuestion {
  readonly task: Task;
  /** Names of all labels that rows have, in the order of the report. */
  readonly labels: readonly string[];
  readonly expect: ReplayExpectation;
  readonly candidateFailed: number;
  /** Of the judged rows of a binary task; undefined: some have no score. */
  readonly auc: PairedAuc | UndefinedStatistic | undefined;
  /** Undefined: not asked for, or not to be had. */
  readonly latency?: LatencyComparison | undefined;
}

/**
 * Judges the compared rows as they come, in memory that does not grow with them, so that the judging hides behind the model. Pure: the same
 * rows in the same blocks give the same judgement to the last bit, whether one judge saw them all or several some each.
 */
export function createJudge(
  setting: {
    readonly features?: readonly SliceFeature[];
    /** About how many rows will come, to all judges together. */
    readonly rowsExpected?: number;
    readonly rules?: GateRules;
  } = {},
): Judge {
  const { features = [], rowsExpected = 0, rules = defaultRules } = setting;
  const blocks = alignedFold(joinBlocks);
  const distances = distanceTally();
  const sampler = sliceSampler(features.length, rowsExpected);
  // Whole numbers, which come to the same in any order.
  let failed = new Float64Array(subjectCells);
  let total: BlockTally | undefined;
  let searched: SliceSearch | undefined;
  const search = (): NamedRows => {
    total ??= blocks.total();
    if (features.length > 0) searched ??= discoverSlices(features, sampler.take());
    return {
      worst: worstOf(total).rows.map(({ position }) => position),
      examples: searched?.slices.flatMap(({ examples }) => examples) ?? [],
    };
  };
  return {
    add: (block, rows, codes, failedCells = new Uint16Array()) => {
      for (const cell of failedCells) failed[cell] = (failed[cell] ?? 0) + 1;
      if (rows.rows === 0) {
        blocks.add({ level: 0, index: block, value: undefined });
        return;
      }
      const judged = judgedLosses(rows);
      blocks.add({
        level: 0,
        index: block,
        value: blockTallyOf(rows, judged, { rules, features, codes }),
      });
      distances.add(rows);
      if (codes !== undefined) sampler.add(rows, judged, codes);
    },
    addState: (state) => {
      for (const { level, index, value } of state.blocks) blocks.add({ level, index, value });
      distances.addCounts(state.distances);
      sampler.addSample(state.sample);
      failed = sumOfArrays(failed, state.failed);
    },
    state: () => ({
      blocks: blocks.nodes.map((node) => ({ ...node })),
      distances: distances.counts(),
      sample: sampler.take(),
      failed: failed.slice(),
    }),
    search,
    finish: (question) => {
      search();
      return judgementOf({
        total,
        failed,
        distances,
        search: searched,
        features,
        rules,
        question,
      });
    },
  };
}

const noLosses: LossTally = { judged: 0, positives: 0 };

function judgementOf(found: {
  readonly total: BlockTally | undefined;
  readonly failed: Float64Array;
  readonly distances: DistanceTally;
  readonly search: SliceSearch | undefined;
  readonly features: readonly SliceFeature[];
  readonly rules: GateRules;
  readonly question: JudgeQuestion;
}): Judgement {
  const { total, failed, distances, search, features, rules, question } = found;
  const { task, labels, expect, candidateFailed, auc } = question;
  const rows = total?.rows ?? 0;
  const losses = total?.losses ?? noLosses;
  const flips = task === 'regression' ? undefined : flipCounts(labels, total?.labels ?? { counts: [] });
  const metrics = metricsOf({
    task,
    losses,
    flips,
    values: total?.values,
    auc,
    errorWithin: rules.errorWithin,
  });
  const tallies = total?.slices ?? [];
  const judgedSlices = slicesOf({ task, features, tallies, losses, rules });
  const answered = {
    rows,
    beyond: total?.beyond ?? 0,
    candidateFailed,
    cells: answeredCells(total, failed, candidateFailed),
  };
  const gates = {
    same: () => [agreementGate(rules, answered)],
    'no-worse': () => [
      lossGate(task, rules.margin, {
        judged: losses.judged,
        positives: losses.positives,
        problem: losses.problem,
        loss: meansOf(losses),
        margin: intervalOfMargin(losses.margin),
        largestVarianceShare: largestVarianceShare(losses.margin),
        clusters: clustersOf(losses.margin?.cells),
        slice: null,
      }),
      ...(candidateFailed === 0 ? [] : [failureGate(rules, answered)]),
      ...judgedSlices.gates,
    ],
    anything: () => [],
  };
  return {
    rows,
    judged: losses.judged,
    gates: correctedGates([
      ...gates[expect](),
      ...metricGates(rules, { metrics, flips, auc, latency: question.latency }),
    ]),
    slices: judgedSlices.slices,
    search,
    metrics,
    classes: task === 'multiclass-classification' ? classesOf(flips) : [],
    flips: flipsOf(flips),
    shift: shiftOf(distances, metrics, { beyond: total?.beyond ?? 0, tolerance: rules.tolerance }),
    density: densityOf(total?.density),
    joint: jointOf(total?.joint),
    calibration: calibrationOf(total?.calibration),
    days: daysOf(total?.days ?? []),
    worst: worstOf(total),
  };
}

function worstOf(total: BlockTally | undefined): WorstPick {
  const { loss, problem } = total?.losses ?? noLosses;
  return loss !== undefined && problem === undefined
    ? { by: 'loss', rows: total?.worstByLoss ?? [] }
    : { by: 'distance', rows: total?.worstByDistance ?? [] };
}

/** Undefined: rows have no subjects, or those of the failed ones are not known. */
function answeredCells(
  total: BlockTally | undefined,
  failed: Float64Array,
  candidateFailed: number,
): AnsweredRows['cells'] {
  const known = failed.reduce((sum, rows) => sum + rows, 0);
  const compared = total?.beyondCells ?? (total === undefined && known > 0 ? emptyCells() : undefined);
  if (compared === undefined || known !== candidateFailed) return undefined;
  return { rows: compared.rows, beyond: compared.sums, failed };
}

function meansOf({ loss }: LossTally): { readonly control: number; readonly candidate: number } {
  if (loss === undefined) return { control: Number.NaN, candidate: Number.NaN };
  const { count } = loss.difference;
  return { control: loss.control / count, candidate: loss.candidate / count };
}

function shiftOf(
  distances: DistanceTally,
  metrics: readonly ReplayMetric[],
  { beyond, tolerance }: { readonly beyond: number; readonly tolerance: number },
): Judgement['shift'] {
  const probabilities = [0.5, 0.9, 0.99, 1];
  const quantiles = distances.quantiles(probabilities);
  if (quantiles === undefined) return null;
  const mean = metrics.find((metric) => metric.name === 'mean score' || metric.name === 'mean value');
  return {
    mean: mean?.difference ?? null,
    interval: mean?.interval ?? null,
    distance: probabilities.map((probability, index) => ({
      probability,
      value: quantiles[index] ?? Number.NaN,
    })),
    tolerance,
    beyondTolerance: beyond,
  };
}
