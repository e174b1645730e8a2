import type { BundleManifest, OutputRoles } from '../../schemas/model-manifest.js';
import { errors } from '../platform/errors.js';
import type { OnnxSignature, OnnxValue } from './onnx-signature.js';

/** Names that skl2onnx gives by itself, in the order in which they are tried. */
const exporterNames = {
  label: ['label', 'output_label'],
  score: ['probabilities', 'output_probability', 'probability_tensor'],
  value: ['variable', 'value', 'predictions'],
} as const;

/**
 * The roles that model.yaml gives, and exporters' usual names for those that it leaves out. Of a binary score the class
 * is the positive one's. Throws MODEL_OUTPUT_NOT_TENSOR; `refuse` is called with anything else that does not fit.
 */
export function completeRoles(
  bundle: BundleManifest,
  signature: OnnxSignature,
  refuse: (problem: string) => never,
): OutputRoles {
  const isRegression = bundle.task === 'regression';
  const label = isRegression ? bundle.outputs.label : (bundle.outputs.label ?? usual('label', signature));
  const score = isRegression ? bundle.outputs.score : (bundle.outputs.score ?? usual('score', signature));
  const value = isRegression ? (bundle.outputs.value ?? valueOf(signature)) : bundle.outputs.value;
  const roles: OutputRoles = {
    ...(label === undefined ? undefined : { label }),
    ...(score === undefined ? undefined : { score: withClass(score, bundle, signature, refuse) }),
    ...(value === undefined ? undefined : { value }),
  };
  const outputs = signature.outputs.map((output) => output.name).join(', ');
  for (const [role, ref] of Object.entries(roles)) {
    if (ref !== undefined) checkRole(role, ref, signature, refuse);
  }
  if (isRegression && value === undefined) {
    refuse(`outputs.value does not say which of the outputs (${outputs}) is the prediction`);
  }
  if (!isRegression && label === undefined && score === undefined) {
    refuse(`outputs says of none of the outputs (${outputs}) that it is the label or the score`);
  }
  return roles;
}

type OutputRef = NonNullable<OutputRoles['score']>;

function usual(role: keyof typeof exporterNames, signature: OnnxSignature): OutputRef | undefined {
  const name = exporterNames[role].find((candidate) => find(signature, candidate) !== undefined);
  return name === undefined ? undefined : { output: name };
}

function valueOf(signature: OnnxSignature): OutputRef | undefined {
  const [only, second] = signature.outputs;
  return only !== undefined && second === undefined ? { output: only.name } : usual('value', signature);
}

function withClass(
  score: OutputRef,
  bundle: BundleManifest,
  signature: OnnxSignature,
  refuse: (problem: string) => never,
): OutputRef {
  const output = find(signature, score.output);
  const isSingle = output?.shape.length === 1 || output?.shape[1] === 1;
  if (bundle.task !== 'binary-classification' || score.class !== undefined || isSingle) return score;
  const { classes, positiveClass } = bundle;
  if (classes === undefined || positiveClass === undefined) return { ...score, class: 1 };
  const index = classes.indexOf(positiveClass);
  if (index === -1) refuse(`positiveClass ${positiveClass} is not one of the classes ${classes.join(', ')}`);
  return { ...score, class: index };
}

function checkRole(
  role: string,
  ref: OutputRef,
  signature: OnnxSignature,
  refuse: (problem: string) => never,
): void {
  const output = find(signature, ref.output);
  if (output === undefined) {
    const known = signature.outputs.map((candidate) => candidate.name).join(', ');
    return refuse(`outputs.${role} names the output ${ref.output}; the ONNX file has ${known}`);
  }
  if (!output.isTensor) throw errors.MODEL_OUTPUT_NOT_TENSOR({ output: ref.output });
  if (output.shape.length > 2) {
    refuse(`output ${ref.output} has ${output.shape.length} dimensions, expected [N] or [N, classes]`);
  }
  if (output.type === 'float16') {
    refuse(
      `output ${ref.output} is a tensor of float16, expected float32 or float64: add a cast when exporting`,
    );
  }
  const width = output.shape.length === 1 ? 1 : output.shape[1];
  if (ref.class !== undefined && typeof width === 'number' && ref.class >= width) {
    refuse(
      `outputs.${role} asks for class ${ref.class} of ${ref.output}, which has ${width} column(s), from 0`,
    );
  }
}

function find(signature: OnnxSignature, name: string): OnnxValue | undefined {
  return signature.outputs.find((output) => output.name === name);
}
