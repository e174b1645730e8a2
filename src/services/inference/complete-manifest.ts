import {
  type BundleManifest,
  type Feature,
  ModelManifest,
  TensorType,
} from '../../schemas/model-manifest.js';
import { errors } from '../platform/errors.js';
import { float32Loss } from './float32-loss.js';
import type { OnnxSignature, OnnxValue } from './onnx-signature.js';
import { completeRoles } from './output-roles.js';

type BundleFeature = BundleManifest['features'][number];

/**
 * A bundle's manifest with layout, tensor types, roles and defaults derived from the ONNX file. Throws BUNDLE_INVALID
 * (`path` is the bundle's) when features and inputs do not cover each other, and MODEL_OUTPUT_NOT_TENSOR.
 */
export function completeManifest(
  bundle: BundleManifest,
  signature: OnnxSignature,
  path: string,
): ModelManifest {
  const refuse = (problem: string): never => {
    throw errors.BUNDLE_INVALID({ path, problem });
  };
  const twice = repeated(bundle.features.map((feature) => feature.name));
  if (twice !== undefined) refuse(`model.yaml lists the feature ${twice} twice`);
  for (const input of signature.inputs) checkInput(input, refuse);
  const layout = isMatrix(bundle, signature) ? 'matrix' : 'columns';
  const features =
    layout === 'matrix'
      ? matrixFeatures(bundle, signature, refuse)
      : columnFeatures(bundle, signature, refuse);
  const slices = (bundle.slices ?? []).map((slice) =>
    typeof slice === 'string'
      ? { feature: slice, protected: false }
      : { feature: slice.feature, protected: slice.protected ?? false },
  );
  const names = new Set(features.map((feature) => feature.name));
  const unknown = slices.find((slice) => !names.has(slice.feature));
  if (unknown !== undefined) refuse(`slices name ${unknown.feature}, which is not a feature`);
  const { features: _features, slices: _slices, outputs: _outputs, threshold, ...rest } = bundle;
  return ModelManifest.parse({
    ...rest,
    layout,
    features,
    outputs: completeRoles(bundle, signature, refuse),
    threshold: threshold ?? 0.5,
    slices,
  });
}

function checkInput(input: OnnxValue, refuse: (problem: string) => never): void {
  if (!input.isTensor) refuse(`input ${input.name} of the ONNX file is no tensor`);
  if (!TensorType.safeParse(input.type).success) {
    refuse(
      `input ${input.name} is a tensor of ${input.type}; taken are ${TensorType.options.join(', ')}: add a cast when exporting`,
    );
  }
  if (input.shape.length > 2) {
    refuse(`input ${input.name} has ${input.shape.length} dimensions, expected [N], [N, 1] or [N, features]`);
  }
  if (typeof input.shape[0] === 'number') {
    refuse(
      `input ${input.name} takes exactly ${input.shape[0]} row(s) at a time: export it with a first dimension of any size`,
    );
  }
}

/** One input for several features is a matrix; so is one of a fixed width other than 1. */
function isMatrix(bundle: BundleManifest, signature: OnnxSignature): boolean {
  const [only, second] = signature.inputs;
  if (only === undefined || second !== undefined || only.shape.length !== 2) return false;
  return only.shape[1] !== 1 && (bundle.features.length > 1 || typeof only.shape[1] === 'number');
}

function matrixFeatures(
  bundle: BundleManifest,
  signature: OnnxSignature,
  refuse: (problem: string) => never,
): Feature[] {
  const [input] = signature.inputs;
  if (input === undefined) return refuse('the ONNX file has no input');
  const width = input.shape[1];
  if (typeof width === 'number' && width !== bundle.features.length) {
    refuse(
      `input ${input.name} has ${width} columns, and model.yaml lists ${bundle.features.length} features (${bundle.features.map((feature) => feature.name).join(', ')}): list them all, in the order of the columns`,
    );
  }
  const stray = bundle.features.find(
    (feature) => feature.tensor !== undefined && feature.tensor !== input.name,
  );
  if (stray !== undefined) {
    refuse(
      `feature ${stray.name} names the tensor ${stray.tensor}; the ONNX file has one input, ${input.name}`,
    );
  }
  return bundle.features.map((feature, column) => ({ ...completeFeature(feature, input, refuse), column }));
}

function columnFeatures(
  bundle: BundleManifest,
  signature: OnnxSignature,
  refuse: (problem: string) => never,
): Feature[] {
  const only =
    signature.inputs.length === 1 && bundle.features.length === 1 ? signature.inputs[0] : undefined;
  const features = bundle.features.map((feature) => {
    const tensor = feature.tensor ?? only?.name ?? feature.name;
    const input = signature.inputs.find((candidate) => candidate.name === tensor);
    if (input === undefined) {
      const known = signature.inputs.map((candidate) => candidate.name).join(', ');
      return refuse(`feature ${feature.name} needs an input ${tensor}; the ONNX file has ${known}`);
    }
    if (input.shape.length === 2 && input.shape[1] !== 1 && typeof input.shape[1] === 'number') {
      refuse(
        `input ${input.name} has ${input.shape[1]} columns; a model with several inputs takes one column in each`,
      );
    }
    return completeFeature(feature, input, refuse);
  });
  const tensors = features.map((feature) => feature.tensor);
  const shared = repeated(tensors);
  if (shared !== undefined) refuse(`two features go into the input ${shared}`);
  const lacking = signature.inputs
    .filter((input) => !tensors.includes(input.name))
    .map((input) => input.name);
  if (lacking.length > 0) {
    refuse(`model.yaml lists no feature for the input(s) ${lacking.join(', ')} of the ONNX file`);
  }
  return features;
}

function completeFeature(
  feature: BundleFeature,
  input: OnnxValue,
  refuse: (problem: string) => never,
): Feature {
  const tensorType = TensorType.parse(input.type);
  const missing = missingOf(feature, tensorType, refuse);
  const { range, categories } = feature;
  if (range !== undefined && range.min > range.max) {
    refuse(`feature ${feature.name}: range.min ${range.min} is above range.max ${range.max}`);
  }
  return {
    name: feature.name,
    tensor: input.name,
    tensorType,
    required: feature.required ?? missing === undefined,
    policy: {
      outOfRange: feature.policy?.outOfRange ?? 'warn',
      newCategory: feature.policy?.newCategory ?? 'warn',
      unexpectedMissing: feature.policy?.unexpectedMissing ?? 'warn',
    },
    ...(missing === undefined ? undefined : { missing }),
    ...(range === undefined ? undefined : { range }),
    ...(categories === undefined ? undefined : { categories }),
  };
}

/** Not-a-number is the text `NaN` in a manifest, since JSON has none. */
function missingOf(
  feature: BundleFeature,
  tensorType: TensorType,
  refuse: (problem: string) => never,
): string | number | undefined {
  const { name, missing } = feature;
  if (missing === undefined) return undefined;
  if (tensorType === 'string') {
    if (typeof missing === 'string') return missing;
    return refuse(
      `feature ${name}: missing is ${missing}, expected a string, since its tensor holds strings`,
    );
  }
  if (tensorType === 'float32' || tensorType === 'float64') {
    if (missing === 'NaN' || Number.isNaN(missing)) return 'NaN';
    if (typeof missing !== 'number')
      return refuse(`feature ${name}: missing is "${missing}", expected a number or .nan`);
    const loss = tensorType === 'float32' ? float32Loss(missing) : undefined;
    return loss === undefined ? missing : refuse(`feature ${name}: missing: ${loss}`);
  }
  const [min, max] = integerRanges[tensorType];
  if (typeof missing === 'number' && Number.isInteger(missing) && missing >= min && missing <= max)
    return missing;
  return refuse(
    `feature ${name}: missing is ${missing}, expected an integer from ${min} to ${max}, since its tensor is ${tensorType}`,
  );
}

const integerRanges = {
  int64: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  bool: [0, 1],
} as const;

function repeated(names: readonly string[]): string | undefined {
  return names.find((name, index) => names.indexOf(name) !== index);
}
