import type { ReplayOptions } from '../../src/replay/replay-options.js';
import { seededRandom } from '../../src/stats/seeded-random.js';
import { formulaManifest, formulaModel } from './formula-model.js';
import type { MemoryRow } from './memory-recorded-predictions.js';
import { memorySpill } from './memory-spill.js';
import { memoryRecordedPredictions } from './memory-recorded-predictions.js';

export const toyStart = Date.UTC(2026, 0, 1) * 1000;
export const toyDay = 86_400_000_000;
export const controlDigest = 'c'.repeat(64);
export const candidateDigest = 'd'.repeat(64);

export const logistic = (z: number): number => 1 / (1 + Math.exp(-z));
/** What the toy's truth is drawn from. */
export const truthFormula = ({ x = 0 }: { readonly [feature: string]: number }): number => logistic(2 * x);
/** What v1, the control of the toy, answers. */
export const controlFormula = ({ x = 0 }: { readonly [feature: string]: number }): number =>
  logistic(x + 0.5);

/** Rows over thirty days that v1 served: `x` is normal, the truth is drawn from `truthFormula`. */
export function toyRows(count: number, seed = 1): MemoryRow[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, (_, index) => {
    const x = random.normal();
    const score = controlFormula({ x });
    return {
      occurredAt: toyStart + Math.floor((index / count) * 30 * toyDay),
      version: 'v1',
      digest: controlDigest,
      key: `order-${index}`,
      inputs: { x },
      outputs: { label: score >= 0.5 ? 1 : 0, score },
      truth: random.uniform() < truthFormula({ x }) ? 1 : 0,
    };
  });
}

/** Options of a replay of v2, which answers with `candidate` (the truth's own formula unless told), over toy rows. */
export function toyReplay(
  rows: readonly MemoryRow[],
  changes: Partial<ReplayOptions> & {
    readonly formula?: (row: { readonly [feature: string]: number }) => number | undefined;
  } = {},
): ReplayOptions {
  const { formula = truthFormula, ...rest } = changes;
  const manifests =
    rest.manifests ??
    new Map([
      ['v1', formulaManifest('v1')],
      ['v2', formulaManifest('v2')],
    ]);
  return {
    model: 'toy',
    recorded: memoryRecordedPredictions(rows),
    manifests,
    loadModel: async (version) => {
      const manifest = manifests.get(version) ?? formulaManifest(version);
      return version === 'v1'
        ? formulaModel({ manifest, digest: controlDigest, formula: controlFormula })
        : formulaModel({ manifest, digest: candidateDigest, formula });
    },
    control: 'recorded',
    candidate: 'v2',
    range: { fromMicros: toyStart, untilMicros: toyStart + 30 * toyDay },
    expect: 'no-worse',
    seed: 0,
    missingFeature: 'fail',
    makeSpill: memorySpill,
    ...rest,
  };
}
