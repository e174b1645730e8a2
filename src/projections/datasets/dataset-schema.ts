import { z } from 'zod';
import type { ModelManifest, TensorType } from '../../schemas/model-manifest.js';
import { limits } from '../../services/platform/limits.js';

export const ColumnType = z.enum(['DOUBLE', 'BIGINT', 'BOOLEAN', 'VARCHAR']);
export type ColumnType = z.infer<typeof ColumnType>;

/** A column for a feature (`in_…`) or an output (`out_…`). `field`: its name in the events. */
export const FieldColumn = z.strictObject({
  column: z.string(),
  kind: z.enum(['input', 'output']),
  field: z.string(),
  type: ColumnType,
});
export type FieldColumn = z.infer<typeof FieldColumn>;

/**
 * What a model's table looks like: a fold of the log, so it is the same however the log is cut into steps. Columns are
 * only ever added at the end; a part written earlier has the first `n` of them. `preferred`: the column that answers for
 * a field that several versions declare with different types (the one that the latest declares).
 */
export const DatasetSchema = z.strictObject({
  columns: z.array(FieldColumn),
  preferred: z.strictObject({
    input: z.record(z.string(), z.string()),
    output: z.record(z.string(), z.string()),
  }),
  /** DOUBLE: 0 or 1, or the number itself. VARCHAR: classes with names, or no version is registered yet. */
  truthType: z.enum(['DOUBLE', 'VARCHAR']),
  positiveClass: z.union([z.number(), z.string()]).optional(),
  binary: z.boolean(),
});
export type DatasetSchema = z.infer<typeof DatasetSchema>;

export const emptySchema: DatasetSchema = {
  columns: [],
  preferred: { input: {}, output: {} },
  truthType: 'VARCHAR',
  binary: false,
};

/** The schema after a version was registered. The first version decides what truth means. */
export function withVersion(schema: DatasetSchema, manifest: ModelManifest): DatasetSchema {
  const named = manifest.classes?.some((value) => typeof value === 'string') ?? false;
  const first = !schema.columns.some((column) => column.kind === 'input');
  let next: DatasetSchema = first
    ? {
        ...schema,
        truthType: manifest.task === 'multiclass-classification' && named ? 'VARCHAR' : 'DOUBLE',
        binary: manifest.task === 'binary-classification',
        ...(manifest.positiveClass === undefined ? {} : { positiveClass: manifest.positiveClass }),
      }
    : schema;
  for (const feature of manifest.features) {
    next = withField(next, 'input', feature.name, columnTypeOf(feature.tensorType));
  }
  if (manifest.outputs.label !== undefined) {
    const labelType = named || typeof manifest.positiveClass === 'string' ? 'VARCHAR' : 'BIGINT';
    next = withField(next, 'output', 'label', labelType);
  }
  if (manifest.outputs.score !== undefined) next = withField(next, 'output', 'score', 'DOUBLE');
  if (manifest.outputs.value !== undefined) next = withField(next, 'output', 'value', 'DOUBLE');
  return next;
}

/** The schema after an output was seen; unchanged when a column takes the value already. */
export function withOutput(
  schema: DatasetSchema,
  field: string,
  value: string | number | boolean,
): DatasetSchema {
  let outputs = 0;
  for (const column of schema.columns) {
    if (column.kind !== 'output') continue;
    outputs += 1;
    if (column.field === field && fits(column.type, value)) return schema;
  }
  if (outputs >= limits.datasetOutputsMax) return schema;
  return withField(schema, 'output', field, naturalType(value), { keepPreferred: true });
}

function withField(
  schema: DatasetSchema,
  kind: 'input' | 'output',
  field: string,
  type: ColumnType,
  options?: { readonly keepPreferred: boolean },
): DatasetSchema {
  const known = schema.columns.find(
    (column) => column.kind === kind && column.field === field && column.type === type,
  );
  const column = known?.column ?? freeName(schema, `${kind === 'input' ? 'in' : 'out'}_${field}`);
  const columns = known === undefined ? [...schema.columns, { column, kind, field, type }] : schema.columns;
  const preferred = { ...schema.preferred[kind] };
  if (options?.keepPreferred !== true || !Object.hasOwn(preferred, field)) define(preferred, field, column);
  return { ...schema, columns, preferred: { ...schema.preferred, [kind]: preferred } };
}

/** Names are compared as SQL does, without case; `_2`, `_3` … are given in the order of the log, so they stay. */
function freeName(schema: DatasetSchema, wanted: string): string {
  const taken = new Set(schema.columns.map((column) => column.column.toLowerCase()));
  if (!taken.has(wanted.toLowerCase())) return wanted;
  let suffix = 2;
  while (taken.has(`${wanted}_${suffix}`.toLowerCase())) suffix += 1;
  return `${wanted}_${suffix}`;
}

/** Sets a field even when it is called `__proto__`. */
function define(target: Record<string, string>, field: string, column: string): void {
  Object.defineProperty(target, field, {
    value: column,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}

const decimalDigits = /^-?\d{1,18}$/;
const nonFiniteNames = new Set(['NaN', 'Infinity', '-Infinity']);

/** Whether a value as received has a place in a column of this type. `fitExpression` says the same in SQL. */
export function fits(type: ColumnType, value: unknown): boolean {
  switch (type) {
    case 'DOUBLE':
      return typeof value === 'number' || (typeof value === 'string' && nonFiniteNames.has(value));
    case 'BIGINT':
      return (
        (typeof value === 'number' && Number.isSafeInteger(value)) ||
        (typeof value === 'string' && isInt64(value))
      );
    case 'BOOLEAN':
      return typeof value === 'boolean';
    case 'VARCHAR':
      return typeof value === 'string';
  }
}

/** Whether a text is a 64-bit integer in decimal digits. */
export function isInt64(text: string): boolean {
  if (decimalDigits.test(text)) return true;
  if (!/^-?\d{19}$/.test(text)) return false;
  const value = BigInt(text);
  return BigInt.asIntN(64, value) === value;
}

function naturalType(value: string | number | boolean): ColumnType {
  if (typeof value === 'number') return 'DOUBLE';
  return typeof value === 'boolean' ? 'BOOLEAN' : 'VARCHAR';
}

function columnTypeOf(type: TensorType): ColumnType {
  switch (type) {
    case 'float32':
    case 'float64':
      return 'DOUBLE';
    case 'int64':
    case 'int32':
      return 'BIGINT';
    case 'bool':
      return 'BOOLEAN';
    case 'string':
      return 'VARCHAR';
  }
}
