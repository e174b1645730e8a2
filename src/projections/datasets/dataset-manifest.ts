import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { RegistryState } from '../../services/inference/registry.js';
import { errors } from '../../services/platform/errors.js';
import { DatasetSchema } from './dataset-schema.js';
import { RegistrySnapshot } from './registry-snapshot.js';
import { replaceFile } from './replace-file.js';

/** A Parquet file of one model and one or several whole UTC days of `occurredAt`, sorted by day and position. */
export const PredictionPart = z.strictObject({
  /** Relative to the datasets folder; never used again for other content. */
  path: z.string(),
  /** The first of its days. */
  day: z.string(),
  rows: z.int().nonnegative(),
  bytes: z.int().nonnegative(),
  /** It has the first `width` columns of the model's schema. */
  width: z.int().nonnegative(),
  minPosition: z.int().nonnegative(),
  maxPosition: z.int().nonnegative(),
  minOccurredAt: z.int(),
  maxOccurredAt: z.int(),
  /** Rows whose truth is in the model's patches and not folded in yet. */
  patched: z.int().nonnegative(),
});
export type PredictionPart = z.infer<typeof PredictionPart>;

export const SharedPart = z.strictObject({
  path: z.string(),
  rows: z.int().nonnegative(),
  minPosition: z.int().nonnegative(),
  maxPosition: z.int().nonnegative(),
});
export type SharedPart = z.infer<typeof SharedPart>;

export const ModelDataset = z.strictObject({
  name: z.string(),
  schema: DatasetSchema,
  parts: z.array(PredictionPart),
  /** Truths for rows of the parts above, one file; joined by readers until they are folded in. */
  patches: z.strictObject({ path: z.string(), rows: z.int().nonnegative() }).optional(),
});
export type ModelDataset = z.infer<typeof ModelDataset>;

/**
 * One consistent state of all datasets: everything before `checkpoint` (a log position) is in the files that it names.
 * One file for all models, so that one atomic replacement moves everything. `registry`: the registry's fold at the
 * checkpoint. `replaced`: files that no state names any more, with the time (micros) from which they were idle.
 * `missingBefore`: some events before this position are not in it, since the log had dropped them when it was made.
 */
const DatasetManifest = z.strictObject({
  formatVersion: z.literal(1),
  checkpoint: z.int().nonnegative(),
  models: z.array(ModelDataset),
  shared: z.strictObject({
    outcomes: z.array(SharedPart),
    rejections: z.array(SharedPart),
    replays: z.array(SharedPart),
  }),
  registry: RegistrySnapshot,
  missingBefore: z.int().positive().optional(),
  replaced: z.array(z.strictObject({ path: z.string(), at: z.int() })),
});
export type DatasetManifest = Omit<z.infer<typeof DatasetManifest>, 'registry'> & {
  readonly registry: RegistryState;
};

/** Before the first event was projected. */
export function emptyManifest(): DatasetManifest {
  return {
    formatVersion: 1,
    checkpoint: 0,
    models: [],
    shared: { outcomes: [], rejections: [], replays: [] },
    registry: { models: {} },
    replaced: [],
  };
}

/** Where the datasets of a data folder are. */
export function datasetsDirectory(dataDirectory: string): string {
  return join(dataDirectory, 'datasets');
}

/** The state in force; the empty one when nothing was projected yet. Throws DATASET_DAMAGED. */
export async function readManifest(directory: string): Promise<DatasetManifest> {
  const path = join(directory, 'manifest.json');
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return emptyManifest();
    throw error;
  }
  try {
    return DatasetManifest.parse(JSON.parse(text));
  } catch (error) {
    throw errors.DATASET_DAMAGED({ path, problem: 'it is not a manifest of this release' }, error);
  }
}

/** Puts a new state in force, durably and at once. */
export async function writeManifest(directory: string, manifest: DatasetManifest): Promise<void> {
  await replaceFile(join(directory, 'manifest.json'), JSON.stringify(manifest));
}
