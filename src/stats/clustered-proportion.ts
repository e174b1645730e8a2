import { checkCount, checkOpenUnit, checkSameLength } from './checks.js';
import { designEffect, effectiveRows } from './design-effect.js';
import { exactProportionInterval } from './exact-proportion.js';
import type { ProportionInterval } from './proportion.js';
import { pairedScoreInterval } from './proportion.js';
import type { UndefinedStatistic } from './undefined-statistic.js';
import { undefinedStatistic } from './undefined-statistic.js';

export interface ClusteredProportion extends ProportionInterval {
  readonly rows: number;
  /** Clusters with rows. */
  readonly clusters: number;
  /** 1 or more: so many rows are worth one independent row. */
  readonly designEffect: number;
  /** Independent rows that would give this interval; not a whole number. */
  readonly effectiveRows: number;
}

interface Clustering {
  /**
   * How many rows the subject of a row has on average, see `rowsPerSubject`: the design effect of rows that are wholly alike, and
   * what it is taken for where nothing was seen to vary. By default as if every cluster were one subject.
   */
  readonly alikeRows?: number;
  readonly level?: number;
}

/**
 * Two-sided interval for the share of successes among all rows, where rows of one cluster may depend on each other; clusters
 * are independent, those without rows do not count. One entry a cluster: rows, and successes among them, whole numbers. `level` is
 * 0.95 by default. The exact interval on the effective number of rows, so it holds at rare events; with no
 * event at all nothing shows how alike the rows of a subject are, and they count as wholly alike. With every row
 * in a cluster of its own it is the exact interval of the rows. Undefined below two clusters.
 * Chosen over Wilson's interval on the same effective rows, whose lower limit was missed up to 6 times in 100 in place of 2.5
 * (bench/RESULTS.md). Source: see `effectiveRows` and `designEffect`.
 */
export function clusteredProportionInterval(
  options: Clustering & {
    readonly clusters: { readonly rows: Float64Array; readonly successes: Float64Array };
  },
): ClusteredProportion | UndefinedStatistic {
  const { clusters, level = 0.95 } = options;
  const { rows, successes } = clusters;
  checkOpenUnit('level', level);
  checkSameLength('rows and successes', rows.length, successes.length);
  for (let cluster = 0; cluster < rows.length; cluster += 1)
    checkWithin(cluster, rows[cluster] ?? 0, { successes: successes[cluster] ?? 0 });
  const size = sizeOf(rows);
  if (size.clusters < 2) return undefinedStatistic('fewer than two clusters of rows');
  const total = sum(successes);
  const share = total / size.rows;
  const rarer = (cluster: number): number =>
    share <= 0.5 ? (successes[cluster] ?? 0) : (rows[cluster] ?? 0) - (successes[cluster] ?? 0);
  const worth = worthOf(options, {
    size,
    rowsOf: rows,
    value: (cluster) => successes[cluster] ?? 0,
    mean: share,
    hasEvent: (cluster) => rarer(cluster) > 0,
    independentSquares: size.rows * share * (1 - share),
  });
  const found = exactProportionInterval({
    successes: share * worth.effectiveRows,
    trials: worth.effectiveRows,
    level,
  });
  return found.kind === 'undefined'
    ? found
    : { ...found, estimate: share, rows: size.rows, clusters: size.clusters, ...worth };
}

/**
 * Two-sided interval for candidate − control where both answered the same rows, and rows of one cluster may depend on each
 * other. One entry a cluster: rows, those that were a success for the candidate alone, and for the control alone, whole numbers.
 * Otherwise as `clusteredProportionInterval`, with the paired score interval on the effective number of rows; with every row in a
 * cluster of its own it is the paired score interval.
 */
export function clusteredPairedDifference(
  options: Clustering & {
    readonly clusters: {
      readonly rows: Float64Array;
      readonly candidateOnly: Float64Array;
      readonly controlOnly: Float64Array;
    };
  },
): ClusteredProportion | UndefinedStatistic {
  const { clusters, level = 0.95 } = options;
  const { rows, candidateOnly, controlOnly } = clusters;
  checkOpenUnit('level', level);
  checkSameLength('rows and candidateOnly', rows.length, candidateOnly.length);
  checkSameLength('rows and controlOnly', rows.length, controlOnly.length);
  for (let cluster = 0; cluster < rows.length; cluster += 1)
    checkWithin(cluster, rows[cluster] ?? 0, {
      candidateOnly: candidateOnly[cluster] ?? 0,
      controlOnly: controlOnly[cluster] ?? 0,
    });
  const size = sizeOf(rows);
  if (size.clusters < 2) return undefinedStatistic('fewer than two clusters of rows');
  const gained = sum(candidateOnly);
  const lost = sum(controlOnly);
  const mean = (gained - lost) / size.rows;
  const worth = worthOf(options, {
    size,
    rowsOf: rows,
    value: (cluster) => (candidateOnly[cluster] ?? 0) - (controlOnly[cluster] ?? 0),
    mean,
    hasEvent: (cluster) => (candidateOnly[cluster] ?? 0) + (controlOnly[cluster] ?? 0) > 0,
    independentSquares: gained + lost - size.rows * mean * mean,
  });
  const scale = worth.effectiveRows / size.rows;
  const found = pairedScoreInterval({
    candidateOnly: gained * scale,
    controlOnly: lost * scale,
    rows: worth.effectiveRows,
    level,
  });
  return { ...found, estimate: mean, rows: size.rows, clusters: size.clusters, ...worth };
}

interface Size {
  readonly rows: number;
  readonly clusters: number;
  readonly squares: number;
}

function sizeOf(rows: Float64Array): Size {
  let clusters = 0;
  let squares = 0;
  for (let cluster = 0; cluster < rows.length; cluster += 1) {
    const here = rows[cluster] ?? 0;
    if (here > 0) clusters += 1;
    squares += here * here;
  }
  return { rows: sum(rows), clusters, squares };
}

function worthOf(
  { alikeRows, level = 0.95 }: Clustering,
  seen: {
    readonly size: Size;
    readonly rowsOf: Float64Array;
    readonly value: (cluster: number) => number;
    readonly mean: number;
    readonly hasEvent: (cluster: number) => boolean;
    /** The sum of squared deviations of the rows, as if they were independent. */
    readonly independentSquares: number;
  },
): Pick<ClusteredProportion, 'designEffect' | 'effectiveRows'> {
  const { size, rowsOf, mean } = seen;
  let squares = 0;
  let clustersWithEvent = 0;
  for (let cluster = 0; cluster < rowsOf.length; cluster += 1) {
    squares += (seen.value(cluster) - mean * (rowsOf[cluster] ?? 0)) ** 2;
    if (seen.hasEvent(cluster)) clustersWithEvent += 1;
  }
  const observed = (squares * size.clusters) / (size.clusters - 1) / seen.independentSquares;
  const effect = designEffect({
    // Sampled rows themselves have the divisor n − 1.
    observed: (observed * (size.rows - 1)) / size.rows,
    clusters: clustersWithEvent,
    alikeRows: alikeRows ?? size.squares / size.rows,
  });
  const worth = effectiveRows({
    rows: size.rows,
    clusters: size.clusters,
    designEffect: effect,
    level,
  });
  return { designEffect: effect, effectiveRows: worth };
}

function sum(values: Float64Array): number {
  let total = 0;
  for (let index = 0; index < values.length; index += 1) total += values[index] ?? 0;
  return total;
}

function checkWithin(cluster: number, rows: number, counts: { readonly [name: string]: number }): void {
  checkCount(`rows[${cluster}]`, rows);
  let counted = 0;
  for (const [name, count] of Object.entries(counts)) {
    checkCount(`${name}[${cluster}]`, count);
    counted += count;
  }
  if (counted > rows) {
    throw new RangeError(
      `${Object.keys(counts).join(' + ')} is ${counted} in cluster ${cluster}; expected at most its rows, ${rows}`,
    );
  }
}
