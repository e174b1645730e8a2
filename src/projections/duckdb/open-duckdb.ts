import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  DuckDBInstance,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  StatementType,
  type DuckDBConnection,
  type DuckDBDataChunk,
  type DuckDBValue,
} from '@duckdb/node-api';
import { errors, HindcastError } from '../../services/platform/errors.js';
import { limits } from '../../services/platform/limits.js';
import { newId } from '../../services/platform/new-id.js';
import { literal } from './sql-text.js';

/** A value as `rows` gives it: BIGINT and HUGEINT as bigint, TIMESTAMP as micros in a bigint, the rest as is. */
export type SqlValue = string | number | bigint | boolean | null;

/** One result of a query that is read chunk by chunk. */
export interface SqlStream {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /** The next chunk (at most 2,048 rows), or undefined at the end, where the stream closes itself. */
  next(): Promise<DuckDBDataChunk | undefined>;
  /** Frees what the stream holds; for one that is not read to its end. */
  close(): void;
}

/** An in-memory DuckDB that may spill to the data folder; nothing is ever downloaded. */
export interface Database {
  /** The first connection. Tables (not temporary ones) are seen by every connection. */
  readonly connection: DuckDBConnection;
  connect(): Promise<DuckDBConnection>;
  /** Runs one statement of ours. Rejects with DuckDB's own error, or with DISK_FULL or SQL_OUT_OF_MEMORY. */
  run(sql: string): Promise<void>;
  /** All rows of a small result. */
  rows(sql: string): Promise<readonly (readonly SqlValue[])[]>;
  /** A connection of its own for each: another statement on the same one would end the stream. */
  stream(sql: string): Promise<SqlStream>;
  /**
   * As `stream`, but some chunks are fetched before they are asked for, from the beginning on. Not the whole result at once: its memory
   * would stay until the collector next looks at old objects, which it seldom does.
   */
  ahead(sql: string): Promise<SqlStream>;
  /**
   * Text from a user: exactly one statement that only reads (SELECT, EXPLAIN), else SQL_FAILED. Errors of DuckDB become
   * SQL_FAILED with its message, but for DISK_FULL and SQL_OUT_OF_MEMORY.
   */
  userQuery(sql: string): Promise<SqlStream>;
  /** How many threads one statement may use; many small statements at once are cheaper with one each. */
  setThreads(threads: number): Promise<void>;
  /** From here on SQL sees only what is in memory and files below `directory`; settings are locked. */
  restrictTo(directory: string): Promise<void>;
  close(): Promise<void>;
}

/**
 * DuckDB stops working on a stream whenever so much of it waits to be fetched; of its own 1 MB a wide table fills all in two chunks, and stopping and
 * going on again takes a fifth of the time of reading. The size belongs to a connection and cannot be changed once settings are locked.
 */
const wideBufferMegabytes = 4;
/** One stream that is read, and the next one ahead. */
const wideConnectionsMax = 2;

/** Threads of a database, unless told otherwise. */
export const threadsMax = 2;

/** Opens an empty in-memory database. `temporaryDirectory`: a folder to spill to. */
export async function openDuckDb(options: { readonly temporaryDirectory: string }): Promise<Database> {
  // DuckDB makes the folder when it first spills.
  const spill = join(options.temporaryDirectory, `tmp-${newId()}`);
  const instance = await DuckDBInstance.create(':memory:', {
    threads: String(threadsMax),
    memory_limit: `${limits.sqlMemoryMegabytes}MB`,
    temp_directory: spill,
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    allow_community_extensions: 'false',
    preserve_insertion_order: 'true',
  });
  const connection = await instance.connect();
  const wideConnections: DuckDBConnection[] = [];
  await connection.run("SET GLOBAL TimeZone = 'UTC'");
  await connection.run('SET GLOBAL parquet_metadata_cache = true');
  return {
    connection,
    connect: () => instance.connect(),
    run: async (sql) => {
      try {
        await connection.run(sql);
      } catch (error) {
        throw knownFailureOr(error);
      }
    },
    rows: async (sql) => {
      try {
        const result = await connection.run(sql);
        const rows = await result.getRows();
        return rows.map((row) => row.map(sqlValue));
      } catch (error) {
        throw knownFailureOr(error);
      }
    },
    stream: async (sql) => stream(await instance.connect(), sql),
    ahead: async (sql) => {
      const wide = wideConnections.pop();
      if (wide === undefined) return stream(await instance.connect(), sql, { ahead: true });
      return stream(wide, sql, { ahead: true, keep: () => wideConnections.push(wide) });
    },
    userQuery: async (sql) => {
      try {
        await refuseWrites(connection, sql);
        return await stream(await instance.connect(), sql);
      } catch (error) {
        throw sqlFailed(error);
      }
    },
    setThreads: async (threads) => {
      await connection.run(`SET threads = ${threads}`);
    },
    restrictTo: async (directory) => {
      for (let made = 0; made < wideConnectionsMax; made += 1) {
        const wide = await instance.connect();
        await wide.run(`SET streaming_buffer_size = '${wideBufferMegabytes}MB'`);
        wideConnections.push(wide);
      }
      await connection.run(`SET allowed_directories = [${literal(directory)}, ${literal(spill)}]`);
      await connection.run('SET enable_external_access = false');
      await connection.run('SET lock_configuration = true');
    },
    close: async () => {
      for (const wide of wideConnections) wide.closeSync();
      connection.closeSync();
      instance.closeSync();
      await rm(spill, { recursive: true, force: true });
    },
  };
}

async function stream(
  connection: DuckDBConnection,
  sql: string,
  options: {
    readonly ahead?: boolean;
    /** Takes the connection back, once the stream was read to its end; undefined: it is closed. */
    readonly keep?: () => void;
  } = {},
): Promise<SqlStream> {
  let closed = false;
  let fetching: Promise<unknown> | undefined;
  const close = (isAtEnd = false): void => {
    if (closed) return;
    closed = true;
    if (isAtEnd && options.keep !== undefined) {
      options.keep();
      return;
    }
    if (fetching === undefined) {
      connection.closeSync();
      return;
    }
    // A connection is not closed under a fetch that is under way. Whoever closes asks for no more, so its error is met by nobody.
    void fetching.finally(() => connection.closeSync()).catch(() => undefined);
  };
  try {
    const result = await connection.stream(sql);
    const types = result.columnTypes();
    const fetched = async (): Promise<DuckDBDataChunk | undefined> => {
      if (closed) return undefined;
      const fetch = result.fetchChunk();
      fetching = fetch;
      try {
        const chunk = await fetch;
        return chunk !== null && chunk.rowCount > 0 ? chunk : undefined;
      } catch (error) {
        throw knownFailureOr(error);
      } finally {
        fetching = undefined;
      }
    };
    const chunks = options.ahead === true ? fetchedAhead(fetched) : fetched;
    return {
      columns: result
        .columnNames()
        .map((name, index) => ({ name, type: types[index]?.toString() ?? 'UNKNOWN' })),
      next: async () => {
        const chunk = await chunks();
        if (chunk === undefined) close(true);
        return chunk;
      },
      close: () => {
        close();
      },
    };
  } catch (error) {
    close();
    throw knownFailureOr(error);
  }
}

/** A batch of the consumer is two chunks; some batches wait at a time. */
const chunksAheadMax = 16;

/**
 * Fetches on while the consumer works: every chunk takes a turn of the event loop and a thread of the pool, and a consumer that waited
 * for each would idle for as long as it works. One fetch is under way at a time.
 */
function fetchedAhead(fetch: () => Promise<DuckDBDataChunk | undefined>): typeof fetch {
  const waiting: DuckDBDataChunk[] = [];
  let fetching: Promise<void> | undefined;
  let isAtEnd = false;
  const fetchOn = (): void => {
    if (fetching !== undefined || isAtEnd || waiting.length >= chunksAheadMax) return;
    fetching = fetch().then((chunk) => {
      fetching = undefined;
      if (chunk === undefined) isAtEnd = true;
      else waiting.push(chunk);
      fetchOn();
    });
    // Met by the consumer when its turn comes.
    fetching.catch(() => undefined);
  };
  fetchOn();
  return async () => {
    while (waiting.length === 0 && fetching !== undefined) await fetching;
    const chunk = waiting.shift();
    fetchOn();
    return chunk;
  };
}

async function refuseWrites(connection: DuckDBConnection, sql: string): Promise<void> {
  const statements = await connection.extractStatements(sql);
  if (statements.count !== 1) {
    throw errors.SQL_FAILED({ problem: `expected one statement, got ${statements.count}` });
  }
  const prepared = await statements.prepare(0);
  const type = prepared.statementType;
  prepared.destroySync();
  if (type !== StatementType.SELECT && type !== StatementType.EXPLAIN) {
    throw errors.SQL_FAILED({
      problem: `${StatementType[type] ?? 'this statement'} is not a query; only reading is possible`,
    });
  }
}

/** DISK_FULL or SQL_OUT_OF_MEMORY for what DuckDB says only in words; any other error as it is. */
export function knownFailureOr(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const problem = error.message.trim().slice(0, 500);
  if (/No space left on device|Disk quota exceeded/.test(problem))
    return errors.DISK_FULL({ problem }, error);
  if (!problem.startsWith('Out of Memory Error: ')) return error;
  // What follows the first line are settings, which are locked.
  const [first = problem] = problem.replace('Out of Memory Error: ', '').split('\n', 1);
  return errors.SQL_OUT_OF_MEMORY({ problem: first }, error);
}

/** DuckDB's message kept, without the file-system paths of its stack; our own errors pass. */
export function sqlFailed(error: unknown): Error {
  if (error instanceof HindcastError) return error;
  const text = error instanceof Error ? error.message : String(error);
  return errors.SQL_FAILED({ problem: text.trim().slice(0, 2_000) }, error);
}

/** A value for printing: timestamps, intervals, lists and the like as DuckDB writes them. */
export function printableValue(value: DuckDBValue): SqlValue {
  return typeof value === 'object' && value !== null ? value.toString() : value;
}

/** A vendor's value object as a plain value; timestamps become micros, UUIDs and nested values text. */
export function sqlValue(value: DuckDBValue): SqlValue {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof DuckDBTimestampValue || value instanceof DuckDBTimestampTZValue) return value.micros;
  return value.toString();
}
