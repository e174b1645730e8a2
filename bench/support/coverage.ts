import { subjectCells } from '../../src/replay/judging/cell-sums.js';
import type { Judgement } from '../../src/replay/judging/judge.js';
import type { PairedRows } from '../../src/replay/judging/paired-rows.js';
import { clusteredAuc } from '../../src/stats/clustered-auc.js';
import type { ClusterSums } from '../../src/stats/clustered-mean.js';
import { clusteredMeanInterval } from '../../src/stats/clustered-mean.js';
import {
  clusteredPairedDifference,
  clusteredProportionInterval,
} from '../../src/stats/clustered-proportion.js';
import { exactProportionInterval } from '../../src/stats/exact-proportion.js';
import { rowsPerSubject } from '../../src/stats/hashed-subjects.js';
import { marginDifference } from '../../src/stats/paired-mean.js';
import { cellPlacements } from '../../src/stats/cell-placements.js';
import type { SeededRandom } from '../../src/stats/seeded-random.js';
import { skewedMeanInterval, skewnessOfMean } from '../../src/stats/skewed-mean.js';
import type { UndefinedStatistic } from '../../src/stats/undefined-statistic.js';
import { judged } from './judged.js';
import type { Population } from './simulated-rows.js';
import { allRows, drawRows, logLossAt } from './simulated-rows.js';

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
  /** With the limits of `skewedMeanInterval` in place of the judge's. */
  readonly skewedGate: GateCounts;
}

/**
 * Whose interval: the judge's; the judge's where it is told of no subjects, so that rows count as independent; or what
 * src/stats has beyond the judge's: exact shares, skewed means, and with subjects shares, paired shares and AUC over cells.
 */
export type IntervalSource = 'judge' | 'rows' | 'stats';

export function keyOf(name: string, source: IntervalSource): string {
  return `${name} (${source})`;
}

const margin = 0.01;

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
  const skewedGate = { pass: 0, fail: 0 };
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
    const skewed = skewedLimits(rows);
    count('loss with margin', 'stats', skewed);
    const others = rows.cell === undefined ? exactIntervals(rows) : clusteredIntervals(rows, rows.cell);
    for (const [name, limits] of others) count(name, 'stats', limits);
    // Limits that are farther out take verdicts back, and give none that the judge does not.
    if (judgement.gates[0]?.verdict === 'PASS') {
      gate.pass += 1;
      if (skewed !== undefined && skewed.upper < 0) skewedGate.pass += 1;
    } else if (judgement.gates[0]?.verdict === 'FAIL') {
      gate.fail += 1;
      if (skewed !== undefined && skewed.lower > 0) skewedGate.fail += 1;
    }
  }
  return { replicates, intervals, gate, skewedGate };
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

/** Over cells where there are any, else over rows. */
function skewedLimits(rows: PairedRows): Limits | undefined {
  const clusters = marginSums(rows);
  const found = clusteredMeanInterval({ clusters });
  if (found.kind === 'undefined') return undefined;
  const { mean, standardError, df } = found;
  return skewedMeanInterval({ estimate: mean, standardError, df, skewness: skewnessOfMean(clusters) });
}

function marginSums({ rows, cell, control, candidate, truth }: PairedRows): ClusterSums {
  const clusters = cell === undefined ? rows : subjectCells;
  const counts = new Float64Array(clusters);
  const sums = new Float64Array(clusters);
  for (let row = 0; row < rows; row += 1) {
    const at = cell === undefined ? row : (cell[row] ?? 0);
    counts[at] = (counts[at] ?? 0) + 1;
    const value = marginDifference({
      candidate: logLossAt(candidate.value, truth, row),
      control: logLossAt(control.value, truth, row),
      margin,
    });
    sums[at] = (sums[at] ?? 0) + value;
  }
  return { rows: counts, sums };
}

function exactIntervals({ rows, control, candidate }: PairedRows): ReadonlyMap<string, Limits | undefined> {
  let flipped = 0;
  for (let row = 0; row < rows; row += 1) if (control.label[row] !== candidate.label[row]) flipped += 1;
  return new Map([['flip rate', limitsOf(exactProportionInterval({ successes: flipped, trials: rows }))]]);
}

function clusteredIntervals(
  { rows, truth, control, candidate }: PairedRows,
  cell: Uint16Array,
): ReadonlyMap<string, Limits | undefined> {
  const counts = (has: (row: number) => boolean): Float64Array => {
    const found = new Float64Array(subjectCells);
    for (let row = 0; row < rows; row += 1) {
      const at = cell[row] ?? 0;
      if (has(row)) found[at] = (found[at] ?? 0) + 1;
    }
    return found;
  };
  const all = counts(() => true);
  const alikeRows = rowsPerSubject(all);
  const before = (row: number): number => control.label[row] ?? -1;
  const after = (row: number): number => candidate.label[row] ?? -1;
  const difference = (gained: (row: number) => boolean, lost: (row: number) => boolean): Limits | undefined =>
    limitsOf(
      clusteredPairedDifference({
        clusters: { rows: all, candidateOnly: counts(gained), controlOnly: counts(lost) },
        alikeRows,
      }),
    );
  const flips = counts((row) => before(row) !== after(row));
  const placements = cellPlacements({
    controlScores: control.value,
    candidateScores: candidate.value,
    labels: Uint8Array.from(truth),
    cell,
    cells: subjectCells,
  });
  return new Map([
    [
      'flip rate',
      limitsOf(clusteredProportionInterval({ clusters: { rows: all, successes: flips }, alikeRows })),
    ],
    [
      'accuracy',
      difference(
        (row) => after(row) === truth[row] && before(row) !== truth[row],
        (row) => before(row) === truth[row] && after(row) !== truth[row],
      ),
    ],
    [
      'positive rate',
      difference(
        (row) => after(row) > before(row),
        (row) => before(row) > after(row),
      ),
    ],
    ['AUC', limitsOf(clusteredAuc({ cells: placements }))],
  ]);
}

function limitsOf(found: (Limits & { readonly kind: 'value' }) | UndefinedStatistic): Limits | undefined {
  return found.kind === 'value' ? found : undefined;
}
