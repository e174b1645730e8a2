import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { LogReader } from '../../services/event-log/event-log.js';
import { evolveRegistry, type RegistryState } from '../../services/inference/registry.js';
import { limits } from '../../services/platform/limits.js';
import { openDuckDb, type Database } from '../duckdb/open-duckdb.js';
import { identifier, parquetFiles } from '../duckdb/sql-text.js';
import {
  datasetsDirectory,
  type DatasetManifest,
  type ModelDataset,
  type PredictionPart,
} from './dataset-manifest.js';
import { currentManifest } from '../retention/current-manifest.js';
import { againWhenOvertaken } from '../retention/overtaken.js';
import { createViews } from './create-views.js';
import type { DatasetSchema } from './dataset-schema.js';
import { resolveStagedPredictions, resolveWrittenPredictions } from './resolve-truth.js';
import { beginStage, stagedTable, type Staged } from './stage-events.js';

/** A model as a session serves it. */
export interface ServedDataset {
  readonly name: string;
  /** Its view; the model's name but for the few that other views have. */
  readonly view: string;
  readonly schema: DatasetSchema;
  readonly parts: readonly PredictionPart[];
  /** Table (`position`, `part`, truth columns) of truths not folded into parts; undefined: there are none. */
  readonly patches: { readonly table: string; readonly parts: ReadonlySet<string> } | undefined;
  /** Tables of what is not in parts yet; undefined: nothing. */
  readonly tail: { readonly table: string; readonly truths: string } | undefined;
}

/** An in-memory database with views over one state of the datasets and the tail. Sandboxed. */
export interface Session {
  readonly database: Database;
  readonly directory: string;
  readonly position: number;
  readonly logHash: string | undefined;
  readonly registry: RegistryState;
  readonly models: readonly ServedDataset[];
}

export interface SessionOptions {
  readonly dataDirectory: string;
  readonly reader: LogReader;
  /** Told once `limits.longTailEvents` that are in no part yet were read from the log, and there are more: it takes seconds. */
  readonly onLongTail?: (() => void) | undefined;
}

/** Opens the state in force and the log's tail up to its head as it is now. */
export async function openSession(options: SessionOptions): Promise<Session> {
  return await againWhenOvertaken(async () => await openState(options));
}

async function openState(options: SessionOptions): Promise<Session> {
  const directory = datasetsDirectory(options.dataDirectory);
  const { manifest, head } = await currentManifest(directory, options.reader);
  const database = await openDuckDb({ temporaryDirectory: existsSync(directory) ? directory : tmpdir() });
  try {
    const tail = await stageTail(database, manifest, options, head.nextPosition);
    const models: ServedDataset[] = [];
    for (const [name, schema] of tail.staged.schemas) {
      const dataset = manifest.models.find((model) => model.name === name) ?? { name, schema, parts: [] };
      models.push(await openModel({ database, directory, manifest, dataset, schema, staged: tail.staged }));
    }
    const session = {
      database,
      directory,
      position: Math.max(head.nextPosition, manifest.checkpoint),
      logHash: head.hash,
      registry: tail.registry,
      models,
    };
    await createViews(session, manifest);
    await database.restrictTo(directory);
    return session;
  } catch (error) {
    await database.close();
    throw error;
  }
}

async function stageTail(
  database: Database,
  manifest: DatasetManifest,
  { reader, onLongTail }: SessionOptions,
  head: number,
): Promise<{ readonly staged: Staged; readonly registry: RegistryState }> {
  const stage = await beginStage(
    database,
    new Map(manifest.models.map((model) => [model.name, model.schema])),
  );
  let registry = manifest.registry;
  // Counted, since positions on a cluster lie far apart.
  let events = 0;
  let isLong = false;
  if (head > manifest.checkpoint) {
    for await (const batch of reader.read({ fromPosition: manifest.checkpoint, untilPosition: head })) {
      if (events >= limits.longTailEvents && !isLong) {
        isLong = true;
        onLongTail?.();
      }
      events += batch.length;
      for (const event of batch) registry = evolveRegistry(registry, event);
      await stage.add(batch);
    }
  }
  return { staged: await stage.finish(), registry };
}

async function openModel(options: {
  readonly database: Database;
  readonly directory: string;
  readonly manifest: DatasetManifest;
  readonly dataset: ModelDataset;
  readonly schema: DatasetSchema;
  readonly staged: Staged;
}): Promise<ServedDataset> {
  const { database, directory, manifest, dataset, schema, staged } = options;
  const { name } = dataset;
  const patches = `patches_of_${name}`;
  await collectPatches({ ...options, patches });
  const patched = await database.rows(`SELECT DISTINCT part FROM ${identifier(patches)}`);
  const table = staged.predictions.get(name)?.table;
  const truths = `truths_of_${name}`;
  if (table !== undefined) {
    await resolveStagedPredictions({
      database,
      model: name,
      staged: table,
      stagedOutcomes: stagedTable('outcomes'),
      earlier: { paths: manifest.shared.outcomes.map((part) => join(directory, part.path)) },
      truths,
    });
  }
  return {
    name,
    view: viewName(name),
    schema,
    parts: dataset.parts,
    patches:
      patched.length === 0
        ? undefined
        : { table: patches, parts: new Set(patched.map(([part]) => String(part))) },
    tail: table === undefined ? undefined : { table, truths },
  };
}

async function collectPatches(options: {
  readonly database: Database;
  readonly directory: string;
  readonly dataset: ModelDataset;
  readonly staged: Staged;
  readonly patches: string;
}): Promise<void> {
  const { database, directory, dataset, staged, patches } = options;
  const fresh = `fresh_${patches}`;
  const hasOutcomes = staged.shared.outcomes > 0;
  if (hasOutcomes) {
    await resolveWrittenPredictions({
      database,
      model: dataset.name,
      paths: dataset.parts.map((part) => join(directory, part.path)),
      stagedOutcomes: stagedTable('outcomes'),
      patches: fresh,
    });
  }
  const columns = 'truth, truth_number, truth_known_at, truth_position';
  const sources = [
    ...(hasOutcomes
      ? [`SELECT position, parse_filename(path) AS part, ${columns} FROM ${identifier(fresh)}`]
      : []),
    ...(dataset.patches === undefined
      ? []
      : [`SELECT position, part, ${columns} FROM ${parquetFiles([join(directory, dataset.patches.path)])}`]),
  ];
  const none =
    'SELECT NULL::BIGINT AS position, NULL::VARCHAR AS part, NULL::VARCHAR AS truth, NULL::DOUBLE AS truth_number, NULL::TIMESTAMP AS truth_known_at, NULL::BIGINT AS truth_position WHERE false';
  const all = sources.length === 0 ? none : sources.join(' UNION ALL ');
  await database.run(
    `CREATE TABLE ${identifier(patches)} AS SELECT unnest(w) FROM (SELECT arg_max(n, (n.truth_known_at, n.truth_position)) AS w FROM (${all}) n GROUP BY n.position)`,
  );
}

/** Models may be called like another view; theirs is then `model_…`. */
function viewName(model: string): string {
  const taken = new Set(['predictions', 'outcomes', 'rejections', 'models', 'replays']);
  return taken.has(model.toLowerCase()) ? `model_${model}` : model;
}

/** Whether truths that are not folded yet concern a part. */
export function isPatched(dataset: ServedDataset, part: PredictionPart): boolean {
  return dataset.patches?.parts.has(basename(part.path)) ?? false;
}
