import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { newId } from '../../services/platform/new-id.js';
import { knownFailureOr, threadsMax, type Database } from '../duckdb/open-duckdb.js';
import { identifier, literal } from '../duckdb/sql-text.js';
import type { PredictionPart, SharedPart } from './dataset-manifest.js';
import { planDayParts } from './day-spans.js';
import { syncPath } from './replace-file.js';

const parallelCopies = threadsMax;

/** Below this a part's pages are so small that zstd costs more to set up than it saves: reading took a third longer. */
const smallPartRows = 32_768;

function copyOptions(rows: number): string {
  return `(FORMAT parquet, COMPRESSION ${rows < smallPartRows ? 'snappy' : 'zstd'}, ROW_GROUP_SIZE 122880)`;
}

/**
 * Writes a query's rows (with a position and an occurred_at) as parts of one or several whole UTC days, each sorted by
 * day and position. The files are durable and under their names when this resolves; no state names them yet.
 */
export async function writeDayParts(options: {
  readonly database: Database;
  readonly directory: string;
  /** Folder of the model, relative to `directory`. */
  readonly folder: string;
  /** SELECT of all columns of a part. */
  readonly rows: string;
  readonly width: number;
  /** The model's parts that stay as they are. */
  readonly staying: readonly PredictionPart[];
  /** Tables that are not needed once the rows are sorted: two copies of the rows at a time are enough. */
  readonly dropAfterSort?: readonly string[];
}): Promise<PredictionPart[]> {
  const { database, directory, folder } = options;
  await mkdir(join(directory, folder), { recursive: true });
  const table = identifier('sorted_rows');
  await database.run(
    `CREATE OR REPLACE TABLE ${table} AS SELECT r.*, CAST(occurred_at AS DATE) AS day FROM (${options.rows}) r ORDER BY day, position`,
  );
  for (const used of options.dropAfterSort ?? []) await database.run(`DROP TABLE ${identifier(used)}`);
  const days = (
    await database.rows(
      `SELECT CAST(day AS VARCHAR), count(*), min(position), max(position), min(occurred_at), max(occurred_at) FROM ${table} GROUP BY day ORDER BY day`,
    )
  ).map(([day, ...numbers]) => ({ day: String(day), ...boundsOf(numbers.map(Number)) }));
  const planned = planDayParts(days, options.staying);
  const parts = await inParallel(database, planned, async (run, members): Promise<PredictionPart> => {
    const [first, last] = [members[0] ?? '', members.at(-1) ?? ''];
    const bounds = days.filter(({ day }) => day >= first && day <= last).reduce(joinBounds);
    const path = join(folder, `${first}.${newId()}.parquet`);
    const bytes = await writeFileAside(
      directory,
      path,
      (to) =>
        `COPY (SELECT * EXCLUDE (day) FROM ${table} WHERE day BETWEEN DATE ${literal(first)} AND DATE ${literal(last)}) TO ${literal(to)} ${copyOptions(bounds.rows)}`,
      run,
    );
    return { ...bounds, path, day: first, bytes, width: options.width, patched: 0 };
  });
  await database.run(`DROP TABLE ${table}`);
  await syncPath(join(directory, folder));
  return parts;
}

type Bounds = Pick<
  PredictionPart,
  'rows' | 'minPosition' | 'maxPosition' | 'minOccurredAt' | 'maxOccurredAt'
>;

function boundsOf([rows = 0, ...minMax]: readonly number[]): Bounds {
  const [minPosition = 0, maxPosition = 0, minOccurredAt = 0, maxOccurredAt = 0] = minMax;
  return { rows, minPosition, maxPosition, minOccurredAt, maxOccurredAt };
}

function joinBounds<One extends Bounds>(a: One, b: One): One {
  return {
    ...a,
    rows: a.rows + b.rows,
    minPosition: Math.min(a.minPosition, b.minPosition),
    maxPosition: Math.max(a.maxPosition, b.maxPosition),
    minOccurredAt: Math.min(a.minOccurredAt, b.minOccurredAt),
    maxOccurredAt: Math.max(a.maxOccurredAt, b.maxOccurredAt),
  };
}

/** Writes a query's rows, sorted by position, as one file. */
export async function writeSharedPart(options: {
  readonly database: Database;
  readonly directory: string;
  readonly folder: string;
  /** Name of the file without its ending; a new id unless told. MUST NOT have been used before. */
  readonly name?: string;
  readonly rows: string;
}): Promise<SharedPart> {
  const { database, directory, folder } = options;
  await mkdir(join(directory, folder), { recursive: true });
  const path = join(folder, `${options.name ?? newId()}.parquet`);
  await writeFileAside(
    directory,
    path,
    (to) =>
      `COPY (SELECT * FROM (${options.rows}) ORDER BY position) TO ${literal(to)} ${copyOptions(Number.POSITIVE_INFINITY)}`,
    (sql) => database.run(sql),
  );
  await syncPath(join(directory, folder));
  const [row] = await database.rows(
    `SELECT count(*), coalesce(min(position), 0), coalesce(max(position), 0) FROM read_parquet(${literal(join(directory, path))})`,
  );
  const [rows, minPosition, maxPosition] = row ?? [];
  return { path, rows: Number(rows), minPosition: Number(minPosition), maxPosition: Number(maxPosition) };
}

async function writeFileAside(
  directory: string,
  path: string,
  copy: (to: string) => string,
  run: (sql: string) => Promise<unknown>,
): Promise<number> {
  const final = join(directory, path);
  const aside = `${final}.tmp`;
  try {
    await run(copy(aside));
    await syncPath(aside);
    const { size } = await stat(aside);
    await rename(aside, final);
    return size;
  } catch (error) {
    await rm(aside, { force: true });
    throw knownFailureOr(error);
  }
}

/** Small files keep one thread busy each, so a few connections share them out. */
async function inParallel<Item, Result>(
  database: Database,
  items: readonly Item[],
  work: (run: (sql: string) => Promise<unknown>, item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  let next = 0;
  await database.setThreads(1);
  const workers = Array.from({ length: Math.min(parallelCopies, items.length) }, async () => {
    const connection = await database.connect();
    try {
      while (next < items.length) {
        const index = next;
        next += 1;
        const item = items[index];
        if (item === undefined) return;
        results[index] = await work((sql) => connection.run(sql), item);
      }
    } finally {
      connection.closeSync();
    }
  });
  // Nothing may be under way in the database when the first failure is told: its holder closes it.
  const ended = await Promise.allSettled(workers);
  await database.setThreads(threadsMax);
  for (const end of ended) if (end.status === 'rejected') throw end.reason;
  return results;
}
