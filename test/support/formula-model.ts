import type { InferenceModel } from '../../src/services/inference/inference-model.js';
import type { ModelManifest } from '../../src/schemas/model-manifest.js';
import { errors } from '../../src/services/platform/errors.js';

/** A manifest of float features `x` and `y`, as small as the schema allows. */
export function formulaManifest(version: string, changes: Partial<ModelManifest> = {}): ModelManifest {
  const policy = { outOfRange: 'warn', newCategory: 'warn', unexpectedMissing: 'warn' } as const;
  return {
    name: 'toy',
    version,
    task: 'binary-classification',
    layout: 'columns',
    features: [{ name: 'x', tensor: 'x', tensorType: 'float64', required: true, missing: 'NaN', policy }],
    outputs: { label: { output: 'label' }, score: { output: 'probabilities', class: 1 } },
    positiveClass: 1,
    threshold: 0.5,
    slices: [],
    ...changes,
  };
}

/**
 * A model that is a formula of one row's numbers, for tests that need a model which throws, drifts or is exactly known. A
 * result of undefined makes the run fail, as a real model fails a whole run for one row.
 */
export function formulaModel(options: {
  readonly manifest: ModelManifest;
  readonly digest: string;
  readonly formula: (row: { readonly [feature: string]: number }) => number | undefined;
  readonly onRun?: (rows: number) => void;
}): InferenceModel {
  const { manifest, digest, formula, onRun } = options;
  return {
    manifest,
    servedBy: {
      kind: 'served',
      artefactDigest: digest,
      featureSchemaDigest: 'f'.repeat(64),
      runtime: { name: 'formula', version: '1', provider: 'cpu', threads: 1, graphOptimization: 'none' },
    },
    run: async (batch) => {
      onRun?.(batch.rows);
      const scores = new Float64Array(batch.rows);
      for (let row = 0; row < batch.rows; row += 1) {
        const inputs: { [feature: string]: number } = {};
        for (const { name } of manifest.features) {
          const column = batch.columns[name];
          const known = column?.kind === 'number' && column.valid?.[row] !== 0;
          inputs[name] = known && column.kind === 'number' ? (column.values[row] ?? Number.NaN) : Number.NaN;
        }
        const score = formula(inputs);
        if (score === undefined)
          throw errors.INFERENCE_FAILED({ model: manifest.version, problem: 'a row it cannot take' });
        scores[row] = score;
      }
      const label = Float64Array.from(scores, (score) => (score >= manifest.threshold ? 1 : 0));
      return {
        rows: batch.rows,
        outputs:
          manifest.task === 'regression'
            ? { value: { kind: 'number', values: scores, valid: undefined } }
            : {
                label: { kind: 'number', values: label, valid: undefined },
                score: { kind: 'number', values: scores, valid: undefined },
              },
        inferenceMicros: 1,
      };
    },
    close: async () => undefined,
  };
}
