import type { ModelManifest, TensorType } from '../../schemas/model-manifest.js';
import type { FieldProfile } from '../../schemas/reference-profile.js';
import type { ValueCounts } from '../../stats/value-counts.js';
import { newId } from '../../services/platform/new-id.js';
import { requireDataset, type Analytics } from '../datasets/open-analytics.js';
import type { ServedDataset, Session } from '../datasets/open-session.js';
import type { Database } from '../duckdb/open-duckdb.js';
import { readColumns } from '../duckdb/read-columns.js';
import { identifier, literal } from '../duckdb/sql-text.js';
import { comparableValue } from '../reference-profile/comparable-value.js';

/** A field to count, with the reference that it is compared with. */
export interface LiveField {
  readonly role: 'input' | 'output';
  readonly field: string;
  readonly tensorType: TensorType;
  readonly reference: FieldProfile;
}

/** Exact counts of one field in a range. Only one of `numbers` and `categories` is filled. */
export interface LiveCounts {
  readonly numbers: ValueCounts;
  readonly categories: ReadonlyMap<string, number>;
  /** Rows with a (finite) value. */
  readonly present: number;
  readonly missing: number;
  readonly nonFinite: number;
}

/**
 * Counts fields of the served predictions of a range, value by value, in SQL. A field that the dataset has no column for
 * is missing in every row.
 */
export async function countLive(options: {
  readonly analytics: Analytics;
  readonly model: string;
  readonly manifest: ModelManifest;
  readonly fields: readonly LiveField[];
  readonly from: number;
  readonly until: number;
}): Promise<{ readonly rows: number; readonly fields: ReadonlyMap<LiveField, LiveCounts> }> {
  return options.analytics.with(async (session) => {
    const dataset = requireDataset(session, options.model);
    const table = identifier(`drift_${newId()}`);
    await materialise(session, dataset, table, options);
    const { database } = session;
    try {
      const [row] = await database.rows(
        `SELECT count(*), count(*) FILTER (version = ${literal(options.manifest.version)}) FROM ${table}`,
      );
      const [rows, ownRows] = (row ?? []).map(Number);
      const fields = new Map<LiveField, LiveCounts>();
      for (const field of options.fields) {
        const scope = field.role === 'input' ? 'true' : `version = ${literal(options.manifest.version)}`;
        const total = field.role === 'input' ? (rows ?? 0) : (ownRows ?? 0);
        fields.set(field, await countField(database, dataset, table, field, scope, total));
      }
      return { rows: rows ?? 0, fields };
    } finally {
      await database.run(`DROP TABLE ${table}`);
    }
  });
}

/** One scan of the files for all fields. */
async function materialise(
  session: Session,
  dataset: ServedDataset,
  table: string,
  options: { readonly fields: readonly LiveField[]; readonly from: number; readonly until: number },
): Promise<void> {
  const columns = options.fields.flatMap((field) => {
    const column = columnOf(dataset, field);
    return column === undefined ? [] : [identifier(column)];
  });
  await session.database.run(
    `CREATE TABLE ${table} AS SELECT ${['version', ...new Set(columns)].join(', ')} FROM ${identifier(dataset.view)} WHERE status = 'served' AND occurred_at >= make_timestamp(${options.from}) AND occurred_at < make_timestamp(${options.until})`,
  );
}

function columnOf(dataset: ServedDataset, field: LiveField): string | undefined {
  const columns = dataset.schema.preferred[field.role];
  return Object.hasOwn(columns, field.field) ? columns[field.field] : undefined;
}

async function countField(
  database: Database,
  dataset: ServedDataset,
  table: string,
  field: LiveField,
  scope: string,
  total: number,
): Promise<LiveCounts> {
  const column = columnOf(dataset, field);
  const empty = { values: new Float64Array(0), counts: new Float64Array(0) };
  const none = { numbers: empty, categories: new Map<string, number>(), nonFinite: 0 };
  if (column === undefined) return { ...none, present: 0, missing: total };
  const value = comparableValue(field.tensorType, identifier(column));
  const rows = `(SELECT ${value} AS v FROM ${table} WHERE ${scope} AND ${identifier(column)} IS NOT NULL)`;
  if (field.reference.kind === 'category') {
    const counted = await database.rows(`SELECT v, count(*) FROM ${rows} GROUP BY v ORDER BY v`);
    const categories = new Map(counted.map(([name, count]) => [String(name), Number(count)]));
    const present = [...categories.values()].reduce((sum, count) => sum + count, 0);
    return { ...none, categories, present, missing: total - present };
  }
  const numbers = await numberCounts(
    database,
    `SELECT v + 0.0 AS v, CAST(count(*) AS DOUBLE) AS n FROM ${rows} WHERE isfinite(v) GROUP BY v ORDER BY v`,
  );
  const present = numbers.counts.reduce((sum, count) => sum + count, 0);
  const [[nonFinite] = [0n]] = await database.rows(`SELECT count(*) FROM ${rows} WHERE NOT isfinite(v)`);
  return {
    ...none,
    numbers,
    present,
    nonFinite: Number(nonFinite),
    missing: total - present - Number(nonFinite),
  };
}

async function numberCounts(database: Database, sql: string): Promise<ValueCounts> {
  const values: Float64Array[] = [];
  const counts: Float64Array[] = [];
  for await (const batch of readColumns(one(database.stream(sql)))) {
    const [value, count] = batch.columns;
    if (value?.kind === 'number') values.push(Float64Array.from(value.values));
    if (count?.kind === 'number') counts.push(Float64Array.from(count.values));
  }
  return { values: concatenated(values), counts: concatenated(counts) };
}

function concatenated(pieces: readonly Float64Array[]): Float64Array {
  const all = new Float64Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

async function* one<Item>(item: Promise<Item>): AsyncGenerator<Item> {
  yield await item;
}
