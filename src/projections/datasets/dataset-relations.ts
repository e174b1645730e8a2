import { identifier, parquetFiles } from '../duckdb/sql-text.js';
import type { DatasetSchema } from './dataset-schema.js';
import { predictionColumns } from './dataset-tables.js';
import { servedColumns } from './field-expression.js';

/** The columns that carry truth inside parts; `truth_position` is the outcome's, for ties. */
const truthColumns = ['truth', 'truth_number', 'truth_known_at', 'truth_position'] as const;

const baseNames = predictionColumns.map((column) => column.name).filter((name) => name !== 'extra');

/** Rows of a model from parts that were written with the same number of columns. */
export interface PartRows {
  readonly schema: DatasetSchema;
  readonly paths: readonly string[];
  /** How many of the schema's columns the parts have. */
  readonly width: number;
  /** Table or relation of truths that are not folded in yet (`position`, then truth columns). */
  readonly patches?: string;
}

/** SELECT of every column that a part has, brought to today's schema, with truth as patched. */
export function partRowsSql(rows: PartRows): string {
  const served = servedColumns(rows.schema, rows.width);
  const list = [
    ...baseNames.map((name) => `p.${identifier(name)}`),
    `${served.extra} AS extra`,
    ...served.fields,
    ...truthColumns.map((name) => (rows.patches === undefined ? `p.${name}` : `${patched(name)} AS ${name}`)),
  ];
  const join = rows.patches === undefined ? '' : ` LEFT JOIN ${rows.patches} t ON t.position = p.position`;
  return `SELECT ${list.join(', ')} FROM ${parquetFiles(rows.paths)} p${join}`;
}

/** Positions in the log, the last included. */
export interface PositionRange {
  readonly first: bigint;
  readonly last: bigint;
}

/** SELECT of the same columns from a staged table and the truths resolved for it. `within`: of the rows at these positions alone. */
export function stagedRowsSql(options: {
  readonly schema: DatasetSchema;
  readonly table: string;
  readonly truths: string;
  readonly within?: PositionRange | undefined;
}): string {
  const { within } = options;
  // Of either side by itself: a join takes memory for all rows of one of them.
  const rowsOf = (table: string): string =>
    within === undefined
      ? identifier(table)
      : `(SELECT * FROM ${identifier(table)} WHERE position BETWEEN ${within.first} AND ${within.last})`;
  const list = [
    ...baseNames.map((name) => `p.${identifier(name)}`),
    'p.extra',
    ...options.schema.columns.map((column) => `p.${identifier(column.column)}`),
    ...truthColumns.map((name) => `t.${name}`),
  ];
  return `SELECT ${list.join(', ')} FROM ${rowsOf(options.table)} p LEFT JOIN ${rowsOf(options.truths)} t ON t.position = p.position`;
}

/** SELECT of what a user sees of a model: the columns that DESIGN.md names, in their order. */
export function exposedSql(schema: DatasetSchema, inner: string): string {
  return `SELECT ${exposedColumns(schema).join(', ')} FROM (${inner})`;
}

/** SELECT without rows but with the columns, for a model of which nothing was predicted yet. */
export function emptyRowsSql(schema: DatasetSchema): string {
  const list = [
    ...predictionColumns
      .filter((column) => column.name !== 'extra')
      .map((column) => `NULL::${column.type} AS ${identifier(column.name)}`),
    'NULL::VARCHAR AS extra',
    ...schema.columns.map((column) => `NULL::${column.type} AS ${identifier(column.column)}`),
    'NULL::VARCHAR AS truth, NULL::DOUBLE AS truth_number, NULL::TIMESTAMP AS truth_known_at, NULL::BIGINT AS truth_position',
  ];
  return `SELECT ${list.join(', ')} WHERE false`;
}

function exposedColumns(schema: DatasetSchema): string[] {
  return [
    ...baseNames.map((name) => identifier(name)),
    ...schema.columns.map((column) => identifier(column.column)),
    'extra',
    schema.truthType === 'DOUBLE' ? 'truth_number AS truth' : 'truth',
    'truth_known_at',
  ];
}

/** The later known truth wins; of two known at the same time, the one that stands later in the log. */
function patched(name: (typeof truthColumns)[number]): string {
  const wins =
    't.position IS NOT NULL AND (p.truth_position IS NULL OR t.truth_known_at > p.truth_known_at' +
    ' OR (t.truth_known_at = p.truth_known_at AND t.truth_position > p.truth_position))';
  return `CASE WHEN ${wins} THEN t.${name} ELSE p.${name} END`;
}
