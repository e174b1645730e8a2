import { join } from 'node:path';
import type { DatasetManifest, ModelDataset, PredictionPart } from '../datasets/dataset-manifest.js';
import { partRowsSql } from '../datasets/dataset-relations.js';
import { writeDayParts, writeSharedPart } from '../datasets/write-parts.js';
import { openDuckDb, type Database } from '../duckdb/open-duckdb.js';
import { parquetFiles } from '../duckdb/sql-text.js';
import { modelFolder, sharedFolder } from './write-step.js';

/** So many rows are sorted at a time. */
const rowsTogether = 262_144;

/**
 * The datasets up to where the log begins: every row of `old` from before that, written anew with the truths that are
 * known of it, so that the steps from there on make the rest again. `lost`: the same state without those rows.
 */
export async function takeOver(options: {
  readonly directory: string;
  readonly old: DatasetManifest;
  readonly lost: DatasetManifest;
}): Promise<DatasetManifest> {
  const { directory, old, lost } = options;
  const { missingBefore: _missing, ...base } = lost;
  const missingBefore = old.checkpoint < base.checkpoint ? base.checkpoint : old.missingBefore;
  const database = await openDuckDb({ temporaryDirectory: directory });
  try {
    const models: ModelDataset[] = [];
    for (const dataset of old.models) {
      const parts = await modelRows({ database, directory, dataset, until: base.checkpoint });
      models.push({ name: dataset.name, schema: dataset.schema, parts });
    }
    const shared = {
      outcomes: [...base.shared.outcomes],
      rejections: [...base.shared.rejections],
      replays: [...base.shared.replays],
    };
    for (const table of ['outcomes', 'rejections', 'replays'] as const) {
      const paths = old.shared[table]
        .filter((part) => part.minPosition < base.checkpoint)
        .map((part) => join(directory, part.path));
      if (paths.length === 0) continue;
      // An outcome that found its prediction in its own step may find more once the steps are cut elsewhere.
      const columns = table === 'outcomes' ? '* REPLACE (false AS matched)' : '*';
      shared[table].push(
        await writeSharedPart({
          database,
          directory,
          folder: sharedFolder(table),
          rows: `SELECT ${columns} FROM ${parquetFiles(paths)} WHERE position < ${base.checkpoint}`,
        }),
      );
    }
    return { ...base, models, shared, ...(missingBefore === undefined ? undefined : { missingBefore }) };
  } finally {
    await database.close();
  }
}

async function modelRows(options: {
  readonly database: Database;
  readonly directory: string;
  readonly dataset: ModelDataset;
  readonly until: number;
}): Promise<PredictionPart[]> {
  const { database, directory, dataset, until } = options;
  const made: PredictionPart[] = [];
  const wanted = dataset.parts.filter((part) => part.minPosition < until);
  for (const parts of batchesOf(wanted)) {
    const widths = [...new Set(parts.map((part) => part.width))];
    const rows = widths.map((width) =>
      partRowsSql({
        schema: dataset.schema,
        paths: parts.filter((part) => part.width === width).map((part) => join(directory, part.path)),
        width,
        ...(dataset.patches === undefined
          ? undefined
          : { patches: parquetFiles([join(directory, dataset.patches.path)]) }),
      }),
    );
    made.push(
      ...(await writeDayParts({
        database,
        directory,
        folder: modelFolder(dataset.name),
        rows: `SELECT * FROM (${rows.join(' UNION ALL ')}) WHERE position < ${until}`,
        width: dataset.schema.columns.length,
        staying: made,
      })),
    );
  }
  return made;
}

function batchesOf(parts: readonly PredictionPart[]): PredictionPart[][] {
  const batches: PredictionPart[][] = [];
  let rows = Infinity;
  for (const part of parts) {
    if (rows + part.rows > rowsTogether) {
      batches.push([]);
      rows = 0;
    }
    batches.at(-1)?.push(part);
    rows += part.rows;
  }
  return batches;
}
