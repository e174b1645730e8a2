import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Column, ColumnBatch } from '../../schemas/columns.js';
import type { Feature, ModelManifest } from '../../schemas/model-manifest.js';
import type { FieldProfile, ReferenceProfile } from '../../schemas/reference-profile.js';
import type { OutputBatch } from '../../services/inference/inference-model.js';
import { errors } from '../../services/platform/errors.js';
import { openDuckDb, type Database, type SqlStream } from '../duckdb/open-duckdb.js';
import { readColumns } from '../duckdb/read-columns.js';
import { identifier, parquetFiles } from '../duckdb/sql-text.js';
import { fieldCounter } from './field-counter.js';
import { sliceColumn } from './slice-column.js';

/** Rows of one run of the model: what the API gives it at most. */
const runRowsMax = 4_096;

/**
 * Counts every feature of a Parquet file (columns by the features' names, others are left alone) and every output that
 * the model gives on its rows. The counts are exact. Numbers: float and integer features and outputs; categories: texts,
 * booleans and the label. Throws BUNDLE_INVALID for a file that cannot be read, that has no row, or that lacks a feature.
 */
export async function buildReferenceProfile(options: {
  readonly parquetPath: string;
  readonly manifest: ModelManifest;
  readonly run: (batch: ColumnBatch) => Promise<OutputBatch>;
}): Promise<ReferenceProfile> {
  const { parquetPath, manifest, run } = options;
  const database = await openDuckDb({ temporaryDirectory: join(tmpdir(), 'hindcast-profile') });
  try {
    const sql = await selectOf(database, parquetPath, manifest.features);
    const features = new Map(
      manifest.features.map((feature) => [
        feature.name,
        fieldCounter(isCategory(feature) ? 'category' : 'number'),
      ]),
    );
    const outputs = new Map<string, ReturnType<typeof fieldCounter>>();
    let rows = 0;
    for await (const { rows: read, columns } of readColumns(oneStream(database, parquetPath, sql))) {
      rows += read;
      for (const [index, counter] of [...features.values()].entries()) {
        const column = columns[index];
        if (column !== undefined) counter.add(column, read);
      }
      for (let start = 0; start < read; start += runRowsMax) {
        const end = Math.min(read, start + runRowsMax);
        const batch = batchOf(manifest.features, columns, start, end);
        for (const [role, column] of Object.entries((await run(batch)).outputs)) {
          const counter = outputs.get(role) ?? fieldCounter(kindOfOutput(role, column));
          outputs.set(role, counter);
          counter.add(column, batch.rows);
        }
      }
    }
    if (rows === 0) throw errors.BUNDLE_INVALID({ path: parquetPath, problem: 'it has no row' });
    return { schemaVersion: 1, rows, features: finished(features), outputs: finished(outputs) };
  } finally {
    await database.close();
  }
}

function finished(
  counters: ReadonlyMap<string, ReturnType<typeof fieldCounter>>,
): Record<string, FieldProfile> {
  // fromEntries defines its keys: a field may be called __proto__.
  return Object.fromEntries([...counters].map(([name, counter]) => [name, counter.finish()]));
}

function isCategory(feature: Feature): boolean {
  return feature.tensorType === 'string' || feature.tensorType === 'bool';
}

function kindOfOutput(role: string, column: Column): FieldProfile['kind'] {
  const isNumber = column.kind === 'number' || column.kind === 'integer';
  return role === 'label' || !isNumber ? 'category' : 'number';
}

function batchOf(
  features: readonly Feature[],
  columns: readonly Column[],
  start: number,
  end: number,
): ColumnBatch {
  const entries = features.flatMap(({ name }, index) => {
    const column = columns[index];
    return column === undefined ? [] : [[name, sliceColumn(column, start, end)] as const];
  });
  return { rows: end - start, columns: Object.fromEntries(entries) };
}

/** The features as the model takes them, in the manifest's order. Throws BUNDLE_INVALID. */
async function selectOf(
  database: Database,
  parquetPath: string,
  features: readonly Feature[],
): Promise<string> {
  const source = parquetFiles([parquetPath]);
  const described = await readable(parquetPath, () => database.rows(`DESCRIBE SELECT * FROM ${source}`));
  const types = new Map(described.map(([name, type]) => [String(name), String(type)]));
  const list = features.map((feature) => {
    const type = types.get(feature.name);
    if (type === undefined) {
      const problem = `it has no column ${feature.name}, which is a feature; its columns are ${[...types.keys()].join(', ')}`;
      throw errors.BUNDLE_INVALID({ path: parquetPath, problem });
    }
    if (!takes(feature, type)) {
      const problem = `its column ${feature.name} is of type ${type}, and the model takes ${feature.tensorType}`;
      throw errors.BUNDLE_INVALID({ path: parquetPath, problem });
    }
    return `CAST(${identifier(feature.name)} AS ${sqlType(feature)})`;
  });
  return `SELECT ${list.join(', ')} FROM ${source}`;
}

async function* oneStream(
  database: Database,
  path: string,
  sql: string,
): AsyncGenerator<SqlStream, void, undefined> {
  yield await readable(path, () => database.stream(sql));
}

function sqlType(feature: Feature): string {
  switch (feature.tensorType) {
    case 'float32':
    case 'float64':
      return 'DOUBLE';
    case 'int32':
    case 'int64':
      return 'BIGINT';
    case 'bool':
      return 'BOOLEAN';
    case 'string':
      return 'VARCHAR';
  }
}

const integerTypes = /^U?(TINYINT|SMALLINT|INTEGER|BIGINT)$/;
const floatTypes = /^(FLOAT|DOUBLE|DECIMAL\(.*\))$/;

/** A text that looks like a number is no number: the model would never have been given it. */
function takes(feature: Feature, type: string): boolean {
  switch (feature.tensorType) {
    case 'float32':
    case 'float64':
      return integerTypes.test(type) || floatTypes.test(type) || type === 'BOOLEAN';
    case 'int32':
    case 'int64':
      return integerTypes.test(type) || floatTypes.test(type) || type === 'BOOLEAN';
    case 'bool':
      return type === 'BOOLEAN';
    case 'string':
      return type === 'VARCHAR' || type.startsWith('ENUM');
  }
}

async function readable<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    const text = error instanceof Error ? error.message.trim().slice(0, 500) : String(error);
    throw errors.BUNDLE_INVALID({ path, problem: `DuckDB cannot read it: ${text}` }, error);
  }
}
