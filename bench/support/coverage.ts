import { subjectCells } from '../../src/replay/judging/subject-cells.js';
import type { Judgement } from '../../src/replay/judging/judge.js';
import type { SeededRandom } from '../../src/stats/seeded-random.js';
import { judged } from './judged.js';
import type { Population } from './simulated-rows.js';
import { allRows, drawRows } from './simulated-rows.js';

/** How often an interval held the truth, over the replicates in which there was one. */
export interface Coverage {
  readonly defined: number;
  readonly covered: number;
}

/** Of the gate of the loss. */
export interface GateCounts {
  readonly pass: number;
  readonly fail: number;
}

export interface CoverageRun {
  readonly replicates: number;
  /** By `keyOf`. */
  readonly intervals: ReadonlyMap<string, Coverage>;
  readonly gate: GateCounts;
}

/** Whose interval: the judge's, or the judge's where it is told of no subjects, so that rows count as independent. */
export type IntervalSource = 'judge' | 'rows';

export function keyOf(name: string, source: IntervalSource): string {
  return `${name} (${source})`;
}

/** Draws samples, judges them, and counts how often the intervals hold what is true of the population. */
export function coverageOf(options: {
  readonly population: Population;
  readonly subjects: number;
  readonly replicates: number;
  readonly random: SeededRandom;
}): CoverageRun {
  const { population, subjects, replicates, random } = options;
  const truth = valuesOf(judged(allRows(population), { expect: 'no-worse' }));
  const intervals = new Map<string, { defined: number; covered: number }>();
  const gate = { pass: 0, fail: 0 };
  const count = (name: string, source: IntervalSource, limits: Limits | undefined): void => {
    const key = keyOf(name, source);
    const found = intervals.get(key) ?? { defined: 0, covered: 0 };
    intervals.set(key, found);
    const value = truth.get(name)?.value;
    if (limits === undefined || value === undefined) return;
    found.defined += 1;
    // A point that is right but for rounding covers.
    const slack = 1e-12;
    if (limits.lower <= value + slack && limits.upper >= value - slack) found.covered += 1;
  };
  for (let replicate = 0; replicate < replicates; replicate += 1) {
    const rows = drawRows({ population, subjects, cells: subjectCells, random });
    const judgement = judged(rows, { expect: 'no-worse' });
    for (const [name, { limits }] of valuesOf(judgement)) count(name, 'judge', limits);
    if (rows.cell !== undefined) {
      const asRows = judged({ ...rows, cell: undefined }, { expect: 'no-worse' });
      for (const [name, { limits }] of valuesOf(asRows)) count(name, 'rows', limits);
    }
    if (judgement.gates[0]?.verdict === 'PASS') gate.pass += 1;
    else if (judgement.gates[0]?.verdict === 'FAIL') gate.fail += 1;
  }
  return { replicates, intervals, gate };
}

interface Limits {
  readonly lower: number;
  readonly upper: number;
}

function valuesOf(
  judgement: Judgement,
): ReadonlyMap<string, { readonly value: number | undefined; readonly limits: Limits | undefined }> {
  const [gate] = judgement.gates;
  return new Map([
    ['loss with margin', { value: gate?.estimate ?? undefined, limits: gate?.interval ?? undefined }],
    ...judgement.metrics.map(
      ({ name, difference, interval }) =>
        [name, { value: difference ?? undefined, limits: interval ?? undefined }] as const,
    ),
    ['flip rate', { value: judgement.flips?.rate, limits: judgement.flips?.interval }],
  ]);
}
