import { identifier, literal } from '../duckdb/sql-text.js';
import type { ColumnType, DatasetSchema, FieldColumn } from './dataset-schema.js';

/** How the columns of a part that was written when the schema had only its first `width` columns are served today. */
export interface ServedColumns {
  /** One SQL expression for each column of the schema, with its name. */
  readonly fields: readonly string[];
  /** The `extra` that is left once declared fields have moved into their columns. */
  readonly extra: string;
}

/** Expressions over a relation `p` that has the base columns and the first `width` columns of the schema. */
export function servedColumns(schema: DatasetSchema, width: number): ServedColumns {
  const late = schema.columns.slice(width).filter((column) => column.kind === 'input');
  return {
    fields: schema.columns.map((column, index) => {
      const name = identifier(column.column);
      if (index < width) return `p.${name} AS ${name}`;
      return `${lateColumn(schema, width, column)} AS ${name}`;
    }),
    extra: remainingExtra(late),
  };
}

function lateColumn(schema: DatasetSchema, width: number, column: FieldColumn): string {
  if (column.kind === 'output') return `NULL::${column.type}`;
  const siblings = schema.columns
    .slice(0, width)
    .filter((other) => other.kind === 'input' && other.field === column.field)
    .map((other) => convert(`p.${identifier(other.column)}`, other.type, column.type));
  return `coalesce(${[fromExtra(column), ...siblings].join(', ')})`;
}

/** The value of an undeclared field, when it fits the column; the same rule as `fits`. */
function fromExtra(column: FieldColumn): string {
  const pointer = literal(jsonPointer(column.field));
  const text = `(p.extra->>${pointer})`;
  const type = `json_type(p.extra, ${pointer})`;
  switch (column.type) {
    case 'DOUBLE':
      return `CASE WHEN ${type} IN ('DOUBLE','BIGINT','UBIGINT','HUGEINT') OR ${text} IN ('NaN','Infinity','-Infinity') THEN TRY_CAST(${text} AS DOUBLE) END`;
    case 'BIGINT':
      return `CASE WHEN ${type} IN ('BIGINT','UBIGINT') OR (${type} = 'VARCHAR' AND regexp_full_match(${text}, '-?\\d{1,19}')) THEN TRY_CAST(${text} AS BIGINT) END`;
    case 'BOOLEAN':
      return `CASE WHEN ${type} = 'BOOLEAN' THEN CAST(${text} AS BOOLEAN) END`;
    case 'VARCHAR':
      return `CASE WHEN ${type} = 'VARCHAR' THEN ${text} END`;
  }
}

function convert(expression: string, from: ColumnType, to: ColumnType): string {
  if (from === 'BIGINT' && to === 'DOUBLE') {
    return `CASE WHEN abs(${expression}) <= 9007199254740991 THEN CAST(${expression} AS DOUBLE) END`;
  }
  if (from === 'DOUBLE' && to === 'BIGINT') {
    return `CASE WHEN abs(${expression}) <= 9007199254740991 AND trunc(${expression}) = ${expression} THEN CAST(${expression} AS BIGINT) END`;
  }
  return `NULL::${to}`;
}

function remainingExtra(late: readonly FieldColumn[]): string {
  let expression = 'p.extra';
  for (const field of new Set(late.map((column) => column.field))) {
    const columns = late.filter((column) => column.field === field);
    const moved = columns.map((column) => `${fromExtra(column)} IS NOT NULL`).join(' OR ');
    const isNull = `json_type(p.extra, ${literal(jsonPointer(field))}) = 'NULL'`;
    const without = `json_merge_patch(${expression}, ${literal(JSON.stringify({ [field]: null }))})`;
    expression = `CASE WHEN ${moved} OR ${isNull} THEN CAST(${without} AS VARCHAR) ELSE ${expression} END`;
  }
  return late.length === 0 ? expression : `nullif(${expression}, '{}')`;
}

/** RFC 6901. */
function jsonPointer(field: string): string {
  return `/${field.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}
