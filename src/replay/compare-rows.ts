import type { RecordedBatch } from '../projections/datasets/recorded-predictions.js';
import type { InferenceModel } from '../services/inference/inference-model.js';
import { errors } from '../services/platform/errors.js';
import { limits } from '../services/platform/limits.js';
import type { CandidateInputs } from './candidate-inputs.js';
import type { Eligibility, ExcludedRows } from './eligible-rows.js';
import { eligibleRows } from './eligible-rows.js';
import type { Judge } from './judging/judge.js';
import type { PairedRows } from './judging/paired-rows.js';
import type { GroupCodes, SliceFeature } from './judging/slices/slice-feature.js';
import type { NoiseSample } from './noise-floor.js';
import { noiseSampler } from './noise-floor.js';
import type { DecodedOutputs, OutputPairing } from './output-pairing.js';
import { decodedOutputs, decodeOutputs } from './output-pairing.js';
import { pairBuilder } from './pair-rows.js';
import { recordedOutputs } from './recorded-outputs.js';
import type { RowChunk } from './row-chunks.js';
import { rowChunker } from './row-chunks.js';
import type { FailureBudget, RunSegment } from './run-in-halves.js';
import { runInHalves } from './run-in-halves.js';
import type { ServedVersion } from './served-versions.js';
import { servedVersions } from './served-versions.js';

export interface ComparedRows {
  readonly rows: PairedRows;
  readonly excluded: ExcludedRows & { readonly controlUnanswered: number; readonly candidateFailed: number };
  /** Versions that served the rows that take part. */
  readonly served: readonly ServedVersion[];
  readonly noiseSamples: readonly NoiseSample[];
  /** First rows on which the candidate failed, at most ten. */
  readonly failures: readonly { readonly position: number; readonly message: string }[];
  readonly candidateInferenceMicros: number;
}

/** Chunks on their way through a model at once: one runs, one waits, and one is being read. */
const chunksInFlightMax = 3;
const failureExamplesMax = 10;

/**
 * Reads the record, runs the candidate (and the control, when it is a version) on the inputs of every eligible row, and
 * puts the two sides beside each other for the judge. Reading, inference in workers and judging overlap; memory holds a few chunks and
 * some 50 bytes a compared row.
 */
export async function compareRows(options: {
  readonly batches: AsyncIterable<RecordedBatch>;
  readonly rowsExpected: number;
  readonly rules: Eligibility;
  readonly pairing: OutputPairing;
  readonly candidate: InferenceModel;
  readonly control: InferenceModel | undefined;
  readonly inputs: CandidateInputs;
  readonly judge: Judge;
  /** Whose groups the judge is told for every row. */
  readonly slices: readonly SliceFeature[];
  readonly onRows: (rowsRead: number) => void;
  readonly signal: AbortSignal | undefined;
}): Promise<ComparedRows> {
  const { pairing, rules, candidate, control, inputs, judge, signal } = options;
  const excluded: ExcludedRows = { outOfSample: 0, servedByCandidate: 0, trainedOn: 0 };
  const chunker = rowChunker(limits.rowsPerInferenceRunMax);
  const noise = noiseSampler(options.rowsExpected);
  const served = servedVersions();
  const pairs = pairBuilder(pairing);
  const failures: { position: number; message: string }[] = [];
  const budgets = { control: failureBudget(), candidate: failureBudget() };
  const inFlight: InFlight[] = [];
  let candidateInferenceMicros = 0;
  let rowsRead = 0;

  const finishOldest = async (): Promise<void> => {
    const oldest = inFlight.shift();
    if (oldest === undefined) return;
    const [ofCandidate, ofControl] = await oldest.answers;
    const { chunk } = oldest;
    const candidateOutputs = decodeSegments(ofCandidate, chunk, pairing, candidate);
    const controlOutputs =
      control === undefined || ofControl === undefined
        ? recordedOutputs(chunk, pairing, candidate.manifest.threshold)
        : decodeSegments(ofControl, chunk, pairing, control);
    const before = pairs.rows;
    const kept = pairs.add(chunk, controlOutputs, candidateOutputs);
    judge.add(pairs.build(), before, pairs.rows, groupCodes(options.slices, chunk, kept));
    chunk.release();
    for (const segment of ofCandidate) {
      if (segment.kind === 'answered') candidateInferenceMicros += segment.output.inferenceMicros;
      else if (failures.length < failureExamplesMax) {
        failures.push({ position: chunk.positions[segment.from] ?? 0, message: segment.message });
      }
    }
  };
  const start = async (chunk: RowChunk): Promise<void> => {
    const answers = Promise.all([
      runInHalves(candidate, inputs.of(chunk), budgets.candidate),
      control === undefined
        ? undefined
        : runInHalves(
            control,
            { rows: chunk.rows, columns: recordedInputs(chunk, control) },
            budgets.control,
          ),
    ]);
    // The rejection is met when the chunk's turn comes; until then it must not count as unhandled.
    answers.catch(() => undefined);
    inFlight.push({ chunk, answers });
    if (inFlight.length >= chunksInFlightMax) await finishOldest();
  };

  for await (const batch of options.batches) {
    signal?.throwIfAborted();
    const eligible = eligibleRows(batch, rules, excluded);
    if (control === undefined) noise.add(batch, eligible);
    served.add(batch, eligible);
    for (const chunk of chunker.add(batch, eligible)) await start(chunk);
    rowsRead += batch.rows;
    options.onRows(rowsRead);
  }
  const rest = chunker.rest();
  if (rest !== undefined) await start(rest);
  while (inFlight.length > 0) await finishOldest();
  signal?.throwIfAborted();

  for (const position of pairs.unanswered) {
    if (failures.length >= failureExamplesMax) break;
    if (!failures.some((failure) => failure.position === position)) {
      failures.push({ position, message: 'the candidate gave no usable output' });
    }
  }
  return {
    rows: pairs.build(),
    excluded: { ...excluded, ...pairs.counts },
    served: served.list(),
    noiseSamples: noise.take(),
    failures,
    candidateInferenceMicros,
  };
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

interface InFlight {
  readonly chunk: RowChunk;
  readonly answers: Promise<readonly [readonly RunSegment[], readonly RunSegment[] | undefined]>;
}

function failureBudget(): FailureBudget {
  return { rowsLeft: limits.replayFailedRowsIsolatedMax };
}

function decodeSegments(
  segments: readonly RunSegment[],
  chunk: RowChunk,
  pairing: OutputPairing,
  model: InferenceModel,
): DecodedOutputs {
  const decoded = decodedOutputs(pairing, chunk.rows);
  const { threshold } = model.manifest;
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
