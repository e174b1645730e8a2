import type { RecordedBatch } from '../projections/datasets/recorded-predictions.js';
import type { Column } from '../schemas/columns.js';
import type { ModelManifest } from '../schemas/model-manifest.js';
import type { InferenceModel } from '../services/inference/inference-model.js';
import type { EligibleRows } from './eligible-rows.js';
import { positionSampler } from './eligible-rows.js';
import type { DecodedOutputs, OutputPairing } from './output-pairing.js';
import { decodedOutputs, decodeOutputs, isAnswered } from './output-pairing.js';
import type { NoiseFloorOfVersion } from './report/report-schema.js';
import type { RowChunk } from './row-chunks.js';
import { rowChunker } from './row-chunks.js';
import { runInHalves } from './run-in-halves.js';

/** Most rows of one version that are run again. */
const noiseFloorRowsMax = 2_048;
/** Largest |difference| of score (of value: relative to it) at which a record counts as reproduced. */
export const noiseFloorLimit = 1e-6;
/** The sample has its own seed, so that it does not overlap with `--sample` in a systematic way. */
const sampleSeed = 0x6e6f6973;

export interface NoiseSample {
  readonly version: string;
  /** Of the artefact that served these rows, as recorded. */
  readonly digest: string;
  readonly chunk: RowChunk;
}

export interface NoiseSampler {
  add(batch: RecordedBatch, eligible: EligibleRows): void;
  take(): readonly NoiseSample[];
}

/** Collects, for each served version, up to 2,048 rows by hash of position. `rowsExpected`: about how many will come. */
export function noiseSampler(rowsExpected: number): NoiseSampler {
  // A little under the maximum on average, so that the maximum, which would favour early rows, is hardly ever reached.
  const inSample = positionSampler(
    Math.min(1, (0.9 * noiseFloorRowsMax) / Math.max(1, rowsExpected)),
    sampleSeed,
  );
  const groups = new Map<
    string,
    { version: string; digest: string; chunker: ReturnType<typeof rowChunker>; full?: RowChunk }
  >();
  return {
    add: (batch, eligible) => {
      const picked = new Map<string, number[]>();
      for (let index = 0; index < eligible.count; index += 1) {
        const row = eligible.picked === undefined ? index : (eligible.picked[index] ?? 0);
        if (!inSample(eligible.positions[row] ?? 0)) continue;
        const digest = textAt(batch.modelDigest, row);
        const version = textAt(batch.version, row);
        if (digest === '') continue;
        const key = `${digest} ${version}`;
        const rows = picked.get(key);
        if (rows === undefined) picked.set(key, [row]);
        else rows.push(row);
        if (!groups.has(key)) groups.set(key, { version, digest, chunker: rowChunker(noiseFloorRowsMax) });
      }
      // The batch goes on to the candidate; here a few of its rows are copied.
      const kept = { ...batch, release: () => undefined };
      for (const [key, rows] of picked) {
        const group = groups.get(key);
        if (group === undefined || group.full !== undefined) continue;
        const selection = { ...eligible, picked: Int32Array.from(rows), count: rows.length };
        for (const chunk of group.chunker.add(kept, selection)) {
          group.full = chunk;
          break;
        }
      }
    },
    take: () =>
      [...groups.values()].flatMap(({ version, digest, chunker, full }) => {
        const chunk = full ?? chunker.rest();
        return chunk === undefined ? [] : [{ version, digest, chunk }];
      }),
  };
}

/** Runs a sample again by the version that served it, and compares with the record. */
export async function measureNoiseFloor(options: {
  readonly sample: NoiseSample;
  readonly model: InferenceModel;
  readonly pairing: OutputPairing;
}): Promise<NoiseFloorOfVersion> {
  const { sample, model, pairing } = options;
  const { chunk, version, digest } = sample;
  const base = { version, digest, rows: chunk.rows };
  if (model.servedBy.artefactDigest !== digest) {
    const problem = `${version} is now the artefact ${model.servedBy.artefactDigest}, not the one that served these rows`;
    return { ...base, maxDifference: null, labelsChanged: null, reproduced: false, problem };
  }
  const recorded = decodedOutputs(pairing, chunk.rows);
  const again = decodedOutputs(pairing, chunk.rows);
  const { threshold } = model.manifest;
  decodeOutputs({ pairing, outputs: chunk.outputs, rows: chunk.rows, threshold, decoded: recorded, at: 0 });
  const inputs = featuresOf(chunk, model.manifest);
  const segments = await runInHalves(
    model,
    { rows: chunk.rows, columns: inputs },
    { rowsLeft: noiseFloorRowsMax },
  );
  let firstFailure: string | undefined;
  for (const segment of segments) {
    if (segment.kind === 'failed') firstFailure ??= segment.message;
    else {
      const { rows, outputs } = segment.output;
      decodeOutputs({ pairing, outputs, rows, threshold, decoded: again, at: segment.from });
    }
  }
  return { ...base, ...compared({ pairing, recorded, again, rows: chunk.rows, firstFailure }) };
}

function compared(options: {
  readonly pairing: OutputPairing;
  readonly recorded: DecodedOutputs;
  readonly again: DecodedOutputs;
  readonly rows: number;
  readonly firstFailure: string | undefined;
}): Pick<NoiseFloorOfVersion, 'maxDifference' | 'labelsChanged' | 'reproduced' | 'problem'> {
  const { pairing, recorded, again, rows, firstFailure } = options;
  let maxDifference = 0;
  let labelsChanged = 0;
  let unanswered = 0;
  for (let row = 0; row < rows; row += 1) {
    if (!isAnswered(pairing, recorded, row)) continue;
    if (!isAnswered(pairing, again, row)) {
      unanswered += 1;
      continue;
    }
    if (recorded.label[row] !== again.label[row]) labelsChanged += 1;
    for (const [index, scores] of recorded.scores.entries()) {
      const then = scores[row] ?? Number.NaN;
      const now = again.scores[index]?.[row] ?? Number.NaN;
      const scale = pairing.task === 'regression' ? Math.max(1, Math.abs(then)) : 1;
      maxDifference = Math.max(maxDifference, Math.abs(now - then) / scale);
    }
  }
  const problem = likelyCause({ maxDifference, labelsChanged, unanswered, firstFailure });
  return { maxDifference, labelsChanged, reproduced: problem === null, problem };
}

function likelyCause(found: {
  readonly maxDifference: number;
  readonly labelsChanged: number;
  readonly unanswered: number;
  readonly firstFailure: string | undefined;
}): string | null {
  if (found.unanswered > 0) {
    return `the model fails now on ${found.unanswered} rows that it answered then (${found.firstFailure ?? 'no usable output'}); likely: inputs that it used are not in the record`;
  }
  if (found.maxDifference > 1e-3) {
    return 'likely: the record or the stored artefact was changed, or inputs that the model used are not in the record';
  }
  if (found.maxDifference > noiseFloorLimit) {
    return 'likely: another version of the runtime, another number of threads, or other batch sizes than when it served';
  }
  if (found.labelsChanged > 0) return 'labels changed though the scores did not; likely: another threshold';
  return null;
}

function featuresOf(chunk: RowChunk, manifest: ModelManifest): { readonly [feature: string]: Column } {
  const columns: { [feature: string]: Column } = {};
  for (const { name } of manifest.features) {
    const column = chunk.inputs[name];
    if (column !== undefined) columns[name] = column;
  }
  return columns;
}

function textAt(column: Column & { readonly kind: 'dictionary' }, row: number): string {
  if (column.valid !== undefined && column.valid[row] === 0) return '';
  return column.dictionary[column.codes[row] ?? -1] ?? '';
}
