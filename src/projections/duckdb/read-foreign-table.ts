import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { extname, join, resolve } from 'node:path';
import { errors } from '../../services/platform/errors.js';
import type { SqlValue } from './open-duckdb.js';
import { openDuckDb, sqlValue } from './open-duckdb.js';
import { identifier, literal } from './sql-text.js';

/** A file of somebody else's, read as a table. */
export interface ForeignTable {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rowCount: number;
  /** Rows in the file's order (or by `orderBy`), a few thousand at a time, values by column in the order of `columns`. */
  rows(options?: { readonly orderBy?: string }): AsyncIterable<readonly (readonly SqlValue[])[]>;
  /** One row of aggregates over the whole table, such as `max(scheduled_at), count(*)`. */
  aggregate(expressions: string): Promise<readonly SqlValue[]>;
  close(): Promise<void>;
}

/** Opens a CSV, JSON lines or Parquet file, told apart by its ending. Throws FILE_NOT_FOUND or IMPORT_FILE_INVALID. */
export async function openForeignTable(file: string): Promise<ForeignTable> {
  const path = resolve(file);
  if (!existsSync(path)) throw errors.FILE_NOT_FOUND({ path });
  const source = reader(path);
  const database = await openDuckDb({ temporaryDirectory: join(tmpdir(), 'hindcast-import') });
  const unreadable = (error: unknown): Error =>
    errors.IMPORT_FILE_INVALID(
      { path, problem: error instanceof Error ? error.message.trim().slice(0, 500) : String(error) },
      error,
    );
  try {
    const described = await database.rows(`DESCRIBE SELECT * FROM ${source}`);
    const [[count] = [0n]] = await database.rows(`SELECT count(*) FROM ${source}`);
    const columns = described.map(([name, type]) => ({ name: String(name), type: String(type) }));
    return {
      columns,
      rowCount: Number(count),
      rows: async function* rows(options = {}) {
        try {
          const order = options.orderBy === undefined ? '' : ` ORDER BY ${identifier(options.orderBy)}`;
          const stream = await database.stream(`SELECT * FROM ${source}${order}`);
          for (let chunk = await stream.next(); chunk !== undefined; chunk = await stream.next()) {
            yield chunk.getRows().map((row) => row.map(sqlValue));
          }
        } catch (error) {
          throw unreadable(error);
        }
      },
      aggregate: async (expressions) =>
        (await database.rows(`SELECT ${expressions} FROM ${source}`))[0] ?? [],
      close: () => database.close(),
    };
  } catch (error) {
    await database.close();
    throw unreadable(error);
  }
}

function reader(path: string): string {
  switch (extname(path).toLowerCase()) {
    case '.parquet':
      return `read_parquet(${literal(path)})`;
    case '.csv':
    case '.tsv':
      return `read_csv(${literal(path)}, sample_size = -1)`;
    case '.jsonl':
    case '.ndjson':
      return `read_json(${literal(path)}, format = 'newline_delimited', sample_size = -1)`;
    default:
      throw errors.IMPORT_FILE_INVALID({
        path,
        problem: `the ending ${extname(path) || '(none)'} names no form that is known`,
      });
  }
}
