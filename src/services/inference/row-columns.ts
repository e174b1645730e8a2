import type { Column, ColumnBatch } from '../../schemas/columns.js';
import type { JsonObject, JsonValue } from '../../schemas/json-value.js';
import type { Feature, ModelManifest } from '../../schemas/model-manifest.js';
import { errors } from '../platform/errors.js';

/**
 * The declared features of rows as columns; null and absence become `valid` 0. Throws INFERENCE_FAILED for a value of
 * another type than the feature's (rows that `compileRowValidator` accepted have none); casts are checked by the model.
 */
export function rowsToColumns(manifest: ModelManifest, rows: readonly JsonObject[]): ColumnBatch {
  const columns: { [feature: string]: Column } = {};
  for (const feature of manifest.features) {
    const column = columnOf(manifest, feature, rows);
    // Assigning to __proto__ would set the prototype instead of a property.
    if (feature.name === '__proto__')
      Object.defineProperty(columns, feature.name, { value: column, enumerable: true });
    else columns[feature.name] = column;
  }
  return { rows: rows.length, columns };
}

/** The own value of a field; null when it is absent. Names such as `constructor` must not find what is inherited. */
export function fieldOf(row: JsonObject, name: string): JsonValue {
  const value: JsonValue | undefined = row[name];
  if (value === undefined) return null;
  if (name in Object.prototype && !Object.hasOwn(row, name)) return null;
  return value;
}

function columnOf(manifest: ModelManifest, feature: Feature, rows: readonly JsonObject[]): Column {
  switch (feature.tensorType) {
    case 'string':
      return textColumn(manifest, feature, rows);
    case 'bool':
      return booleanColumn(manifest, feature, rows);
    case 'float32':
    case 'float64':
    case 'int64':
    case 'int32':
      return numberColumn(manifest, feature, rows);
  }
}

function numberColumn(manifest: ModelManifest, feature: Feature, rows: readonly JsonObject[]): Column {
  const { name } = feature;
  const count = rows.length;
  const values = new Float64Array(count);
  let valid: Uint8Array | undefined;
  for (let row = 0; row < count; row += 1) {
    const value = fieldOf(rows[row] ?? {}, name);
    if (typeof value === 'number') {
      values[row] = value;
    } else {
      if (value !== null) refuse(manifest, feature, 'a number', value);
      valid ??= new Uint8Array(count).fill(1);
      valid[row] = 0;
    }
  }
  return { kind: 'number', values, valid };
}

function booleanColumn(manifest: ModelManifest, feature: Feature, rows: readonly JsonObject[]): Column {
  const values = new Uint8Array(rows.length);
  let valid: Uint8Array | undefined;
  rows.forEach((inputs, row) => {
    const value = fieldOf(inputs, feature.name);
    if (typeof value === 'boolean') {
      values[row] = value ? 1 : 0;
    } else {
      if (value !== null) refuse(manifest, feature, 'true or false', value);
      valid ??= new Uint8Array(rows.length).fill(1);
      valid[row] = 0;
    }
  });
  return { kind: 'boolean', values, valid };
}

function textColumn(manifest: ModelManifest, feature: Feature, rows: readonly JsonObject[]): Column {
  const { name } = feature;
  const count = rows.length;
  const values: string[] = [];
  let valid: Uint8Array | undefined;
  for (let row = 0; row < count; row += 1) {
    const value = fieldOf(rows[row] ?? {}, name);
    if (typeof value === 'string') {
      values.push(value);
    } else {
      if (value !== null) refuse(manifest, feature, 'a string', value);
      valid ??= new Uint8Array(count).fill(1);
      valid[row] = 0;
      values.push('');
    }
  }
  return { kind: 'text', values, valid };
}

function refuse(manifest: ModelManifest, feature: Feature, expected: string, value: JsonValue): never {
  throw errors.INFERENCE_FAILED({
    model: `${manifest.name}@${manifest.version}`,
    problem: `feature ${feature.name}: expected ${expected}, got ${JSON.stringify(value).slice(0, 80)}`,
  });
}
