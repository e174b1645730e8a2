import type { Database } from '../duckdb/open-duckdb.js';
import { identifier, literal, parquetFiles } from '../duckdb/sql-text.js';

/** Where the outcomes stand that were not staged just now. */
export interface EarlierOutcomes {
  readonly paths: readonly string[];
}

const outcomeFields = 'position, prediction_id, request_id, row, key, target, truth, truth_number, known_at';

/**
 * Makes the table `truths` with the winning truth of each staged prediction of a model: (position, truth,
 * truth_number, truth_known_at, truth_position). An outcome that names a prediction or a request was matched when both
 * were there, so of the earlier ones only those that found nothing count; one that names a key holds for every
 * prediction with that key, whenever it was made.
 */
export async function resolveStagedPredictions(options: {
  readonly database: Database;
  readonly model: string;
  readonly staged: string;
  readonly stagedOutcomes: string;
  readonly earlier: EarlierOutcomes;
  readonly truths: string;
}): Promise<void> {
  const model = literal(options.model);
  const sources = [
    `SELECT ${outcomeFields} FROM ${identifier(options.stagedOutcomes)} WHERE model = ${model}`,
  ];
  if (options.earlier.paths.length > 0) {
    sources.push(
      `SELECT ${outcomeFields} FROM ${parquetFiles(options.earlier.paths)} WHERE model = ${model} AND (target = 3 OR NOT matched)`,
    );
  }
  const matched = matches({
    outcomes: `(${sources.join(' UNION ALL ')})`,
    predictions: identifier(options.staged),
    columns: 'p.position AS position',
    targets: [1, 2, 3],
  });
  await options.database.run(`CREATE TABLE ${identifier(options.truths)} AS ${winners(matched)}`);
}

/**
 * Makes the table `patches` with the truths that staged outcomes give to predictions in parts written before:
 * (position, path, truth, truth_number, truth_known_at, truth_position).
 */
export async function resolveWrittenPredictions(options: {
  readonly database: Database;
  readonly model: string;
  readonly paths: readonly string[];
  readonly stagedOutcomes: string;
  readonly patches: string;
}): Promise<void> {
  const { database } = options;
  const outcomes = `SELECT ${outcomeFields} FROM ${identifier(options.stagedOutcomes)} WHERE model = ${literal(options.model)}`;
  const targets = await database.rows(`SELECT DISTINCT target FROM (${outcomes}) ORDER BY target`);
  if (options.paths.length === 0 || targets.length === 0) {
    await database.run(
      `CREATE TABLE ${identifier(options.patches)} (position BIGINT, path VARCHAR, truth VARCHAR, truth_number DOUBLE, truth_known_at TIMESTAMP, truth_position BIGINT)`,
    );
    return;
  }
  const matched = matches({
    outcomes: `(${outcomes})`,
    predictions: parquetFiles(options.paths, { filename: true }),
    columns: 'p.position AS position, p.filename AS path',
    targets: targets.map(([target]) => Number(target)),
  });
  await database.run(
    `CREATE TABLE ${identifier(options.patches)} AS ${winners(matched, { withPath: true })}`,
  );
}

/** SELECT of one row for each prediction that an outcome speaks of, by each way that outcomes name predictions. */
export function matches(options: {
  readonly outcomes: string;
  readonly predictions: string;
  readonly columns: string;
  readonly targets: readonly number[];
}): string {
  const conditions = new Map([
    [1, 'o.target = 1 AND p.prediction_id = TRY_CAST(o.prediction_id AS UUID)'],
    [2, 'o.target = 2 AND p.request_id = o.request_id AND p.row = coalesce(o.row, 0)'],
    [3, 'o.target = 3 AND p.key = o.key'],
  ]);
  return options.targets
    .map(
      (target) =>
        `SELECT ${options.columns}, o.position AS outcome_position, o.truth, o.truth_number, o.known_at FROM ${options.predictions} p JOIN ${options.outcomes} o ON ${conditions.get(target) ?? 'false'}`,
    )
    .join(' UNION ALL ');
}

/**
 * SELECT of the latest known truth of each prediction in `matched`; ties go to the later log position. A null truth may
 * win: a retraction. `withPath`: keeps the file that the prediction is in.
 */
export function winners(matched: string, options?: { readonly withPath: boolean }): string {
  const path = options?.withPath === true;
  const winner =
    'arg_max({t: truth, n: truth_number, k: known_at, p: outcome_position}, (known_at, outcome_position)) AS w';
  return `SELECT position, ${path ? 'path, ' : ''}w.t AS truth, w.n AS truth_number, w.k AS truth_known_at, w.p AS truth_position FROM (SELECT position, ${path ? 'any_value(path) AS path, ' : ''}${winner} FROM (${matched}) GROUP BY position)`;
}
