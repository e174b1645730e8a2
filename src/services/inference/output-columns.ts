import type { Column } from '../../schemas/columns.js';
import type { ModelManifest } from '../../schemas/model-manifest.js';
import { limits } from '../platform/limits.js';
import type { OnnxSignature, OnnxValue } from './onnx-signature.js';

/** One output tensor as the runtime gives it, row-major. */
export interface OutputTensor {
  readonly type: string;
  readonly data: unknown;
  readonly dims: readonly number[];
}

/** An output that is not what the manifest says. The message names output, shape or value, and what was expected. */
export class UnfitOutputError extends Error {
  override readonly name = 'UnfitOutputError';
}

export interface OutputPlan {
  /** The outputs to ask the model for. */
  readonly fetches: readonly string[];
  /** Columns by role; throws UnfitOutputError when rows, class index or element type do not fit. */
  decode(tensors: { readonly [name: string]: OutputTensor }, rows: number): { [role: string]: Column };
}

/**
 * How the outputs of a model become columns by role: `label`, `score` or `score_<class>`, `value`. A tensor without
 * a role keeps its name, one column per class as `<name>_<index>`; what is no tensor, has more than two dimensions,
 * or is wider than `outputColumnsMax`, and has no role, is not fetched.
 */
export function planOutputs(manifest: ModelManifest, signature: OnnxSignature): OutputPlan {
  const { label, score, value } = manifest.outputs;
  const taken = new Set([label?.output, score?.output, value?.output]);
  const others = signature.outputs.filter((output) => !taken.has(output.name) && isNarrow(output));
  const fetches = [...signature.outputs.filter((output) => taken.has(output.name)), ...others];
  return {
    fetches: fetches.map((output) => output.name),
    decode(tensors, rows) {
      const columns: { [role: string]: Column } = {};
      if (label !== undefined) {
        columns['label'] = pick(open(tensors, label.output, rows), label.class ?? 0);
      }
      if (value !== undefined) {
        columns['value'] = pick(open(tensors, value.output, rows), value.class ?? 0);
      }
      if (score !== undefined) addScores(columns, open(tensors, score.output, rows), score.class, manifest);
      for (const other of others) addByName(columns, open(tensors, other.name, rows));
      return columns;
    },
  };
}

interface OpenTensor {
  readonly name: string;
  readonly rows: number;
  readonly width: number;
  readonly tensor: OutputTensor;
}

function isNarrow(output: OnnxValue): boolean {
  if (!output.isTensor || output.shape.length > 2) return false;
  const width = output.shape[1];
  return typeof width !== 'number' || width <= limits.outputColumnsMax;
}

function open(tensors: { readonly [name: string]: OutputTensor }, name: string, rows: number): OpenTensor {
  const tensor = tensors[name];
  if (tensor === undefined) throw new UnfitOutputError(`the model gave no output ${name}`);
  const [first, width = 1] = tensor.dims;
  if (tensor.dims.length > 2 || first !== rows) {
    throw new UnfitOutputError(
      `output ${name} has shape [${tensor.dims.join(', ')}] for ${rows} row(s), expected [${rows}] or [${rows}, classes]`,
    );
  }
  return { name, rows, width, tensor };
}

function addScores(
  columns: { [role: string]: Column },
  from: OpenTensor,
  index: number | undefined,
  manifest: ModelManifest,
): void {
  if (index !== undefined || from.width === 1) {
    columns['score'] = pick(from, index ?? 0);
    return;
  }
  if (manifest.task === 'binary-classification') {
    columns['score'] = pick(from, 1);
    return;
  }
  for (let k = 0; k < from.width; k += 1) {
    columns[`score_${manifest.classes?.[k] ?? k}`] = pick(from, k);
  }
}

function addByName(columns: { [role: string]: Column }, from: OpenTensor): void {
  if (from.width === 1) {
    columns[from.name] = pick(from, 0);
    return;
  }
  for (let k = 0; k < Math.min(from.width, limits.outputColumnsMax); k += 1) {
    columns[`${from.name}_${k}`] = pick(from, k);
  }
}

/** The k-th column of a [rows, width] tensor. Integers become doubles, and must be exact. */
function pick(from: OpenTensor, k: number): Column {
  const { rows, width, name } = from;
  const { data, type } = from.tensor;
  if (k >= width) {
    throw new UnfitOutputError(`output ${name} has ${width} column(s), so there is no class ${k}`);
  }
  const valid = undefined;
  if (data instanceof Float32Array) {
    if (width === 1) return { kind: 'number', values: data, valid };
    const values = new Float32Array(rows);
    for (let row = 0, at = k; row < rows; row += 1, at += width) values[row] = data[at] ?? Number.NaN;
    return { kind: 'number', values, valid };
  }
  if (data instanceof Float64Array) {
    if (width === 1) return { kind: 'number', values: data, valid };
    const values = new Float64Array(rows);
    for (let row = 0, at = k; row < rows; row += 1, at += width) values[row] = data[at] ?? Number.NaN;
    return { kind: 'number', values, valid };
  }
  if (type === 'bool' && data instanceof Uint8Array) {
    const values = new Uint8Array(rows);
    for (let row = 0, at = k; row < rows; row += 1, at += width) values[row] = data[at] ?? 0;
    return { kind: 'boolean', values, valid };
  }
  if (Array.isArray(data)) {
    const values: string[] = [];
    for (let row = 0, at = k; row < rows; row += 1, at += width) values.push(String(data[at]));
    return { kind: 'text', values, valid };
  }
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    return { kind: 'number', values: exactDoubles(data, from, k), valid };
  }
  if (isSmallIntegers(data) && type !== 'float16') {
    const values = new Float64Array(rows);
    for (let row = 0, at = k; row < rows; row += 1, at += width) values[row] = data[at] ?? 0;
    return { kind: 'number', values, valid };
  }
  throw new UnfitOutputError(
    `output ${name} is a tensor of ${type}; expected float32, float64, integers, bool or string`,
  );
}

/** 64-bit integers as doubles. Labels are small: those of 32 bits are read without making a BigInt of each. */
function exactDoubles(data: BigInt64Array | BigUint64Array, from: OpenTensor, k: number): Float64Array {
  const { rows, width, name } = from;
  const words = new Int32Array(data.buffer, data.byteOffset, data.length * 2);
  const values = new Float64Array(rows);
  for (let row = 0, at = k; row < rows; row += 1, at += width) {
    const low = words[2 * at] ?? 0;
    if (words[2 * at + 1] === low >> 31 && (low >= 0 || data instanceof BigInt64Array)) {
      values[row] = low;
      continue;
    }
    const value = Number(data[at]);
    if (!Number.isSafeInteger(value)) {
      throw new UnfitOutputError(`output ${name} gave ${data[at]}, which is not exact as a double`);
    }
    values[row] = value;
  }
  return values;
}

function isSmallIntegers(
  data: unknown,
): data is Int32Array | Uint32Array | Int16Array | Uint16Array | Int8Array | Uint8Array {
  return (
    data instanceof Int32Array ||
    data instanceof Uint32Array ||
    data instanceof Int16Array ||
    data instanceof Uint16Array ||
    data instanceof Int8Array ||
    data instanceof Uint8Array
  );
}
