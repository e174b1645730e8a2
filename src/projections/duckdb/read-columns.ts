import type { DuckDBDataChunk } from '@duckdb/node-api';
import type { Column } from '../../schemas/columns.js';
import { columnBuilder, type ColumnBuilder } from './column-builder.js';
import type { SqlStream } from './open-duckdb.js';
import { createTextInterner, type TextInterner } from './text-interner.js';

/** Rows of a result as columns, in the order of the SELECT. */
export interface ResultColumns {
  readonly rows: number;
  readonly columns: readonly Column[];
}

/** DuckDB gives at most this many rows at a time. */
const chunkRowsMax = 2_048;
const batchRowsMin = 16_384;

/**
 * A result in batches of about 16,384 rows (the last of a stream may be smaller), as typed arrays of their own. The next
 * batch is fetched while the consumer works on the one at hand, so at most two are alive here.
 */
export async function* readColumns(
  streams: AsyncIterable<SqlStream>,
): AsyncGenerator<ResultColumns, void, undefined> {
  const chunks = chunksOf(streams);
  const interners: TextInterner[] = [];
  try {
    let next = gather(chunks, interners);
    for (;;) {
      const batch = await next;
      if (batch === undefined) return;
      next = gather(chunks, interners);
      // A rejection that nobody waits for yet is not lost: it is met at the next turn.
      next.catch(() => undefined);
      yield batch;
    }
  } finally {
    await chunks.return(undefined);
  }
}

async function* chunksOf(
  streams: AsyncIterable<SqlStream>,
): AsyncGenerator<DuckDBDataChunk, undefined, undefined> {
  for await (const stream of streams) {
    try {
      for (let chunk = await stream.next(); chunk !== undefined; chunk = await stream.next()) yield chunk;
    } finally {
      stream.close();
    }
  }
  return undefined;
}

async function gather(
  chunks: AsyncGenerator<DuckDBDataChunk, undefined, undefined>,
  interners: TextInterner[],
): Promise<ResultColumns | undefined> {
  let builders: ColumnBuilder[] | undefined;
  let rows = 0;
  while (rows < batchRowsMin) {
    const result = await chunks.next();
    if (result.done === true) break;
    const chunk = result.value;
    const count = chunk.rowCount;
    builders ??= Array.from({ length: chunk.columnCount }, (_, index) =>
      columnBuilder({
        chunk,
        index,
        capacity: batchRowsMin + chunkRowsMax,
        interner: () => (interners[index] ??= createTextInterner()),
      }),
    );
    for (const [index, builder] of builders.entries()) builder.append(chunk.getColumnVector(index), count);
    rows += count;
  }
  if (builders === undefined) return undefined;
  return { rows, columns: builders.map((builder) => builder.finish(rows)) };
}
