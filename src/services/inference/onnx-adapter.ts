import { readFile, stat } from 'node:fs/promises';
import { type InferenceSession, InferenceSession as Session, Tensor, env } from 'onnxruntime-node';
import type { ColumnBatch } from '../../schemas/columns.js';
import type { ServedBy } from '../../schemas/events.js';
import type { ModelManifest } from '../../schemas/model-manifest.js';
import { HindcastError, errors } from '../platform/errors.js';
import { limits } from '../platform/limits.js';
import { codedInput, withCodedStrings } from './coded-strings.js';
import type { InferenceModel, OutputBatch } from './inference-model.js';
import type { OnnxSignature, OnnxValue } from './onnx-signature.js';
import { type OutputPlan, UnfitOutputError, planOutputs } from './output-columns.js';
import { type InputTensor, compileTensors } from './tensor-columns.js';
import { UnfitValueError } from './tensor-values.js';

/** Which model to load, and the digests that every prediction of it will carry. */
export interface LoadOnnxOptions {
  readonly manifest: ModelManifest;
  readonly modelPath: string;
  readonly artefactDigest: string;
  readonly featureSchemaDigest: string;
  /**
   * `codes`: columns of strings reach the runtime as codes and a dictionary, where the file can be read so: the same outputs in less
   * time for batches of many rows. `values` unless told: every string by itself.
   */
  readonly stringsAs?: 'values' | 'codes';
}

/**
 * Loads an ONNX file on this thread: a run blocks it for as long as it takes. One thread inside the runtime, since
 * with two the same rows gave other bits in batches of other sizes. `servedBy` is one frozen object for the model.
 * Throws MODEL_FILE_DAMAGED when the file cannot be loaded, MODEL_OUTPUT_NOT_TENSOR when an output that has a role
 * is a map or a sequence, BUNDLE_INVALID when file and manifest do not name the same tensors.
 */
export async function loadOnnxModel(options: LoadOnnxOptions): Promise<InferenceModel> {
  const { manifest, modelPath } = options;
  const { session, coded } = await openForManifest(options);
  const signature = signatureOf(session, coded);
  const outputs = await checkedPlan(session, manifest, signature, modelPath);
  const tensorsOf = compileTensors(manifest, coded);
  const ranks = new Map(signature.inputs.map((input) => [input.name, input.shape.length]));
  const model = `${manifest.name}@${manifest.version}`;
  const running = new Set<Promise<unknown>>();
  let closed: Promise<void> | undefined;

  async function run(batch: ColumnBatch): Promise<OutputBatch> {
    if (closed !== undefined) throw errors.INFERENCE_FAILED({ model, problem: 'the model is closed' });
    if (batch.rows < 1) throw errors.INFERENCE_FAILED({ model, problem: 'the batch has no row' });
    try {
      const feeds: { [name: string]: Tensor } = {};
      for (const input of tensorsOf(batch)) feeds[input.name] = toTensor(input, ranks);
      const startMs = performance.now();
      const results = await session.run(feeds, outputs.fetches);
      const inferenceMicros = Math.round((performance.now() - startMs) * 1000);
      return { rows: batch.rows, outputs: outputs.decode(results, batch.rows), inferenceMicros };
    } catch (cause) {
      throw inferenceFailed(model, cause);
    }
  }

  return {
    manifest,
    servedBy: servedByOf(options),
    run(batch) {
      const promise = run(batch);
      running.add(promise);
      const forget = () => running.delete(promise);
      promise.then(forget, forget);
      return promise;
    },
    close() {
      closed ??= Promise.allSettled(running).then(() => session.release());
      return closed;
    },
  };
}

/** What the file takes and gives. Throws MODEL_FILE_DAMAGED when it cannot be loaded. */
export async function inspectOnnxFile(path: string): Promise<OnnxSignature> {
  const session = await openSession(path);
  const signature = signatureOf(session);
  await session.release();
  return signature;
}

const sessionOptions: InferenceSession.SessionOptions = {
  executionProviders: ['cpu'],
  executionMode: 'sequential',
  graphOptimizationLevel: 'all',
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  logSeverityLevel: 4,
};

async function openSession(path: string): Promise<InferenceSession> {
  try {
    return await Session.create(path, sessionOptions);
  } catch (cause) {
    throw errors.MODEL_FILE_DAMAGED({ path, problem: firstLine(cause) }, cause);
  }
}

/** With its strings as codes where the manifest has some and the file lends itself to it; `coded`: the tensors of which this is so. */
async function openForManifest({
  manifest,
  modelPath,
  stringsAs,
}: LoadOnnxOptions): Promise<{ readonly session: InferenceSession; readonly coded: ReadonlySet<string> }> {
  const strings = manifest.features.flatMap(({ tensor, tensorType }) =>
    tensorType === 'string' ? [tensor] : [],
  );
  if (stringsAs === 'codes' && manifest.layout === 'columns' && strings.length > 0) {
    const session = await openCoded(modelPath, strings);
    if (session !== undefined) return { session, coded: new Set(strings) };
  }
  return { session: await openSession(modelPath), coded: new Set() };
}

/** Undefined: the file is not such that it could be read so; whatever else is wrong with it, opening it as it is will say. */
async function openCoded(path: string, strings: readonly string[]): Promise<InferenceSession | undefined> {
  try {
    if ((await stat(path)).size > limits.codedModelBytesMax) return undefined;
    const model = withCodedStrings(await readFile(path), strings);
    return model === undefined ? undefined : await Session.create(model, sessionOptions);
  } catch {
    return undefined;
  }
}

/** As the file has it: a coded input is the string input that it stands for. */
function signatureOf(session: InferenceSession, coded: ReadonlySet<string> = new Set()): OnnxSignature {
  const metadata = new Map(session.inputMetadata.map((input) => [input.name, input]));
  for (const name of coded) {
    const { codes, dictionary } = codedInput(name);
    const input = metadata.get(codes);
    metadata.delete(codes);
    metadata.delete(dictionary);
    if (input?.isTensor === true) metadata.set(name, { ...input, name, type: 'string' });
  }
  return { inputs: [...metadata.values()].map(valueOf), outputs: session.outputMetadata.map(valueOf) };
}

function valueOf(metadata: InferenceSession.ValueMetadata): OnnxValue {
  const { name, isTensor } = metadata;
  return isTensor
    ? { name, isTensor, type: metadata.type, shape: [...metadata.shape] }
    : { name, isTensor, type: undefined, shape: [] };
}

async function checkedPlan(
  session: InferenceSession,
  manifest: ModelManifest,
  signature: OnnxSignature,
  path: string,
): Promise<OutputPlan> {
  const problem = misfit(manifest, signature, path);
  if (problem === undefined) return planOutputs(manifest, signature);
  await session.release();
  throw problem;
}

function misfit(manifest: ModelManifest, signature: OnnxSignature, path: string): HindcastError | undefined {
  for (const role of [manifest.outputs.label, manifest.outputs.score, manifest.outputs.value]) {
    if (role === undefined) continue;
    const output = signature.outputs.find((candidate) => candidate.name === role.output);
    if (output === undefined) {
      return errors.BUNDLE_INVALID({ path, problem: `the ONNX file has no output ${role.output}` });
    }
    if (!output.isTensor) return errors.MODEL_OUTPUT_NOT_TENSOR({ output: role.output });
  }
  const given = new Set(manifest.features.map((feature) => feature.tensor));
  const inputs = new Set(signature.inputs.map((input) => input.name));
  const lacking =
    [...inputs].find((input) => !given.has(input)) ?? [...given].find((name) => !inputs.has(name));
  if (lacking === undefined) return undefined;
  return errors.BUNDLE_INVALID({
    path,
    problem: `tensor ${lacking} stands in only one of manifest and ONNX file`,
  });
}

function toTensor(input: InputTensor, ranks: ReadonlyMap<string, number>): Tensor {
  const { values, width } = input;
  const rows = values.data.length / width;
  const rank = input.rank ?? ranks.get(input.name);
  const dims = width === 1 && rank === 1 ? [rows] : [rows, width];
  switch (values.type) {
    case 'float32':
      return new Tensor('float32', values.data, dims);
    case 'float64':
      return new Tensor('float64', values.data, dims);
    case 'int64':
      return new Tensor('int64', values.data, dims);
    case 'int32':
      return new Tensor('int32', values.data, dims);
    case 'bool':
      return new Tensor('bool', values.data, dims);
    case 'string':
      return new Tensor('string', values.data, dims);
  }
}

/** What every prediction of the model carries: one frozen object, since the codec stores it once a frame. */
export function servedByOf({ artefactDigest, featureSchemaDigest }: LoadOnnxOptions): ServedBy {
  return Object.freeze({
    kind: 'served',
    artefactDigest,
    featureSchemaDigest,
    runtime: Object.freeze({
      name: 'onnxruntime-node',
      version: env.versions.node ?? env.versions.common,
      provider: 'cpu',
      threads: 1,
      graphOptimization: 'all',
    }),
  });
}

function inferenceFailed(model: string, cause: unknown): HindcastError {
  if (cause instanceof HindcastError) return cause;
  const known = cause instanceof UnfitValueError || cause instanceof UnfitOutputError;
  return errors.INFERENCE_FAILED({ model, problem: known ? cause.message : firstLine(cause) }, cause);
}

/** The runtime's first line without its trailing stop: the catalogue's message ends the sentence itself. */
function firstLine(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause);
  return (text.split('\n', 1)[0] ?? text).trim().replace(/\.$/, '').slice(0, 500);
}
