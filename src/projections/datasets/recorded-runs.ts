import { errors, HindcastError } from '../../services/platform/errors.js';
import { newId } from '../../services/platform/new-id.js';
import { sqlFailed, type SqlStream, type SqlValue } from '../duckdb/open-duckdb.js';
import { identifier, literal } from '../duckdb/sql-text.js';
import type { PredictionPart } from './dataset-manifest.js';
import { exposedSql, type PositionRange } from './dataset-relations.js';
import { daySpans, isInOrder } from './day-spans.js';
import { asOfTruths } from './as-of-truths.js';
import { partsRowsSql, shapeOf, tailRowsSql } from './create-views.js';
import { isPatched, type ServedDataset, type Session } from './open-session.js';
import type { RecordedQuery, RowRange } from './recorded-predictions.js';

/** What a query reads from, with what it made for itself. */
export interface Scope {
  /** The model's view with truth as of `knownUntil`. */
  readonly relation: string;
  /** Status, range and the user's own condition. */
  readonly condition: string;
  /** The same relation over other rows than the whole view. */
  over(rows: string): string;
  /** Whether order must be asked for: joins and subqueries may lose that of the files. */
  readonly mustSort: boolean;
  rows(sql: string): Promise<readonly (readonly SqlValue[])[]>;
  /** Errors of the user's condition as USAGE_INVALID, others as they are. */
  userError(error: unknown): unknown;
  release(): Promise<void>;
}

/** Prepares a query. Throws USAGE_INVALID when its condition is not one. */
export async function scopeOf(
  session: Session,
  dataset: ServedDataset,
  query: RecordedQuery,
): Promise<Scope> {
  const { database } = session;
  const undo: (() => Promise<void>)[] = [];
  const where = query.where?.trim() ?? '';
  if (where !== '') await checkCondition(session, dataset, where);
  const range = `occurred_at >= make_timestamp(${query.occurredFrom}) AND occurred_at < make_timestamp(${query.occurredUntil})`;
  const asOf = query.knownUntil === undefined ? undefined : `as_of_${newId()}`;
  let hasEarlier = false;
  if (asOf !== undefined && query.knownUntil !== undefined) {
    hasEarlier = await asOfTruths({ session, dataset, knownUntil: query.knownUntil, range, table: asOf });
    undo.push(() => database.run(`DROP TABLE ${identifier(asOf)}`));
  }
  const over = (rows: string): string => {
    const view = identifier(dataset.view);
    if (asOf === undefined || query.knownUntil === undefined) return `(${rows}) AS ${view}`;
    const known = `v.truth_known_at <= make_timestamp(${query.knownUntil})`;
    const [value, at, join] = hasEarlier
      ? ['a.truth', 'a.truth_known_at', ` LEFT JOIN ${identifier(asOf)} a ON a.position = v.position`]
      : ['NULL', 'NULL', ''];
    return `(SELECT v.* REPLACE (CASE WHEN ${known} THEN v.truth ELSE ${value} END AS truth, CASE WHEN ${known} THEN v.truth_known_at ELSE ${at} END AS truth_known_at) FROM (${rows}) v${join}) AS ${view}`;
  };
  return {
    relation: over(`SELECT * FROM ${identifier(dataset.view)}`),
    condition: `status = 'served' AND ${range}${where === '' ? '' : ` AND (\n${where}\n)`}`,
    over,
    mustSort: where !== '' || hasEarlier,
    rows: async (sql) => {
      try {
        return await database.rows(sql);
      } catch (error) {
        throw asUserError(where, error);
      }
    },
    userError: (error) => asUserError(where, error),
    release: async () => {
      for (const step of undo.toReversed()) await step();
    },
  };
}

/**
 * One stream after the other: days in order, and within a day positions in order. Parts are sorted so and mostly share no
 * day or no positions, so neighbours of one shape are read by one statement without sorting.
 */
export async function* recordedRuns(options: {
  readonly session: Session;
  readonly dataset: ServedDataset;
  readonly query: RecordedQuery;
  readonly scope: Scope;
  readonly select: string;
  /** Undefined: all. */
  readonly rows?: RowRange | undefined;
}): AsyncGenerator<SqlStream> {
  const { session, dataset, query, rows } = options;
  const tailDays = await daysOfTail(session, dataset, query);
  const parts = dataset.parts.filter(
    (part) => part.maxOccurredAt >= query.occurredFrom && part.minOccurredAt < query.occurredUntil,
  );
  // The next run is read while this one is worked on; nothing more.
  let ahead: Promise<SqlStream> | undefined;
  try {
    for await (const run of runsWithin(runsOf(parts, dataset, tailDays), rows, options)) {
      const current = ahead;
      ahead = session.database.ahead(runSql(options, run));
      // Met when its turn comes; until then nobody waits for it.
      ahead.catch(() => undefined);
      if (current !== undefined) yield await current;
    }
    const last = ahead;
    ahead = undefined;
    if (last !== undefined) yield await last;
  } finally {
    // A reader that leaves early leaves a run behind that nobody closes.
    const left = await ahead?.catch(() => undefined);
    left?.close();
  }
}

interface RunContext {
  readonly session: Session;
  readonly dataset: ServedDataset;
  readonly scope: Scope;
  readonly select: string;
}

function runSql(options: RunContext, run: Run): string {
  const { scope } = options;
  const order = scope.mustSort || !run.inOrder ? ' ORDER BY CAST(occurred_at AS DATE), position' : '';
  const { cut } = run;
  const limit = cut === undefined ? '' : ` LIMIT ${cut.until - cut.from} OFFSET ${cut.from}`;
  return `SELECT ${options.select} FROM ${conditionedSql(options, run)}${order}${limit}`;
}

function conditionedSql({ session, dataset, scope }: RunContext, run: Run): string {
  const rows = exposedSql(dataset.schema, rowsOfRun(session, dataset, run));
  return `${scope.over(rows)} WHERE ${scope.condition}`;
}

/** The runs that hold rows of the range, the first and the last cut to it; each is counted, which reads two columns. */
async function* runsWithin(
  runs: readonly Run[],
  range: RowRange | undefined,
  options: RunContext,
): AsyncGenerator<Run> {
  if (range === undefined) {
    yield* runs;
    return;
  }
  let before = 0;
  for (const run of runs) {
    if (before >= range.until) return;
    const [[counted] = []] = await options.scope.rows(`SELECT count(*) FROM ${conditionedSql(options, run)}`);
    const count = Number(counted);
    const cut = { from: Math.max(0, range.from - before), until: Math.min(count, range.until - before) };
    before += count;
    if (cut.from >= cut.until) continue;
    yield cut.from === 0 && cut.until === count ? run : { ...run, cut };
  }
}

function rowsOfRun({ directory }: Session, dataset: ServedDataset, { parts, tailDays }: Run): string {
  return [partsRowsSql(directory, dataset, parts), ...tailDays.map((day) => tailDaySql(dataset, day))]
    .flat()
    .join(' UNION ALL ');
}

function tailDaySql(dataset: ServedDataset, { day, within }: TailDay): string {
  return `SELECT * FROM (${tailRowsSql(dataset, within) ?? ''}) WHERE CAST(occurred_at AS DATE) = DATE ${literal(day)}`;
}

/** A UTC day with rows that are in no part yet, and where in the log those are. */
interface TailDay {
  /** As in `2013-07-01`. */
  readonly day: string;
  readonly within: PositionRange;
}

/** What one statement reads. */
interface Run {
  readonly parts: readonly PredictionPart[];
  /** Days of which the rows that are in no part yet are read too. */
  readonly tailDays: readonly TailDay[];
  /** Reading it as it lies gives its rows by day and position. */
  readonly inOrder: boolean;
  /** Of its rows in order, those with these numbers; undefined: all. */
  readonly cut?: RowRange;
}

/** A statement each: so many rows are read without another being planned. */
const runRowsMax = 131_072;

/** Parts in order of day and position, cut where the shape changes and where the tail adds rows. */
function runsOf(
  parts: readonly PredictionPart[],
  dataset: ServedDataset,
  tailDays: readonly TailDay[],
): Run[] {
  const runs: Run[] = [];
  let open: PredictionPart[] = [];
  let rows = 0;
  const close = (): void => {
    if (open.length > 0) runs.push({ parts: open, tailDays: [], inOrder: !isPatchedRun(dataset, open) });
    open = [];
    rows = 0;
  };
  const closeWithTail = (days: readonly TailDay[]): void => {
    close();
    for (const day of days) runs.push({ parts: [], tailDays: [day], inOrder: false });
  };
  let left = tailDays;
  for (const span of daySpans(parts)) {
    const earlier = left.filter(({ day }) => day < span.firstDay);
    const within = left.filter(({ day }) => day >= span.firstDay && day <= span.lastDay);
    left = left.filter(({ day }) => day > span.lastDay);
    if (earlier.length > 0) closeWithTail(earlier);
    if (!isInOrder(span) || (within.length > 0 && span.firstDay !== span.lastDay)) {
      close();
      runs.push({ parts: span.parts, tailDays: within, inOrder: false });
      continue;
    }
    for (const part of span.parts) {
      const first = open[0];
      if (first !== undefined && shapeOf(first, dataset) !== shapeOf(part, dataset)) close();
      if (rows + part.rows > runRowsMax) close();
      open.push(part);
      rows += part.rows;
    }
    // Of one day, what is in no part yet comes after all that is.
    if (within.length > 0) closeWithTail(within);
  }
  closeWithTail(left);
  return runs;
}

function isPatchedRun(dataset: ServedDataset, parts: readonly PredictionPart[]): boolean {
  return parts.some((part) => isPatched(dataset, part));
}

async function daysOfTail(
  session: Session,
  dataset: ServedDataset,
  query: RecordedQuery,
): Promise<readonly TailDay[]> {
  if (dataset.tail === undefined) return [];
  const rows = await session.database.rows(
    `SELECT CAST(CAST(occurred_at AS DATE) AS VARCHAR) AS day, min(position), max(position) FROM ${identifier(dataset.tail.table)} WHERE occurred_at >= make_timestamp(${query.occurredFrom}) AND occurred_at < make_timestamp(${query.occurredUntil}) GROUP BY day ORDER BY day`,
  );
  return rows.map(([day, first, last]) => ({
    day: String(day),
    within: { first: BigInt(first ?? 0), last: BigInt(last ?? 0) },
  }));
}

/**
 * A condition stands where an expression stands: text that closes the parenthesis and goes on with something else cannot
 * be right in both places.
 */
async function checkCondition(session: Session, dataset: ServedDataset, where: string): Promise<void> {
  const view = identifier(dataset.view);
  for (const sql of [
    `SELECT CASE WHEN (\n${where}\n) THEN 1 END FROM ${view} LIMIT 0`,
    `SELECT count(*) FROM ${view} WHERE (\n${where}\n) AND false`,
  ]) {
    try {
      const stream = await session.database.userQuery(sql);
      await stream.next();
      stream.close();
    } catch (error) {
      throw asUserError(where, error);
    }
  }
}

function asUserError(where: string, error: unknown): unknown {
  if (where === '') return error instanceof HindcastError ? error : sqlFailed(error);
  if (error instanceof HindcastError && error.code !== 'SQL_FAILED') return error;
  const text = error instanceof Error ? error.message.replace(/^The query failed: /, '') : String(error);
  return errors.USAGE_INVALID({ problem: `The condition "${where}" cannot be used: ${text}` }, error);
}
