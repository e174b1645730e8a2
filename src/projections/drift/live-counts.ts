import type { Feature } from '../../schemas/model-manifest.js';
import type { DatasetSchema } from '../datasets/dataset-schema.js';
import type { Database, SqlStream } from '../duckdb/open-duckdb.js';
import { readColumns } from '../duckdb/read-columns.js';
import { identifier, literal } from '../duckdb/sql-text.js';
import { sentinelOf, type FieldCounts } from './field-counts.js';

/** Which rows of which field. `source`: a relation with the dataset's columns; `rows`: how many it has. */
export interface LiveField {
  readonly database: Database;
  readonly schema: DatasetSchema;
  readonly source: string;
  readonly rows: number;
  readonly field: string;
  readonly kind: FieldCounts['kind'];
  /** Undefined: an output. */
  readonly feature: Pick<Feature, 'tensorType' | 'missing'> | undefined;
}

/** Counts a field value by value, in SQL. A field that the dataset has no column for is missing in every row. */
export async function liveCounts(live: LiveField): Promise<FieldCounts> {
  const value = valueSql(live);
  const counted = `SELECT v, CAST(count(*) AS DOUBLE) AS n FROM (SELECT ${value} AS v FROM ${live.source}) WHERE v IS NOT NULL GROUP BY v ORDER BY v`;
  return live.kind === 'number' ? numbers(live, counted) : categories(live, counted);
}

async function numbers(live: LiveField, sql: string): Promise<FieldCounts> {
  const values: Float64Array[] = [];
  const counts: Float64Array[] = [];
  for await (const { columns } of readColumns(once(live.database.ahead(sql)))) {
    const [value, count] = columns;
    if (value?.kind !== 'number' || count?.kind !== 'number') continue;
    values.push(Float64Array.from(value.values));
    counts.push(Float64Array.from(count.values));
  }
  const sample = { values: joined(values), counts: joined(counts) };
  const present = sample.counts.reduce((sum, count) => sum + count, 0);
  return { kind: 'number', rows: live.rows, missing: live.rows - present, counts: sample };
}

async function categories(live: LiveField, sql: string): Promise<FieldCounts> {
  const counts = new Map<string, number>();
  let present = 0;
  for await (const { rows, columns } of readColumns(once(live.database.ahead(sql)))) {
    const [value, count] = columns;
    if (value?.kind !== 'dictionary' || count?.kind !== 'number') continue;
    for (let row = 0; row < rows; row += 1) {
      const many = count.values[row] ?? 0;
      counts.set(value.dictionary[value.codes[row] ?? 0] ?? '', many);
      present += many;
    }
  }
  return { kind: 'category', rows: live.rows, missing: live.rows - present, counts };
}

/** The field's value as the model sees it, NULL where it is missing; text for categories, DOUBLE for numbers. */
function valueSql(live: LiveField): string {
  const role = live.feature === undefined ? 'output' : 'input';
  const columns = live.schema.columns.filter(
    (column) => column.kind === role && column.field === live.field && isOf(live.feature, column.type),
  );
  const each = columns.map(({ column, type }) => {
    const name = identifier(column);
    if (live.kind === 'category') return type === 'DOUBLE' ? wholeAsText(name) : `CAST(${name} AS VARCHAR)`;
    return type === 'VARCHAR' ? `TRY_CAST(${name} AS DOUBLE)` : `CAST(${name} AS DOUBLE)`;
  });
  if (live.kind === 'category') {
    const text = each.length === 0 ? 'NULL::VARCHAR' : `coalesce(${each.join(', ')})`;
    const missing = live.feature?.missing;
    return typeof missing === 'string' ? `nullif(${text}, ${literal(missing)})` : text;
  }
  const number = each.length === 0 ? 'NULL::DOUBLE' : `coalesce(${each.join(', ')})`;
  const seen =
    live.feature?.tensorType === 'float32' ? `CAST(TRY_CAST(${number} AS FLOAT) AS DOUBLE)` : number;
  const sentinel = sentinelOf(live.feature);
  // + 0.0 makes one value of −0 and 0.
  const finite = `CASE WHEN isfinite(${seen}) THEN ${seen} + 0.0 END`;
  return sentinel === undefined ? finite : `nullif(${finite}, CAST(${literal(String(sentinel))} AS DOUBLE))`;
}

/** Another version may declare a feature with another type; the rows are compared by this one's. */
function isOf(feature: LiveField['feature'], type: string): boolean {
  switch (feature?.tensorType) {
    case undefined:
      return true;
    case 'float32':
    case 'float64':
      return type === 'DOUBLE';
    case 'int32':
    case 'int64':
      return type === 'BIGINT';
    case 'bool':
      return type === 'BOOLEAN';
    case 'string':
      return type === 'VARCHAR';
  }
}

/** As JavaScript writes a number that is whole. */
function wholeAsText(name: string): string {
  return `CASE WHEN abs(${name}) <= 9007199254740991 AND trunc(${name}) = ${name} THEN CAST(CAST(${name} AS BIGINT) AS VARCHAR) ELSE CAST(${name} AS VARCHAR) END`;
}

function joined(pieces: readonly Float64Array[]): Float64Array {
  const all = new Float64Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let filled = 0;
  for (const piece of pieces) {
    all.set(piece, filled);
    filled += piece.length;
  }
  return all;
}

async function* once(stream: Promise<SqlStream>): AsyncGenerator<SqlStream, void, undefined> {
  yield await stream;
}
