import type { DuckDBDataChunk } from '@duckdb/node-api';
import type { Column } from '../../schemas/columns.js';
import { errors } from '../../services/platform/errors.js';
import { limits } from '../../services/platform/limits.js';
import { batchArrays, type BatchArrays } from './batch-arrays.js';
import { columnBuilder, columnKind, type ColumnBuilder, type ColumnKind } from './column-builder.js';
import type { SqlStream } from './open-duckdb.js';
import { createTextInterner, type TextInterner } from './text-interner.js';

/** Rows of a result as columns, in the order of the SELECT. */
export interface ResultColumns {
  readonly rows: number;
  readonly columns: readonly Column[];
  /** Lets the arrays be used again. Whoever does not call it keeps them. Afterwards nobody may read them. */
  release(): void;
}

/**
 * Results in batches of exactly `limits.rowsPerInferenceRunMax` rows (but for the last), as typed arrays of their own. The
 * next batch is fetched while the consumer works on the one at hand.
 */
export async function* readColumns(
  streams: AsyncIterable<SqlStream>,
): AsyncGenerator<ResultColumns, void, undefined> {
  const state: Gathering = {
    arrays: batchArrays(limits.rowsPerInferenceRunMax),
    interners: [],
    kinds: undefined,
    begun: undefined,
  };
  const chunks = chunksOf(streams, state);
  try {
    let next = gather(chunks, state);
    for (;;) {
      const batch = await next;
      if (batch === undefined) return;
      next = gather(chunks, state);
      // A rejection that nobody waits for yet is not lost: it is met at the next turn.
      next.catch(() => undefined);
      yield batch;
    }
  } finally {
    await chunks.return(undefined);
  }
}

interface Gathering {
  readonly arrays: BatchArrays;
  readonly interners: TextInterner[];
  /** By column; undefined before the first stream. */
  kinds: readonly ColumnKind[] | undefined;
  /** A chunk that the batch before had no room for, and how much of it is taken. */
  begun: { readonly chunk: DuckDBDataChunk; readonly taken: number } | undefined;
}

/** Throws INTERNAL when a stream has columns of other types than those before: their bytes would be taken for something else. */
async function* chunksOf(
  streams: AsyncIterable<SqlStream>,
  state: Gathering,
): AsyncGenerator<DuckDBDataChunk, undefined, undefined> {
  for await (const stream of streams) {
    try {
      const kinds = stream.columns.map(columnKind);
      state.kinds ??= kinds;
      if (kinds.join() !== state.kinds.join()) {
        throw errors.INTERNAL({ problem: `columns of ${state.kinds.join()} go on as ${kinds.join()}` });
      }
      for (let chunk = await stream.next(); chunk !== undefined; chunk = await stream.next()) yield chunk;
    } finally {
      stream.close();
    }
  }
  return undefined;
}

async function gather(
  chunks: AsyncGenerator<DuckDBDataChunk, undefined, undefined>,
  state: Gathering,
): Promise<ResultColumns | undefined> {
  const { arrays } = state;
  let builders: ColumnBuilder[] | undefined;
  let rows = 0;
  while (rows < arrays.length) {
    const { chunk, taken } = state.begun ?? { chunk: await nextOf(chunks), taken: 0 };
    if (chunk === undefined) break;
    builders ??= newBuilders(state);
    const until = Math.min(chunk.rowCount, taken + arrays.length - rows);
    for (const builder of builders) builder.append(chunk, { from: taken, until });
    rows += until - taken;
    state.begun = until < chunk.rowCount ? { chunk, taken: until } : undefined;
  }
  if (builders === undefined) return undefined;
  const columns = builders.map((builder) => builder.finish(rows));
  let released = false;
  return {
    rows,
    columns,
    release: () => {
      if (released) return;
      released = true;
      for (const column of columns) arrays.giveBack(column);
    },
  };
}

async function nextOf(
  chunks: AsyncGenerator<DuckDBDataChunk, undefined, undefined>,
): Promise<DuckDBDataChunk | undefined> {
  const result = await chunks.next();
  return result.done === true ? undefined : result.value;
}

function newBuilders({ arrays, interners, kinds = [] }: Gathering): ColumnBuilder[] {
  return kinds.map((kind, index) =>
    columnBuilder({ kind, index, arrays, interner: () => (interners[index] ??= createTextInterner()) }),
  );
}
