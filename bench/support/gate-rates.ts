import { plannedGates, type LossCase } from '../../src/replay/dry-run/planned-gates.js';
import { defaultRules } from '../../src/replay/judging/gate-rules.js';
import { subjectCells } from '../../src/replay/judging/subject-cells.js';
import { momentsOf } from '../../src/stats/moments.js';
import type { SeededRandom } from '../../src/stats/seeded-random.js';
import { judged } from './judged.js';
import type { Population, PopulationShape } from './simulated-rows.js';
import { drawRows, logLossAt, populationWithChange } from './simulated-rows.js';

const { margin } = defaultRules;

/** How often the gate of the loss passed where the plan promises that it will, and how often it failed likewise. */
export interface PowerRun {
  readonly replicates: number;
  readonly rows: number;
  /** Relative changes of the loss that the plan announces. */
  readonly passAtMost: number;
  readonly failAtLeast: number;
  readonly passed: number;
  readonly failed: number;
}

/** Makes a candidate that is as good as the plan says must be, and one as bad, and judges samples of each. */
export function powerOf(options: {
  readonly shape: PopulationShape;
  readonly by: 'kept' | 'stretch';
  readonly range: { readonly low: number; readonly high: number };
  readonly subjects: number;
  readonly replicates: number;
  readonly random: SeededRandom;
}): PowerRun {
  const { subjects, replicates, random } = options;
  const meanRows = (population: Population): number =>
    Math.round((subjects * population.truth.length) / (population.starts.length - 1));
  const planOf = (population: Population): LossCase => planned(population, meanRows(population));
  const good = populationWithChange({
    ...options,
    change: (population) => planOf(population).passAtMost,
  });
  const bad = populationWithChange({
    ...options,
    change: (population) => planOf(population).failAtLeast,
  });
  const shown = (population: Population, verdict: 'PASS' | 'FAIL'): number => {
    let count = 0;
    for (let replicate = 0; replicate < replicates; replicate += 1) {
      const rows = drawRows({ population, subjects, cells: subjectCells, random });
      if (judged(rows, { expect: 'no-worse' }).gates[0]?.verdict === verdict) count += 1;
    }
    return count;
  };
  return {
    replicates,
    rows: meanRows(good),
    passAtMost: planOf(good).passAtMost,
    failAtLeast: planOf(bad).failAtLeast,
    passed: shown(good, 'PASS'),
    failed: shown(bad, 'FAIL'),
  };
}

/** What `--dry-run` says of so many rows when an earlier replay has shown how this population spreads. */
function planned({ control, candidate, truth, starts }: Population, rows: number): LossCase {
  const losses = truth.map((_, row) => logLossAt(control, truth, row));
  const differences = truth.map(
    (_, row) => logLossAt(candidate, truth, row) - (1 + margin) * (losses[row] ?? Number.NaN),
  );
  const mean = differences.reduce((sum, value) => sum + value, 0) / differences.length;
  // Of rows that were independent and gave as wide an interval: what an earlier replay hands on.
  let squares = 0;
  for (let subject = 0; subject < starts.length - 1; subject += 1) {
    let deviation = 0;
    for (let row = starts[subject] ?? 0; row < (starts[subject + 1] ?? 0); row += 1)
      deviation += (differences[row] ?? Number.NaN) - mean;
    squares += deviation ** 2;
  }
  const loss = { ...momentsOf(losses), count: rows };
  const [gate] = plannedGates({
    expect: 'no-worse',
    task: 'binary-classification',
    rules: defaultRules,
    survey: {
      excluded: { outOfSample: 0, servedByCandidate: 0, trainedOn: 0, controlUnanswered: 0 },
      compared: rows,
      judged: rows,
      served: [],
      loss,
      problem: undefined,
    },
    earlier: {
      replayId: 'the population',
      candidateVersion: 'candidate',
      rows: truth.length,
      standardDeviation: Math.sqrt(squares / truth.length),
    },
  });
  const found =
    gate?.power.kind === 'loss' ? gate.power.cases.find(({ basis }) => basis.kind === 'earlier') : undefined;
  if (found === undefined) throw new Error('the plan has no case of the earlier spread');
  return found;
}

/** Verdicts over all gates where the whole and every one of the slices lies at its margin exactly. */
export interface SliceRun {
  readonly replicates: number;
  /** Gated slices, on average. */
  readonly gatedSlices: number;
  readonly anyFail: number;
  /** The same before Holm's adjustment. */
  readonly anyFailUncorrected: number;
  readonly allPass: number;
}

export function sliceRatesOf(options: {
  readonly population: Population;
  readonly rows: number;
  readonly slices: number;
  readonly replicates: number;
  readonly random: SeededRandom;
}): SliceRun {
  const { population, slices, replicates, random } = options;
  const counts = { gatedSlices: 0, anyFail: 0, anyFailUncorrected: 0, allPass: 0 };
  for (let replicate = 0; replicate < replicates; replicate += 1) {
    const rows = drawRows({ population, subjects: options.rows, cells: subjectCells, random });
    // Drawn apart from everything else, so that each slice is at the margin as the whole is.
    const codes = Uint16Array.from({ length: rows.rows }, () => random.below(slices));
    const { gates } = judged(rows, { expect: 'no-worse', groups: { count: slices, codes } });
    counts.gatedSlices += (gates.length - 1) / replicates;
    if (gates.some(({ verdict }) => verdict === 'FAIL')) counts.anyFail += 1;
    if (gates.some(({ interval }) => (interval?.lower ?? 0) > 0)) counts.anyFailUncorrected += 1;
    if (gates.every(({ verdict }) => verdict === 'PASS')) counts.allPass += 1;
  }
  return { replicates, ...counts };
}
