import type { Column } from '../schemas/columns.js';
import type { ModelManifest } from '../schemas/model-manifest.js';
import { type ChunkArrays, newArrays } from './chunk-arrays.js';
import { writeLabelCodes } from './label-codes.js';
import { writeNumbers } from './write-numbers.js';

/** How outputs are read by role, the same way for both sides. */
export interface OutputPairing {
  readonly task: ModelManifest['task'];
  /** Outputs to read from the record, by role. */
  readonly roles: readonly string[];
  readonly hasScore: boolean;
  readonly hasLabel: boolean;
  /** Names of label codes; grows while rows are read when the manifest names no classes. Binary: code 1 is positive. */
  readonly labels: readonly string[];
  readonly codeOf: (label: string) => number;
}

export function outputPairing(manifest: ModelManifest): OutputPairing {
  const { task, outputs } = manifest;
  const positive = String(manifest.positiveClass ?? 1);
  const negative =
    manifest.classes?.map(String).find((name) => name !== positive) ??
    (positive === '1' ? '0' : `not ${positive}`);
  const labels =
    task === 'binary-classification' ? [negative, positive] : (manifest.classes ?? []).map(String);
  const codes = new Map(labels.map((label, code) => [label, code]));
  const scoreRoles =
    task === 'multiclass-classification' ? labels.map((label) => `score_${label}`) : ['score'];
  const hasScore = outputs.score !== undefined;
  const roles =
    task === 'regression'
      ? ['value']
      : [...(outputs.label === undefined ? [] : ['label']), ...(hasScore ? scoreRoles : [])];
  return {
    task,
    roles,
    hasScore,
    hasLabel: outputs.label !== undefined && task !== 'regression',
    labels,
    codeOf: (label) => {
      if (task === 'binary-classification')
        return label === positive || (positive === '1' && label === 'true') ? 1 : 0;
      const known = codes.get(label);
      if (known !== undefined) return known;
      labels.push(label);
      codes.set(label, labels.length - 1);
      return labels.length - 1;
    },
  };
}

/** One side's outputs of a chunk, decoded: `scores` has one array a class, or one alone. */
export interface DecodedOutputs {
  readonly scores: readonly Float64Array[];
  readonly label: Int32Array;
}

export function decodedOutputs(
  pairing: OutputPairing,
  rows: number,
  arrays: ChunkArrays = newArrays,
  side: 'control' | 'candidate' = 'candidate',
): DecodedOutputs {
  const scoreCount = pairing.roles.filter((role) => role !== 'label').length;
  return {
    scores: Array.from({ length: scoreCount }, (_, index) =>
      arrays.float64(`${side}-score-${index}`, rows).fill(Number.NaN),
    ),
    label: arrays.int32(`${side}-label`, rows).fill(-1),
  };
}

/** Decodes all rows of `outputs` into `decoded` from row `at` on. A row without a label gets the one that its scores mean. */
export function decodeOutputs(options: {
  readonly pairing: OutputPairing;
  readonly outputs: { readonly [role: string]: Column };
  readonly rows: number;
  readonly threshold: number;
  readonly decoded: DecodedOutputs;
  readonly at: number;
}): void {
  const { pairing, outputs, rows, threshold, decoded, at } = options;
  const scoreRoles = pairing.roles.filter((role) => role !== 'label');
  for (const [index, role] of scoreRoles.entries()) {
    const target = decoded.scores[index];
    if (target !== undefined) writeNumbers({ column: outputs[role], from: 0, until: rows, target, at });
  }
  const score = decoded.scores[0];
  if (pairing.hasLabel) {
    writeLabelCodes({
      column: outputs['label'],
      from: 0,
      until: rows,
      codeOf: pairing.codeOf,
      target: decoded.label,
      at,
    });
  }
  // What has no label (an import often has a score alone) gets the one that its score means.
  for (let row = at; row < at + rows; row += 1) {
    if ((decoded.label[row] ?? -1) >= 0) continue;
    if (pairing.task === 'binary-classification' && Number.isFinite(score?.[row])) {
      decoded.label[row] = (score?.[row] ?? 0) >= threshold ? 1 : 0;
    } else if (
      pairing.task === 'multiclass-classification' &&
      decoded.scores.every((scores) => Number.isFinite(scores[row]))
    ) {
      decoded.label[row] = highest(decoded.scores, row);
    }
  }
}

/**
 * Of each row, 1 when it has everything that its roles promise: finite scores, and a label; else 0. Undefined: every row has.
 */
export function answeredRows(
  pairing: OutputPairing,
  decoded: DecodedOutputs,
  rows: number,
): Uint8Array | undefined {
  let answered: Uint8Array | undefined;
  const fail = (row: number): void => {
    answered ??= new Uint8Array(rows).fill(1);
    answered[row] = 0;
  };
  for (const scores of decoded.scores) {
    for (let row = 0; row < rows; row += 1) {
      const score = scores[row] ?? Number.NaN;
      // Not finite: infinite or not a number.
      if (score - score !== 0) fail(row);
    }
  }
  if (pairing.task === 'regression') return answered;
  for (let row = 0; row < rows; row += 1) if ((decoded.label[row] ?? -1) < 0) fail(row);
  return answered;
}

function highest(scores: readonly Float64Array[], row: number): number {
  let best = 0;
  for (let code = 1; code < scores.length; code += 1) {
    if ((scores[code]?.[row] ?? 0) > (scores[best]?.[row] ?? 0)) best = code;
  }
  return best;
}
