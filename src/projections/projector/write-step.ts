import { join } from 'node:path';
import type { DatasetManifest, ModelDataset, PredictionPart } from '../datasets/dataset-manifest.js';
import { stagedRowsSql } from '../datasets/dataset-relations.js';
import { emptySchema } from '../datasets/dataset-schema.js';
import { sharedTables, type SharedTable } from '../datasets/dataset-tables.js';
import { resolveStagedPredictions, resolveWrittenPredictions } from '../datasets/resolve-truth.js';
import { stagedTable, type Staged } from '../datasets/stage-events.js';
import { writeDayParts, writeSharedPart } from '../datasets/write-parts.js';
import type { Database } from '../duckdb/open-duckdb.js';
import { parquetFiles } from '../duckdb/sql-text.js';
import { compactModel } from './compact-model.js';
import { planSharedMerge } from './plan-compaction.js';

/** What a step made: the next state's files, and those that it no longer names. */
export interface WrittenStep {
  readonly models: readonly ModelDataset[];
  readonly shared: DatasetManifest['shared'];
  readonly replaced: readonly string[];
}

/** Writes what was staged as parts, folds and compacts. Nothing is in force before the manifest names it. */
export async function writeStep(options: {
  readonly database: Database;
  readonly directory: string;
  readonly before: DatasetManifest;
  readonly staged: Staged;
}): Promise<WrittenStep> {
  const { database, directory, before, staged } = options;
  const replaced: string[] = [];
  await database.run('CREATE TABLE matched_outcomes (position BIGINT)');
  const models: ModelDataset[] = [];
  for (const name of modelNames(before, staged)) {
    const dataset = before.models.find((model) => model.name === name) ?? {
      name,
      schema: emptySchema,
      parts: [],
    };
    const written = await writeModel({ ...options, dataset });
    models.push(written.dataset);
    replaced.push(...written.replaced);
  }
  const shared = { ...before.shared };
  for (const table of ['outcomes', 'rejections', 'replays'] as const) {
    const written = await writeShared({ database, directory, before: before.shared[table], table, staged });
    shared[table] = written.parts;
    replaced.push(...written.replaced);
  }
  for (const table of Object.keys(sharedTables)) await database.run(`DROP TABLE staged_${table}`);
  await database.run('DROP TABLE matched_outcomes');
  return { models, shared, replaced };
}

/** Folder of a model below the datasets folder, whatever an imported model is called. */
export function modelFolder(name: string): string {
  return `of-${encodeURIComponent(name).replaceAll('.', '%2E')}`;
}

/** Folder of a table that all models share. */
export function sharedFolder(table: SharedTable): string {
  return `all-${table}`;
}

function modelNames(before: DatasetManifest, staged: Staged): string[] {
  return [...new Set([...before.models.map((model) => model.name), ...staged.schemas.keys()])];
}

async function writeModel(options: {
  readonly database: Database;
  readonly directory: string;
  readonly before: DatasetManifest;
  readonly staged: Staged;
  readonly dataset: ModelDataset;
}): Promise<{ readonly dataset: ModelDataset; readonly replaced: readonly string[] }> {
  const { database, directory, before, staged, dataset } = options;
  const { name } = dataset;
  const schema = staged.schemas.get(name) ?? dataset.schema;
  const folder = modelFolder(name);

  await resolveWrittenPredictions({
    database,
    model: name,
    paths: dataset.parts.map((part) => join(directory, part.path)),
    stagedOutcomes: stagedTable('outcomes'),
    patches: 'new_patches',
  });
  await database.run('INSERT INTO matched_outcomes SELECT truth_position FROM new_patches');

  let added: PredictionPart[] = [];
  const table = staged.predictions.get(name)?.table;
  if (table !== undefined) {
    await resolveStagedPredictions({
      database,
      model: name,
      staged: table,
      stagedOutcomes: stagedTable('outcomes'),
      earlier: { paths: before.shared.outcomes.map((part) => join(directory, part.path)) },
      truths: 'staged_truths',
    });
    await database.run('INSERT INTO matched_outcomes SELECT truth_position FROM staged_truths');
    added = await writeDayParts({
      database,
      directory,
      folder,
      rows: stagedRowsSql({ schema, table, truths: 'staged_truths' }),
      width: schema.columns.length,
      staying: dataset.parts,
      dropAfterSort: [table, 'staged_truths'],
    });
  }
  const compacted = await compactModel({
    database,
    directory,
    folder,
    dataset: { ...dataset, schema, parts: [...dataset.parts, ...added] },
    newPatches: 'new_patches',
  });
  await database.run('DROP TABLE new_patches');
  return compacted;
}

async function writeShared(options: {
  readonly database: Database;
  readonly directory: string;
  readonly before: DatasetManifest['shared'][SharedTable];
  readonly table: SharedTable;
  readonly staged: Staged;
}): Promise<{
  readonly parts: DatasetManifest['shared'][SharedTable];
  readonly replaced: readonly string[];
}> {
  const { database, directory, before, table } = options;
  if (options.staged.shared[table] === 0) return { parts: before, replaced: [] };
  const flag = table === 'outcomes' ? ', position IN (SELECT position FROM matched_outcomes) AS matched' : '';
  const folder = sharedFolder(table);
  const added = await writeSharedPart({
    database,
    directory,
    folder,
    rows: `SELECT *${flag} FROM ${stagedTable(table)}`,
  });
  let parts = [...before, added];
  const replaced: string[] = [];
  for (let merge = planSharedMerge(parts); merge.length > 0; merge = planSharedMerge(parts)) {
    const paths = merge.map((part) => join(directory, part.path));
    const merged = await writeSharedPart({
      database,
      directory,
      folder,
      rows: `SELECT * FROM ${parquetFiles(paths)}`,
    });
    parts = [...parts.filter((part) => !merge.includes(part)), merged].toSorted(
      (a, b) => a.minPosition - b.minPosition,
    );
    replaced.push(...merge.map((part) => part.path));
  }
  return { parts, replaced };
}
