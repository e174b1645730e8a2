import { setImmediate as nextTurn } from 'node:timers/promises';
import type { RecordedBatch } from '../projections/datasets/recorded-predictions.js';
import type { ColumnBatch } from '../schemas/columns.js';
import type { InferenceModel } from '../services/inference/inference-model.js';
import { errors } from '../services/platform/errors.js';
import { limits } from '../services/platform/limits.js';
import { logLossClip } from '../stats/log-loss.js';
import type { CandidateInputs } from './candidate-inputs.js';
import { reusedArrays } from './chunk-arrays.js';
import type { ContractCounter, ContractCounts } from './contract-counts.js';
import type { Eligibility, ExcludedRows } from './eligible-rows.js';
import { eligibleRows } from './eligible-rows.js';
import type { Judge } from './judging/judge.js';
import type { GroupCodes, SliceFeature } from './judging/slices/slice-feature.js';
import type { NoiseSample, NoiseSampler } from './noise-floor.js';
import type { DecodedOutputs, OutputPairing } from './output-pairing.js';
import { decodedOutputs, decodeOutputs } from './output-pairing.js';
import { pairRows } from './pair-rows.js';
import { pickColumns } from './pick-columns.js';
import type { ScoreRanking } from './ranking/score-ranking.js';
import { recordedOutputs } from './recorded-outputs.js';
import type { RowChunk } from './row-chunks.js';
import { chunkOf } from './row-chunks.js';
import type { FailureBudget, RunSegment } from './run-in-halves.js';
import { runInHalves } from './run-in-halves.js';
import type { ServedVersion } from './served-versions.js';
import { servedVersions } from './served-versions.js';

/** One candidate on its way over the record. */
export interface ReplayLane {
  /** Takes a batch of the record, the next one; resolves when there is room for another. */
  accept(block: number, batch: RecordedBatch): Promise<void>;
  /** Resolves when everything that was accepted is judged. */
  drain(): Promise<void>;
  /** What was found besides what the judge knows; ask after `drain`. */
  found(): LaneFindings;
}

export interface LaneFindings {
  readonly excluded: ExcludedRows & { readonly controlUnanswered: number; readonly candidateFailed: number };
  /** Names of label codes. */
  readonly labels: readonly string[];
  /** Versions that served the rows that take part. */
  readonly served: readonly ServedVersion[];
  readonly noiseSamples: readonly NoiseSample[];
  readonly contract: ContractCounts;
  /** Rows to measure latency on, of the first batch that has some: as the candidate was given them, and as they were recorded. */
  readonly timedRows: { readonly given: ColumnBatch; readonly recorded: ColumnBatch } | undefined;
  /** First rows on which the candidate failed, at most ten. */
  readonly failures: readonly { readonly position: number; readonly message: string }[];
  readonly comparedRows: number;
  readonly candidateInferenceMicros: number;
}

export interface LaneOptions {
  readonly rules: Eligibility;
  readonly pairing: OutputPairing;
  /** The same model, once a worker; blocks go to them in turn. */
  readonly candidates: readonly InferenceModel[];
  /** Undefined: the record is the control. */
  readonly control: InferenceModel | undefined;
  /** Whether every recorded score is a 32-bit float; of meaning when the record is the control. */
  readonly recordedScoresAreSingle: boolean;
  readonly inputs: CandidateInputs;
  readonly contract: ContractCounter;
  readonly judge: Judge;
  /** Whose groups the judge is told for every row. */
  readonly slices: readonly SliceFeature[];
  /** Binary tasks with scores. */
  readonly ranking: ScoreRanking | undefined;
  readonly noise: NoiseSampler | undefined;
  /** Whether rows are kept to measure latency on. */
  readonly keepsTimedRows: boolean;
}

/** Batches in a model or on their way to it, besides one a worker. */
const batchesAheadMax = 2;
const failureExamplesMax = 10;
const timedRowsMax = 256;

/**
 * Runs the candidate (and the control, when it is a version) on the inputs of every eligible row, and puts the two sides beside each other
 * for the judge, block after block.
 */
export function replayLane(options: LaneOptions): ReplayLane {
  const { pairing, rules, candidates, control, inputs, judge, ranking, noise } = options;
  const excluded = {
    outOfSample: 0,
    servedByCandidate: 0,
    trainedOn: 0,
    controlUnanswered: 0,
    candidateFailed: 0,
  };
  const served = servedVersions();
  const failures: { position: number; message: string }[] = [];
  const budgets = { control: failureBudget(), candidate: failureBudget() };
  const inFlight: InFlight[] = [];
  const arrays = reusedArrays();
  let clip: number | undefined;
  let candidateInferenceMicros = 0;
  let comparedRows = 0;

  const fail = (position: number, message: string): void => {
    if (failures.length >= failureExamplesMax) return;
    if (failures.every((failure) => failure.position !== position)) failures.push({ position, message });
  };
  const finishOldest = async (): Promise<void> => {
    const oldest = inFlight.shift();
    if (oldest === undefined) return;
    const { block, chunk, answers } = oldest;
    const [ofCandidate, ofControl] = await answers;
    const ofRecord = control === undefined || ofControl === undefined;
    const isSingle = answersInSingles(ofCandidate, pairing);
    if (isSingle !== undefined) {
      const controlIsSingle = ofRecord
        ? options.recordedScoresAreSingle
        : answersInSingles(ofControl, pairing);
      clip ??= isSingle || controlIsSingle === true ? logLossClip.float32 : logLossClip.float64;
    }
    const threshold = candidates[0]?.manifest.threshold ?? 0.5;
    // A block is judged in milliseconds, and each fetch of rows is begun by the end of the one before: what waits comes first.
    await nextTurn();
    const paired = pairRows({
      pairing,
      chunk,
      control: ofRecord
        ? recordedOutputs(chunk, pairing, threshold, arrays)
        : decodeSegments(
            ofControl,
            decodedOutputs(pairing, chunk.rows, arrays, 'control'),
            pairing,
            control.manifest.threshold,
          ),
      candidate: decodeSegments(
        ofCandidate,
        decodedOutputs(pairing, chunk.rows, arrays, 'candidate'),
        pairing,
        threshold,
      ),
      arrays,
      // Until the candidate has answered a row there is none to judge.
      clip: clip ?? logLossClip.float64,
    });
    for (const segment of ofCandidate) {
      if (segment.kind === 'answered') candidateInferenceMicros += segment.output.inferenceMicros;
      else {
        for (const position of chunk.positions
          .subarray(segment.from, segment.until)
          .slice(0, failureExamplesMax)) {
          fail(position, segment.message);
        }
      }
    }
    for (const position of paired.candidateFailed) fail(position, 'the candidate gave no usable output');
    excluded.controlUnanswered += paired.controlUnanswered;
    excluded.candidateFailed += paired.candidateFailed.length;
    comparedRows += paired.rows.rows;
    await nextTurn();
    judge.add(block, paired.rows, groupCodes(options.slices, chunk, paired.kept), paired.failedCells);
    ranking?.add(paired.rows);
    chunk.release();
  };
  let timedRows: LaneFindings['timedRows'];
  const keepTimedRows = (chunk: RowChunk, given: ColumnBatch): void => {
    const count = Math.min(timedRowsMax, chunk.rows);
    if (count === 0 || timedRows !== undefined) return;
    const picked = Int32Array.from({ length: count }, (_, index) => Math.floor((index * chunk.rows) / count));
    timedRows = {
      given: { rows: count, columns: pickColumns(given.columns, picked) },
      recorded: { rows: count, columns: pickColumns(chunk.inputs, picked) },
    };
  };
  const start = (block: number, chunk: RowChunk): void => {
    const candidate = candidates[block % candidates.length];
    if (candidate === undefined) throw errors.INTERNAL({ problem: 'a lane without a candidate' });
    const given = inputs.of(chunk);
    const answers = Promise.all([
      chunk.rows === 0 ? [] : runInHalves(candidate, given, budgets.candidate),
      control === undefined || chunk.rows === 0
        ? undefined
        : runInHalves(
            control,
            { rows: chunk.rows, columns: recordedInputs(chunk, control) },
            budgets.control,
          ),
    ]);
    // The rejection is met when the chunk's turn comes; until then it must not count as unhandled.
    answers.catch(() => undefined);
    inFlight.push({ block, chunk, answers });
    // While the candidate runs.
    options.contract.add(given);
    if (options.keepsTimedRows) keepTimedRows(chunk, given);
  };

  return {
    accept: async (block, batch) => {
      const eligible = eligibleRows(batch, rules, excluded);
      noise?.add(batch, eligible);
      served.add(batch, eligible);
      start(block, chunkOf(batch, eligible));
      if (inFlight.length >= candidates.length + batchesAheadMax) await finishOldest();
    },
    drain: async () => {
      while (inFlight.length > 0) await finishOldest();
    },
    found: () => ({
      excluded,
      labels: pairing.labels,
      served: served.list(),
      noiseSamples: noise?.take() ?? [],
      contract: options.contract.counts(),
      timedRows,
      failures,
      comparedRows,
      candidateInferenceMicros,
    }),
  };
}

interface InFlight {
  readonly block: number;
  readonly chunk: RowChunk;
  readonly answers: Promise<readonly [readonly RunSegment[], readonly RunSegment[] | undefined]>;
}

function failureBudget(): FailureBudget {
  return { rowsLeft: limits.replayFailedRowsIsolatedMax };
}

/** Undefined: no row was answered. */
function answersInSingles(segments: readonly RunSegment[], pairing: OutputPairing): boolean | undefined {
  for (const segment of segments) {
    if (segment.kind === 'failed') continue;
    const columns = pairing.roles
      .filter((role) => role !== 'label')
      .map((role) => segment.output.outputs[role]);
    return columns.every((column) => column?.kind === 'number' && column.values instanceof Float32Array);
  }
  return undefined;
}

/** `kept`: the rows of the chunk that are judged, all when undefined. Columns are coded when and as far as they are asked for. */
function groupCodes(
  slices: readonly SliceFeature[],
  chunk: RowChunk,
  kept: Int32Array | undefined,
): GroupCodes {
  return (feature, picked) => {
    const slice = slices[feature];
    if (slice === undefined) throw errors.INTERNAL({ problem: `there is no slice feature ${feature}` });
    const rows =
      kept === undefined || picked === undefined ? (kept ?? picked) : picked.map((at) => kept[at] ?? 0);
    return slice.codesOf(chunk.inputs[slice.feature], chunk.rows, rows);
  };
}

function decodeSegments(
  segments: readonly RunSegment[],
  decoded: DecodedOutputs,
  pairing: OutputPairing,
  threshold: number,
): DecodedOutputs {
  for (const segment of segments) {
    if (segment.kind === 'failed') continue;
    const { rows, outputs } = segment.output;
    decodeOutputs({ pairing, outputs, rows, threshold, decoded, at: segment.from });
  }
  return decoded;
}

function recordedInputs(chunk: RowChunk, model: InferenceModel) {
  const names = new Set(model.manifest.features.map((feature) => feature.name));
  return Object.fromEntries(Object.entries(chunk.inputs).filter(([name]) => names.has(name)));
}
