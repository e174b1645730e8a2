import { checkCount, checkSameLength } from './checks.js';
import { chiSquareSf } from './chi-square-distribution.js';
import type { UndefinedStatistic } from './undefined-statistic.js';
import { undefinedStatistic } from './undefined-statistic.js';

export interface ChiSquare {
  readonly kind: 'value';
  readonly statistic: number;
  readonly df: number;
  /** 1 where a single column is left. */
  readonly p: number;
  /** Cramér's V from the uncorrected statistic, in [0, 1]. It depends on the ratio of the two totals. */
  readonly cramersV: number;
  /** Bergsma's bias-corrected V, in [0, 1]: near 0 where nothing differs, whatever the sizes. */
  readonly cramersVCorrected: number;
  /** More than a fifth of the expected counts are below 5, or one is below 1: p is not to be relied on. */
  readonly expectedTooSmall: boolean;
  /** Columns, by their index in the input, that were pooled into one; empty where none were. */
  readonly pooled: readonly number[];
  readonly referenceCount: number;
  readonly liveCount: number;
}

/**
 * Pearson's chi-square test of a 2×K table: one column per category, whole numbers of 0 or more. Columns that are empty in
 * both rows are left out. `pool` (default false) merges rare columns into one, rarest in the reference first, only as far as
 * the expected counts need it. `yates` (default false, unlike scipy) applies the continuity correction where df = 1.
 */
export function chiSquare(options: {
  readonly reference: readonly number[];
  readonly live: readonly number[];
  readonly pool?: boolean;
  readonly yates?: boolean;
}): ChiSquare | UndefinedStatistic {
  const { reference, live, pool = false, yates = false } = options;
  checkSameLength('reference and live', reference.length, live.length);
  let columns: Column[] = [];
  for (const [index, referenceCount] of reference.entries()) {
    const liveCount = live[index] ?? NaN;
    checkCount(`reference[${index}]`, referenceCount);
    checkCount(`live[${index}]`, liveCount);
    if (referenceCount + liveCount > 0)
      columns.push({ reference: referenceCount, live: liveCount, members: [index] });
  }
  const referenceCount = columns.reduce((sum, column) => sum + column.reference, 0);
  const liveCount = columns.reduce((sum, column) => sum + column.live, 0);
  if (referenceCount === 0) return undefinedStatistic('the reference counts are all 0');
  if (liveCount === 0) return undefinedStatistic('the live counts are all 0');

  const total = referenceCount + liveCount;
  const smallerShare = Math.min(referenceCount, liveCount) / total;
  if (pool) columns = pooledColumns(columns, smallerShare);

  let uncorrected = 0;
  let corrected = 0;
  for (const column of columns) {
    const size = column.reference + column.live;
    for (const [observed, row] of [
      [column.reference, referenceCount],
      [column.live, liveCount],
    ] as const) {
      const expected = (size * row) / total;
      const gap = Math.abs(observed - expected);
      uncorrected += (gap * gap) / expected;
      const shrunk = gap - Math.min(0.5, gap);
      corrected += (shrunk * shrunk) / expected;
    }
  }
  const df = columns.length - 1;
  const statistic = df === 0 ? 0 : yates && df === 1 ? corrected : uncorrected;
  return {
    kind: 'value',
    statistic,
    df,
    p: df === 0 ? 1 : chiSquareSf({ x: statistic, df }),
    cramersV: df === 0 ? 0 : Math.min(1, Math.sqrt(uncorrected / total)),
    cramersVCorrected: df === 0 ? 0 : correctedV(uncorrected, total, columns.length),
    expectedTooSmall: tooSmall(columns, smallerShare),
    pooled: columns.find(({ members }) => members.length > 1)?.members ?? [],
    referenceCount,
    liveCount,
  };
}

interface Column {
  readonly reference: number;
  readonly live: number;
  readonly members: readonly number[];
}

/** Cochran's rule, over both rows' expected counts. */
function tooSmall(columns: readonly Column[], smallerShare: number): boolean {
  let belowFive = 0;
  for (const column of columns) {
    const size = column.reference + column.live;
    if (size * smallerShare < 1) return true;
    if (size * smallerShare < 5) belowFive += 1;
    if (size * (1 - smallerShare) < 5) belowFive += 1;
  }
  return belowFive * 5 > columns.length * 2;
}

/** Merges the columns that are rarest in the reference until the rule holds or two columns are left. */
function pooledColumns(columns: readonly Column[], smallerShare: number): Column[] {
  const isSmall = (column: Column): boolean => (column.reference + column.live) * smallerShare < 5;
  const first = (column: Column): number => column.members[0] ?? 0;
  const order = columns.toSorted(
    (a, b) => Number(isSmall(b)) - Number(isSmall(a)) || a.reference - b.reference || first(b) - first(a),
  );
  let kept = [...columns];
  let other: Column | undefined;
  for (const column of order) {
    const now = other === undefined ? kept : [...kept, other];
    if (now.length <= 2 || !tooSmall(now, smallerShare)) return now;
    kept = kept.filter((candidate) => candidate !== column);
    other = {
      reference: (other?.reference ?? 0) + column.reference,
      live: (other?.live ?? 0) + column.live,
      members: [...(other?.members ?? []), ...column.members],
    };
  }
  return other === undefined ? kept : [...kept, other];
}

function correctedV(statistic: number, total: number, columns: number): number {
  const excess = Math.max(0, statistic / total - (columns - 1) / (total - 1));
  const rowsCorrected = 2 - 1 / (total - 1);
  const columnsCorrected = columns - (columns - 1) ** 2 / (total - 1);
  const smaller = Math.min(rowsCorrected - 1, columnsCorrected - 1);
  return smaller > 0 ? Math.min(1, Math.sqrt(excess / smaller)) : 0;
}
