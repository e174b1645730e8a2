import { identifier, literal } from '../duckdb/sql-text.js';
import type { ServedDataset, Session } from './open-session.js';
import { matches, winners } from './resolve-truth.js';

/**
 * Makes the table `table` (position, truth, truth_known_at) with what was known until an instant of those predictions
 * whose truth of today became known later. Returns whether it has any row: corrections are rare.
 */
export async function asOfTruths(options: {
  readonly session: Session;
  readonly dataset: ServedDataset;
  /** Microseconds UTC, inclusive. */
  readonly knownUntil: number;
  /** Condition on `occurred_at`. */
  readonly range: string;
  readonly table: string;
}): Promise<boolean> {
  const { database } = options.session;
  const { dataset, knownUntil } = options;
  const known = `make_timestamp(${knownUntil})`;
  const later = `(SELECT position, prediction_id, request_id, row, key FROM ${identifier(dataset.view)} WHERE ${options.range} AND truth_known_at > ${known})`;
  const outcomes = `(SELECT *, CASE WHEN prediction_id IS NOT NULL THEN 1 WHEN request_id IS NOT NULL THEN 2 ELSE 3 END AS target FROM outcomes WHERE model = ${literal(dataset.name)} AND known_at <= ${known})`;
  const matched = matches({
    outcomes,
    predictions: later,
    columns: 'p.position AS position',
    targets: [1, 2, 3],
  });
  const value = dataset.schema.truthType === 'DOUBLE' ? 'truth_number' : 'truth';
  await database.run(
    `CREATE TABLE ${identifier(options.table)} AS SELECT position, ${value} AS truth, truth_known_at FROM (${winners(matched)})`,
  );
  const [[rows] = [0n]] = await database.rows(`SELECT count(*) FROM ${identifier(options.table)}`);
  return rows !== 0n;
}
