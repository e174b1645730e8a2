import { errors } from '../../services/platform/errors.js';
import { printableValue, sqlFailed, type Database, type SqlValue } from '../duckdb/open-duckdb.js';
import { openSession, type Session, type SessionOptions } from './open-session.js';

/** A result whose rows are fetched as they are read. BIGINT values are bigints, timestamps text (UTC). */
export interface QueryResult {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rows: AsyncIterable<readonly SqlValue[]>;
}

/**
 * SQL over one consistent state: the datasets at their checkpoint and the log's tail, up to the head as it was when this
 * was opened. Nothing is written, no lock is needed, and any number of processes may hold one.
 */
export interface Analytics {
  /** Everything before this log position is in the answers. */
  readonly position: number;
  /** SHA-256 chain hash of the log at `position`. */
  readonly logHash: string | undefined;
  /**
   * One query of the user's: SELECT, EXPLAIN, DESCRIBE, SUMMARIZE or SHOW; files outside the datasets cannot be reached.
   * Throws SQL_FAILED with DuckDB's message, SQL_OUT_OF_MEMORY.
   */
  query(sql: string): Promise<QueryResult>;
  /** For the other readers of this folder: what is open, made anew once when files were replaced meanwhile. */
  with<Result>(work: (session: Session) => Promise<Result>): Promise<Result>;
  close(): Promise<void>;
}

/** Opens the views. Throws DATASET_DAMAGED, LOG_CORRUPT. */
export async function openAnalytics(options: SessionOptions): Promise<Analytics> {
  let session = await openSession(options);
  let retiring: Promise<void>[] = [];
  const withSession = async <Result>(work: (session: Session) => Promise<Result>): Promise<Result> => {
    const used = session;
    try {
      return await work(used);
    } catch (error) {
      if (!isFileGone(error)) throw error;
      // The state that was open has outlived its grace time: the one in force has the same rows in other files.
      if (session === used) {
        session = await openSession(options);
        retiring.push(used.database.close());
      }
      return await work(session);
    }
  };
  return {
    get position() {
      return session.position;
    },
    get logHash() {
      return session.logHash;
    },
    query: (sql) => withSession((current) => runQuery(current.database, sql)),
    with: withSession,
    close: async () => {
      await Promise.all(retiring);
      retiring = [];
      await session.database.close();
    },
  };
}

async function runQuery(database: Database, sql: string): Promise<QueryResult> {
  const stream = await database.userQuery(sql);
  // The first chunk is fetched here, so that a failing query fails at once and a lost file can be met with a retry.
  const first = await guarded(() => stream.next());
  return {
    columns: stream.columns,
    rows: {
      async *[Symbol.asyncIterator]() {
        try {
          for (let chunk = first; chunk !== undefined; chunk = await guarded(() => stream.next())) {
            for (const row of chunk.getRows()) yield row.map(printableValue);
          }
        } finally {
          stream.close();
        }
      },
    },
  };
}

async function guarded<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw sqlFailed(error);
  }
}

/** DuckDB says it in words only. */
function isFileGone(error: unknown): boolean {
  const text = error instanceof Error ? error.message : '';
  return /Cannot open file|No files found|No such file/.test(text) && /\.parquet/.test(text);
}

/** The model's name, when it is known here; else MODEL_NOT_FOUND. */
export function requireDataset(session: Session, model: string): Session['models'][number] {
  const found = session.models.find((candidate) => candidate.name === model);
  if (found !== undefined) return found;
  throw errors.MODEL_NOT_FOUND({ model, known: session.models.map((candidate) => candidate.name) });
}
