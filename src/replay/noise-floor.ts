import { z } from 'zod';
import type { RecordedBatch } from '../projections/datasets/recorded-predictions.js';
import type { Column } from '../schemas/columns.js';
import type { ModelManifest } from '../schemas/model-manifest.js';
import type { InferenceModel } from '../services/inference/inference-model.js';
import type { EligibleRows } from './eligible-rows.js';
import { positionSampler } from './eligible-rows.js';
import type { DecodedOutputs, OutputPairing } from './output-pairing.js';
import { answeredRows, decodedOutputs, decodeOutputs } from './output-pairing.js';
import type { NoiseFloorOfVersion } from './report/report-schema.js';
import type { RowChunk } from './row-chunks.js';
import { chunkOf } from './row-chunks.js';
import { runInHalves } from './run-in-halves.js';

/** About so many rows are run again. */
const noiseFloorRows = 1_843;
/** Largest |difference| of score (of value: relative to it) at which a record counts as reproduced. */
export const noiseFloorLimit = 1e-6;
/** The sample has its own seed, so that it does not overlap with `--sample` in a systematic way. */
const sampleSeed = 0x6e6f6973;
const runsAtOnce = 32;

/** Rows that one version served, of one batch of the record. */
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

/**
 * Collects about 1,843 rows by hash of position, however many versions served them. They are run again as they lie in their
 * batches, so that what is measured does not depend on who measures which batches. `rowsExpected`: about how many will come.
 */
export function noiseSampler(rowsExpected: number): NoiseSampler {
  const inSample = positionSampler(Math.min(1, noiseFloorRows / Math.max(1, rowsExpected)), sampleSeed);
  const samples: NoiseSample[] = [];
  return {
    add: (batch, { picked, count, positions, occurredAt }) => {
      const { codes, servers } = batch.served;
      const rowsOf = new Map<number, { version: string; digest: string; rows: number[] }>();
      for (let index = 0; index < count; index += 1) {
        const row = picked === undefined ? index : (picked[index] ?? 0);
        if (!inSample(positions[row] ?? 0)) continue;
        const code = codes[row] ?? 0;
        const { version, digest } = servers[code] ?? { version: '', digest: null };
        if (digest === null) continue;
        const group = rowsOf.get(code) ?? { version, digest, rows: [] };
        rowsOf.set(code, group);
        group.rows.push(row);
      }
      // The batch goes on to the candidate; here a few of its rows are copied.
      const kept = { ...batch, release: () => undefined };
      for (const { version, digest, rows } of rowsOf.values()) {
        const selection = { picked: Int32Array.from(rows), count: rows.length, positions, occurredAt };
        samples.push({ version, digest, chunk: chunkOf(kept, selection) });
      }
    },
    take: () => samples,
  };
}

/** What running rows of one version again came to; two of the same version and digest can be joined. */
export const NoiseMeasure = z.strictObject({
  version: z.string(),
  digest: z.string(),
  rows: z.number(),
  maxDifference: z.number(),
  labelsChanged: z.number(),
  unanswered: z.number(),
  firstFailure: z.string().optional(),
  /** The artefact that the version is now, when it is another one: then nothing was run. */
  nowDigest: z.string().optional(),
});
export type NoiseMeasure = z.infer<typeof NoiseMeasure>;

/** Runs samples again by the version that served them, and compares with the record. All of one version and digest; at least one. */
export async function measureNoise(options: {
  readonly samples: readonly NoiseSample[];
  readonly model: InferenceModel;
  readonly pairing: OutputPairing;
}): Promise<NoiseMeasure> {
  const { samples, model, pairing } = options;
  const nowDigest = model.servedBy.artefactDigest;
  const [first] = samples;
  const digest = first?.digest ?? nowDigest;
  const start: NoiseMeasure = {
    version: first?.version ?? model.manifest.version,
    digest,
    rows: 0,
    maxDifference: 0,
    labelsChanged: 0,
    unanswered: 0,
    ...(nowDigest === digest ? undefined : { nowDigest }),
  };
  if (nowDigest !== digest) {
    return { ...start, rows: samples.reduce((sum, { chunk }) => sum + chunk.rows, 0) };
  }
  let measure = start;
  for (let from = 0; from < samples.length; from += runsAtOnce) {
    const some = samples.slice(from, from + runsAtOnce);
    const measured = await Promise.all(some.map(({ chunk }) => measureChunk(chunk, model, pairing)));
    for (const one of measured) measure = joinNoise(measure, { ...start, ...one });
  }
  return measure;
}

/** Of the same version and digest; the earlier rows first. */
function joinNoise(earlier: NoiseMeasure, later: NoiseMeasure): NoiseMeasure {
  return {
    version: earlier.version,
    digest: earlier.digest,
    rows: earlier.rows + later.rows,
    maxDifference: Math.max(earlier.maxDifference, later.maxDifference),
    labelsChanged: earlier.labelsChanged + later.labelsChanged,
    unanswered: earlier.unanswered + later.unanswered,
    firstFailure: earlier.firstFailure ?? later.firstFailure,
    nowDigest: earlier.nowDigest ?? later.nowDigest,
  };
}

/** One for each version and digest, in order of first appearance; the earlier rows first. */
export function joinMeasures(
  earlier: readonly NoiseMeasure[],
  later: readonly NoiseMeasure[],
): NoiseMeasure[] {
  const key = ({ version, digest }: NoiseMeasure): string => `${version} ${digest}`;
  const joined = new Map(earlier.map((measure) => [key(measure), measure]));
  for (const measure of later) {
    const before = joined.get(key(measure));
    joined.set(key(measure), before === undefined ? measure : joinNoise(before, measure));
  }
  return [...joined.values()];
}

/** As it stands in the report. */
export function noiseFloorOfVersion(measure: NoiseMeasure): NoiseFloorOfVersion {
  const { version, digest, rows, nowDigest, maxDifference, labelsChanged } = measure;
  if (nowDigest !== undefined) {
    const problem = `${version} is now the artefact ${nowDigest}, not the one that served these rows`;
    return { version, digest, rows, maxDifference: null, labelsChanged: null, reproduced: false, problem };
  }
  const problem = likelyCause(measure);
  return { version, digest, rows, maxDifference, labelsChanged, reproduced: problem === null, problem };
}

async function measureChunk(
  chunk: RowChunk,
  model: InferenceModel,
  pairing: OutputPairing,
): Promise<Pick<NoiseMeasure, 'rows' | 'maxDifference' | 'labelsChanged' | 'unanswered' | 'firstFailure'>> {
  const { rows } = chunk;
  const recorded = decodedOutputs(pairing, rows);
  const again = decodedOutputs(pairing, rows);
  const { threshold } = model.manifest;
  decodeOutputs({ pairing, outputs: chunk.outputs, rows, threshold, decoded: recorded, at: 0 });
  const columns = featuresOf(chunk, model.manifest);
  const segments = await runInHalves(model, { rows, columns }, { rowsLeft: rows });
  let firstFailure: string | undefined;
  for (const segment of segments) {
    if (segment.kind === 'failed') firstFailure ??= segment.message;
    else {
      const { rows: answered, outputs } = segment.output;
      decodeOutputs({ pairing, outputs, rows: answered, threshold, decoded: again, at: segment.from });
    }
  }
  return { rows, firstFailure, ...compared(pairing, { recorded, again }, rows) };
}

function compared(
  pairing: OutputPairing,
  { recorded, again }: { readonly recorded: DecodedOutputs; readonly again: DecodedOutputs },
  rows: number,
): Pick<NoiseMeasure, 'maxDifference' | 'labelsChanged' | 'unanswered'> {
  const answeredThen = answeredRows(pairing, recorded, rows);
  const answeredNow = answeredRows(pairing, again, rows);
  let maxDifference = 0;
  let labelsChanged = 0;
  let unanswered = 0;
  for (let row = 0; row < rows; row += 1) {
    if (answeredThen?.[row] === 0) continue;
    if (answeredNow?.[row] === 0) {
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
  return { maxDifference, labelsChanged, unanswered };
}

function likelyCause(found: NoiseMeasure): string | null {
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
