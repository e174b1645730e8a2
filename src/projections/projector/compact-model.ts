import { basename, join } from 'node:path';
import { newId } from '../../services/platform/new-id.js';
import type { ModelDataset, PredictionPart } from '../datasets/dataset-manifest.js';
import { partRowsSql } from '../datasets/dataset-relations.js';
import { daySpans, shareDays } from '../datasets/day-spans.js';
import { writeDayParts, writeSharedPart } from '../datasets/write-parts.js';
import type { Database } from '../duckdb/open-duckdb.js';
import { identifier, literal, parquetFiles } from '../duckdb/sql-text.js';
import { planCompaction } from './plan-compaction.js';

const patchTable = 'all_patches';
const patchWinner = 'arg_max(n, (n.truth_known_at, n.truth_position))';

/**
 * Merges parts and folds truths into them as `planCompaction` says. What is not folded ends in one patch file. The
 * dataset that comes back serves the same rows as the one that went in together with `newPatches`.
 */
export async function compactModel(options: {
  readonly database: Database;
  readonly directory: string;
  readonly folder: string;
  readonly dataset: ModelDataset;
  /** Table as `resolveWrittenPredictions` makes it. */
  readonly newPatches: string;
}): Promise<{ readonly dataset: ModelDataset; readonly replaced: readonly string[] }> {
  const { database, directory, folder, dataset } = options;
  const replaced: string[] = [];
  const [[fresh] = [0n]] = await database.rows(`SELECT count(*) FROM ${identifier(options.newPatches)}`);
  if (fresh === 0n && planCompaction(dataset.parts).length === 0) return { dataset, replaced };
  await gatherPatches(options);
  const patched = new Map(
    (await database.rows(`SELECT part, count(*) FROM ${patchTable} GROUP BY part`)).map(([part, rows]) => [
      String(part),
      Number(rows),
    ]),
  );
  let parts = dataset.parts.map((part) => ({ ...part, patched: patched.get(basename(part.path)) ?? 0 }));

  for (let plan = planCompaction(parts); plan.length > 0; plan = planCompaction(parts)) {
    const gone = plan.flat();
    const made: PredictionPart[] = [];
    for (const batch of batchesOfGroups(plan)) {
      made.push(
        ...(await writeDayParts({
          database,
          directory,
          folder,
          rows: rowsOf(directory, dataset, batch),
          staying: [...parts.filter((part) => !gone.includes(part)), ...made],
          width: dataset.schema.columns.length,
        })),
      );
    }
    const names = gone.map((part) => literal(basename(part.path)));
    await database.run(`DELETE FROM ${patchTable} WHERE part IN (${names.join(', ')})`);
    replaced.push(...gone.map((part) => part.path));
    parts = [...parts.filter((part) => !gone.includes(part)), ...made.map((part) => ({ ...part }))];
  }
  parts = daySpans(parts).flatMap((span) => span.parts);
  const { patches, ...rest } = dataset;
  if (patches !== undefined) replaced.push(patches.path);
  const left = parts.some((part) => part.patched > 0)
    ? { patches: await writePatches(database, directory, folder) }
    : undefined;
  await database.run(`DROP TABLE ${patchTable}`);
  return { dataset: { ...rest, parts, ...left }, replaced };
}

/** Patches of the state before and the new ones: one a prediction, the later known truth first. */
async function gatherPatches(options: {
  readonly database: Database;
  readonly directory: string;
  readonly dataset: ModelDataset;
  readonly newPatches: string;
}): Promise<void> {
  const { database, directory, dataset, newPatches } = options;
  const sources = [
    `SELECT position, parse_filename(path) AS part, truth, truth_number, truth_known_at, truth_position FROM ${newPatches}`,
  ];
  if (dataset.patches !== undefined) {
    sources.push(
      `SELECT position, part, truth, truth_number, truth_known_at, truth_position FROM ${parquetFiles([join(directory, dataset.patches.path)])}`,
    );
  }
  await database.run(
    `CREATE TABLE ${patchTable} AS SELECT unnest(w) FROM (SELECT ${patchWinner} AS w FROM (${sources.join(' UNION ALL ')}) n GROUP BY n.position)`,
  );
}

async function writePatches(
  database: Database,
  directory: string,
  folder: string,
): Promise<{ path: string; rows: number }> {
  const { path, rows } = await writeSharedPart({
    database,
    directory,
    folder,
    name: `patches.${newId()}`,
    rows: `SELECT * FROM ${patchTable}`,
  });
  return { path, rows };
}

/** Many small groups are written in one go, as long as they have no day in common and the rows fit in memory together. */
function batchesOfGroups(plan: readonly (readonly PredictionPart[])[]): PredictionPart[][] {
  const rowsTogether = 262_144;
  const batches: PredictionPart[][] = [];
  let rows = Number.POSITIVE_INFINITY;
  for (const group of plan) {
    const size = group.reduce((sum, part) => sum + part.rows, 0);
    const meets = batches.at(-1)?.some((part) => group.some((other) => shareDays(part, other)));
    if (rows + size > rowsTogether || meets === true) {
      batches.push([]);
      rows = 0;
    }
    batches.at(-1)?.push(...group);
    rows += size;
  }
  return batches;
}

function rowsOf(directory: string, dataset: ModelDataset, parts: readonly PredictionPart[]): string {
  const widths = [...new Set(parts.map((part) => part.width))];
  return widths
    .map((width) =>
      partRowsSql({
        schema: dataset.schema,
        paths: parts.filter((part) => part.width === width).map((part) => join(directory, part.path)),
        width,
        patches: patchTable,
      }),
    )
    .join(' UNION ALL ');
}
