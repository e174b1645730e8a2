import { join } from 'node:path';
import { servingVersion } from '../../services/inference/registry.js';
import { identifier, literal, parquetFiles } from '../duckdb/sql-text.js';
import type { DatasetManifest, PredictionPart } from './dataset-manifest.js';
import type { PositionRange } from './dataset-relations.js';
import { emptyRowsSql, exposedSql, partRowsSql, stagedRowsSql } from './dataset-relations.js';
import { sharedTables, type SharedTable } from './dataset-tables.js';
import { isPatched, type ServedDataset, type Session } from './open-session.js';
import { stagedTable } from './stage-events.js';

/** Makes every view of a session. */
export async function createViews(session: Session, manifest: DatasetManifest): Promise<void> {
  const { database } = session;
  for (const dataset of session.models) {
    const rows = modelRowsSql(session.directory, dataset);
    await database.run(`CREATE VIEW ${identifier(dataset.view)} AS ${exposedSql(dataset.schema, rows)}`);
  }
  await database.run(`CREATE VIEW predictions AS ${predictionsSql(session.models)}`);
  for (const table of ['outcomes', 'rejections', 'replays'] as const) {
    await database.run(
      `CREATE VIEW ${table} AS ${sharedSql(
        session.directory,
        table,
        manifest.shared[table].map((part) => part.path),
      )}`,
    );
  }
  await database.run(`CREATE VIEW models AS ${modelsSql(session)}`);
}

/** SELECT of a model's rows: its parts and its tail, in today's schema. */
export function modelRowsSql(directory: string, dataset: ServedDataset): string {
  const tail = tailRowsSql(dataset);
  const all = [...partsRowsSql(directory, dataset, dataset.parts), ...(tail === undefined ? [] : [tail])];
  return all.length === 0 ? emptyRowsSql(dataset.schema) : all.join(' UNION ALL ');
}

/** SELECTs of all rows of parts: one for each shape, as wide as each other, all patched or none. */
export function partsRowsSql(
  directory: string,
  dataset: ServedDataset,
  parts: readonly PredictionPart[],
): string[] {
  return sameShape(parts, dataset).map((group) => groupSql(directory, dataset, group));
}

function groupSql(directory: string, dataset: ServedDataset, group: readonly PredictionPart[]): string {
  const [first] = group;
  const patched = first !== undefined && dataset.patches !== undefined && isPatched(dataset, first);
  return partRowsSql({
    schema: dataset.schema,
    paths: group.map((part) => join(directory, part.path)),
    width: first?.width ?? 0,
    ...(patched && dataset.patches !== undefined ? { patches: identifier(dataset.patches.table) } : {}),
  });
}

/** SELECT of what is not in parts yet, all or at some positions; undefined: nothing. */
export function tailRowsSql(dataset: ServedDataset, within?: PositionRange): string | undefined {
  if (dataset.tail === undefined) return undefined;
  return stagedRowsSql({ schema: dataset.schema, ...dataset.tail, within });
}

/** Parts that one SELECT can read, whatever their order. */
function sameShape(parts: readonly PredictionPart[], dataset: ServedDataset): PredictionPart[][] {
  const groups = new Map<string, PredictionPart[]>();
  for (const part of parts) {
    const shape = shapeOf(part, dataset);
    const group = groups.get(shape);
    if (group === undefined) groups.set(shape, [part]);
    else group.push(part);
  }
  return [...groups.values()];
}

/** Equal for parts that one SELECT can read. */
export function shapeOf(part: PredictionPart, dataset: ServedDataset): string {
  return `${part.width} ${isPatched(dataset, part)}`;
}

function predictionsSql(models: readonly ServedDataset[]): string {
  const columns =
    'position, prediction_id, request_id, row, key, occurred_at, recorded_at, version, model_digest, status, latency_ms, subject, trace_id, CAST(truth AS VARCHAR) AS truth, truth_known_at';
  if (models.length === 0) {
    const none =
      'NULL::BIGINT AS position, NULL::UUID AS prediction_id, NULL::VARCHAR AS request_id, NULL::INTEGER AS row, NULL::VARCHAR AS key, NULL::TIMESTAMP AS occurred_at, NULL::TIMESTAMP AS recorded_at, NULL::VARCHAR AS version, NULL::VARCHAR AS model_digest, NULL::VARCHAR AS status, NULL::DOUBLE AS latency_ms, NULL::VARCHAR AS subject, NULL::VARCHAR AS trace_id, NULL::VARCHAR AS truth, NULL::TIMESTAMP AS truth_known_at';
    return `SELECT NULL::VARCHAR AS model, ${none} WHERE false`;
  }
  return models
    .map((model) => `SELECT ${literal(model.name)} AS model, ${columns} FROM ${identifier(model.view)}`)
    .join(' UNION ALL ');
}

function sharedSql(directory: string, table: SharedTable, paths: readonly string[]): string {
  const columns = sharedTables[table]
    .filter((column) => column.name !== 'target')
    .map((column) => identifier(column.name))
    .join(', ');
  const staged = `SELECT ${columns} FROM ${stagedTable(table)}`;
  if (paths.length === 0) return staged;
  return `SELECT ${columns} FROM ${parquetFiles(paths.map((path) => join(directory, path)))} UNION ALL ${staged}`;
}

function modelsSql(session: Session): string {
  const rows = Object.entries(session.registry.models).flatMap(([model, registered]) =>
    Object.values(registered.versions).map((version) => {
      const { manifest } = version;
      const serving = servingVersion(session.registry, model) === manifest.version;
      return `(${literal(model)}, ${literal(manifest.version)}, ${literal(manifest.task)}, ${serving}, ${version.retired}, ${manifest.features.length}, ${literal(version.artefacts.model.sha256)}, make_timestamp(${version.registeredAt}))`;
    }),
  );
  const columns = 'model, version, task, serving, retired, features, model_digest, registered_at';
  if (rows.length === 0) {
    return 'SELECT NULL::VARCHAR AS model, NULL::VARCHAR AS version, NULL::VARCHAR AS task, NULL::BOOLEAN AS serving, NULL::BOOLEAN AS retired, NULL::INTEGER AS features, NULL::VARCHAR AS model_digest, NULL::TIMESTAMP AS registered_at WHERE false';
  }
  return `SELECT * FROM (VALUES ${rows.join(', ')}) AS m(${columns})`;
}
