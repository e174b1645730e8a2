import type { Column, ColumnBatch } from '../../schemas/columns.js';
import type { Feature, ModelManifest } from '../../schemas/model-manifest.js';
import { codedInput } from './coded-strings.js';
import { float32Loss } from './float32-loss.js';
import { interleave } from './interleave.js';
import { type TensorValues, UnfitValueError } from './tensor-values.js';

/** One input tensor: its name in the ONNX file, its values row by row, and how many values a row has. */
export interface InputTensor {
  readonly name: string;
  readonly width: number;
  readonly values: TensorValues;
  /** Undefined: as the file says of an input of this name. */
  readonly rank?: number | undefined;
}

/**
 * Builds the input tensors of a batch. Nulls and absent columns get the feature's missing value. Throws
 * UnfitValueError for a null without one, a wrong type, and a cast that loses something. A float32 column without
 * nulls that no other thread sees is used as it is, without a copy. `coded`: tensors of strings that are given as codes and dictionary.
 */
export function compileTensors(
  manifest: ModelManifest,
  coded: ReadonlySet<string> = new Set(),
): (batch: ColumnBatch) => readonly InputTensor[] {
  const fills = manifest.features.map(fillerOf);
  if (manifest.layout === 'columns') {
    return (batch) =>
      fills.flatMap(({ feature, fill }): InputTensor[] => {
        const { name, tensor } = feature;
        const column = columnOf(batch, name);
        return coded.has(tensor)
          ? codedTensors(feature, column, batch.rows)
          : [{ name: tensor, width: 1, values: fill(column, batch.rows) }];
      });
  }
  const width = manifest.features.length;
  const order = fills.toSorted((a, b) => (a.feature.column ?? 0) - (b.feature.column ?? 0));
  const name = manifest.features[0]?.tensor ?? '';
  return (batch) => [
    {
      name,
      width,
      values: interleave(
        order.map(({ feature, fill }) => fill(columnOf(batch, feature.name), batch.rows)),
        batch.rows,
      ),
    },
  ];
}

type Fill = (column: Column | undefined, rows: number) => TensorValues;

function columnOf(batch: ColumnBatch, name: string): Column | undefined {
  return Object.hasOwn(batch.columns, name) ? batch.columns[name] : undefined;
}

function fillerOf(feature: Feature): { feature: Feature; fill: Fill } {
  switch (feature.tensorType) {
    case 'float32':
      return { feature, fill: (column, rows) => float32(feature, column, rows) };
    case 'float64':
      return { feature, fill: (column, rows) => float64(feature, column, rows) };
    case 'int64':
      return { feature, fill: (column, rows) => int64(feature, column, rows) };
    case 'int32':
      return { feature, fill: (column, rows) => int32(feature, column, rows) };
    case 'bool':
      return { feature, fill: (column, rows) => bool(feature, column, rows) };
    case 'string':
      return { feature, fill: (column, rows) => text(feature, column, rows) };
  }
}

/** Below this, every integer is exact in float32 and nothing overflows, so nothing can be lost. */
const float32SafeMax = 2 ** 24;

function float32(feature: Feature, column: Column | undefined, rows: number): TensorValues {
  if (column?.kind === 'number' && column.values instanceof Float32Array && column.valid === undefined) {
    return { type: 'float32', data: unshared(checkedLength(feature, column.values, rows)) };
  }
  const missing = missingNumber(feature);
  if (column?.kind === 'number' && column.values instanceof Float32Array) {
    // Nothing can be lost: only what is missing is filled in.
    const data = checkedLength(feature, column.values, rows).slice();
    const { valid } = column;
    for (let row = 0; row < rows; row += 1) {
      if (valid?.[row] === 0) data[row] = missing ?? refuseMissing(feature, row, rows);
    }
    return { type: 'float32', data };
  }
  const data = new Float32Array(rows);
  const values = numbersOf(feature, column, rows);
  const valid = column?.valid;
  for (let row = 0; row < rows; row += 1) {
    const value =
      values === undefined || (valid !== undefined && valid[row] === 0)
        ? (missing ?? refuseMissing(feature, row, rows))
        : (values[row] ?? Number.NaN);
    if (value > float32SafeMax || value < -float32SafeMax) {
      const loss = float32Loss(value);
      if (loss !== undefined) refuse(feature, row, rows, loss);
    }
    data[row] = value;
  }
  return { type: 'float32', data };
}

function float64(feature: Feature, column: Column | undefined, rows: number): TensorValues {
  const data = new Float64Array(rows);
  const missing = missingNumber(feature);
  const values = numbersOf(feature, column, rows);
  const valid = column?.valid;
  for (let row = 0; row < rows; row += 1) {
    data[row] =
      values === undefined || (valid !== undefined && valid[row] === 0)
        ? (missing ?? refuseMissing(feature, row, rows))
        : (values[row] ?? Number.NaN);
  }
  return { type: 'float64', data };
}

function int64(feature: Feature, column: Column | undefined, rows: number): TensorValues {
  const valid = column?.valid;
  if (column?.kind === 'integer' && valid === undefined) {
    return { type: 'int64', data: unshared(checkedLength(feature, column.values, rows)) };
  }
  const data = new BigInt64Array(rows);
  const missing = missingNumber(feature);
  const integers = column?.kind === 'integer' ? checkedLength(feature, column.values, rows) : undefined;
  const values = integers === undefined ? numbersOf(feature, column, rows) : undefined;
  for (let row = 0; row < rows; row += 1) {
    if (column === undefined || (valid !== undefined && valid[row] === 0)) {
      data[row] = exactInteger(feature, missing ?? refuseMissing(feature, row, rows), row, rows);
    } else if (integers === undefined) {
      data[row] = exactInteger(feature, values?.[row] ?? Number.NaN, row, rows);
    } else {
      data[row] = integers[row] ?? 0n;
    }
  }
  return { type: 'int64', data };
}

function int32(feature: Feature, column: Column | undefined, rows: number): TensorValues {
  const data = new Int32Array(rows);
  const missing = missingNumber(feature);
  const values = numbersOf(feature, column, rows);
  const valid = column?.valid;
  for (let row = 0; row < rows; row += 1) {
    const value =
      values === undefined || (valid !== undefined && valid[row] === 0)
        ? (missing ?? refuseMissing(feature, row, rows))
        : (values[row] ?? Number.NaN);
    if ((value | 0) !== value) refuse(feature, row, rows, `${value} is not an integer of 32 bits`);
    data[row] = value;
  }
  return { type: 'int32', data };
}

function bool(feature: Feature, column: Column | undefined, rows: number): TensorValues {
  if (column !== undefined && column.kind !== 'boolean') refuseKind(feature, column, 'booleans');
  const data = new Uint8Array(rows);
  const missing = missingNumber(feature);
  const values = column?.kind === 'boolean' ? checkedLength(feature, column.values, rows) : undefined;
  const valid = column?.valid;
  for (let row = 0; row < rows; row += 1) {
    const value =
      values === undefined || (valid !== undefined && valid[row] === 0)
        ? (missing ?? refuseMissing(feature, row, rows))
        : values[row];
    data[row] = value === 0 ? 0 : 1;
  }
  return { type: 'bool', data };
}

function text(
  feature: Feature,
  column: Column | undefined,
  rows: number,
): TensorValues & { readonly type: 'string' } {
  const missing = missingText(feature);
  const valid = column?.valid;
  if (column?.kind === 'text') {
    const values = checkedLength(feature, column.values, rows);
    if (valid === undefined) return { type: 'string', data: values };
    return {
      type: 'string',
      data: values.map((value, row) =>
        valid[row] === 0 ? (missing ?? refuseMissing(feature, row, rows)) : value,
      ),
    };
  }
  const data: string[] = [];
  if (column === undefined) {
    const filler = missing ?? refuseMissing(feature, 0, rows);
    for (let row = 0; row < rows; row += 1) data.push(filler);
    return { type: 'string', data };
  }
  if (column.kind !== 'dictionary') refuseKind(feature, column, 'text');
  const codes = checkedLength(feature, column.codes, rows);
  const { dictionary } = column;
  for (let row = 0; row < rows; row += 1) {
    const code = codes[row] ?? 0;
    data.push(
      valid !== undefined && valid[row] === 0
        ? (missing ?? refuseMissing(feature, row, rows))
        : (dictionary[code] ?? refuseCode(feature, { code, row, rows }, dictionary)),
    );
  }
  return { type: 'string', data };
}

/** Each distinct string once, and its number in every row. */
function codedTensors(feature: Feature, column: Column | undefined, rows: number): InputTensor[] {
  const { codes, dictionary } = stringCodes(feature, column, rows);
  const input = codedInput(feature.tensor);
  return [
    { name: input.codes, width: 1, values: { type: 'int32', data: codes } },
    { name: input.dictionary, width: 1, rank: 1, values: { type: 'string', data: dictionary } },
  ];
}

function stringCodes(
  feature: Feature,
  column: Column | undefined,
  rows: number,
): { readonly codes: Int32Array; readonly dictionary: readonly string[] } {
  if (column?.kind !== 'dictionary') return codesOfTexts(text(feature, column, rows), rows);
  const given = checkedLength(feature, column.codes, rows);
  const { valid } = column;
  const codes = new Int32Array(rows);
  // Numbers in the batch by numbers in the column, which may have far more strings than the batch has rows.
  const numbers = new Int32Array(column.dictionary.length).fill(-1);
  const dictionary: string[] = [];
  let missing = -1;
  for (let row = 0; row < rows; row += 1) {
    if (valid !== undefined && valid[row] === 0) {
      if (missing === -1) {
        missing = dictionary.length;
        dictionary.push(missingText(feature) ?? refuseMissing(feature, row, rows));
      }
      codes[row] = missing;
      continue;
    }
    const code = given[row] ?? 0;
    let number = numbers[code];
    if (number === undefined || number === -1) {
      number = dictionary.length;
      dictionary.push(column.dictionary[code] ?? refuseCode(feature, { code, row, rows }, column.dictionary));
      numbers[code] = number;
    }
    codes[row] = number;
  }
  return { codes, dictionary };
}

function codesOfTexts(
  values: TensorValues & { readonly type: 'string' },
  rows: number,
): { readonly codes: Int32Array; readonly dictionary: readonly string[] } {
  const codes = new Int32Array(rows);
  const numbers = new Map<string, number>();
  for (const [row, value] of values.data.entries()) {
    const number = numbers.get(value) ?? numbers.size;
    numbers.set(value, number);
    codes[row] = number;
  }
  return { codes, dictionary: [...numbers.keys()] };
}

/** The values as doubles; undefined: no column. 64-bit integers must be exact as doubles. */
function numbersOf(
  feature: Feature,
  column: Column | undefined,
  rows: number,
): Float64Array | Float32Array | undefined {
  if (column === undefined) return undefined;
  if (column.kind === 'number') return checkedLength(feature, column.values, rows);
  if (column.kind !== 'integer') refuseKind(feature, column, 'numbers');
  const integers = checkedLength(feature, column.values, rows);
  const values = new Float64Array(rows);
  for (let row = 0; row < rows; row += 1) {
    const value = Number(integers[row]);
    if (!Number.isSafeInteger(value) && column.valid?.[row] !== 0) {
      refuse(feature, row, rows, `${integers[row]} is not exact as a double`);
    }
    values[row] = value;
  }
  return values;
}

function exactInteger(feature: Feature, value: number, row: number, rows: number): bigint {
  if (!Number.isSafeInteger(value)) refuse(feature, row, rows, `${value} is not an exact integer`);
  return BigInt(value);
}

function missingText(feature: Feature): string | undefined {
  return typeof feature.missing === 'string' ? feature.missing : undefined;
}

function missingNumber(feature: Feature): number | undefined {
  if (feature.missing === undefined) return undefined;
  return feature.missing === 'NaN' ? Number.NaN : Number(feature.missing);
}

/** The runtime takes no memory that threads share. */
function unshared<Values extends { readonly buffer: ArrayBufferLike; slice(): Values }>(
  values: Values,
): Values {
  return values.buffer instanceof SharedArrayBuffer ? values.slice() : values;
}

function checkedLength<Values extends { readonly length: number }>(
  feature: Feature,
  values: Values,
  rows: number,
): Values {
  if (values.length !== rows) {
    throw new UnfitValueError(
      `feature ${feature.name} has ${values.length} values, expected one for each of ${rows} rows`,
    );
  }
  return values;
}

function refuseKind(feature: Feature, column: Column, expected: string): never {
  throw new UnfitValueError(
    `feature ${feature.name} (${feature.tensorType}): expected ${expected}, got a column of kind ${column.kind}`,
  );
}

function refuseCode(
  feature: Feature,
  { code, row, rows }: { readonly code: number; readonly row: number; readonly rows: number },
  dictionary: readonly string[],
): never {
  return refuse(feature, row, rows, `code ${code} is not in a dictionary of ${dictionary.length}`);
}

function refuseMissing(feature: Feature, row: number, rows: number): never {
  return refuse(feature, row, rows, 'the value is missing, and the model has no missing value for it');
}

function refuse(feature: Feature, row: number, rows: number, problem: string): never {
  const where = rows === 1 ? '' : `, row ${row}`;
  throw new UnfitValueError(`feature ${feature.name} (${feature.tensorType})${where}: ${problem}`);
}
