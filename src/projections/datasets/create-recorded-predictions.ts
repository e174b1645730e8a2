import type { Column } from '../../schemas/columns.js';
import { registeredModel } from '../../services/inference/registry.js';
import { errors } from '../../services/platform/errors.js';
import { sqlFailed } from '../duckdb/open-duckdb.js';
import { readColumns, type ResultColumns } from '../duckdb/read-columns.js';
import { identifier, literal } from '../duckdb/sql-text.js';
import { requireDataset, type Analytics } from './open-analytics.js';
import type { ServedDataset, Session } from './open-session.js';
import { recordedRuns, scopeOf } from './recorded-runs.js';
import type {
  RecordedBatch,
  RecordedPredictions,
  RecordedQuery,
  RecordedRow,
  RecordedServer,
  RowRange,
  ServedBy,
} from './recorded-predictions.js';

/** The recorded predictions of an open session, as columns. Closing it leaves the analytics open. */
export function createRecordedPredictions(analytics: Analytics): RecordedPredictions {
  return {
    count: (query) => analytics.with((session) => count(session, query)),
    featuresWithValues: (model, features) =>
      analytics.with((session) => featuresWithValues(session, model, features)),
    read: (query, rows) => readBatches(analytics, query, rows),
    lookup: (model, positions) => analytics.with((session) => lookup(session, model, positions)),
    close: () => Promise.resolve(),
  };
}

async function count(session: Session, query: RecordedQuery): ReturnType<RecordedPredictions['count']> {
  const dataset = requireDataset(session, query.model);
  const scope = await scopeOf(session, dataset, query);
  try {
    const [row] = await scope.rows(
      `SELECT count(*), count(truth), count(subject), max(position), max(truth_known_at), ${singleScoresSql(dataset, query)} FROM ${scope.relation} WHERE ${scope.condition}`,
    );
    const [rows, rowsWithTruth, rowsWithSubject, last, known, scoresAreSingle] = row ?? [];
    return {
      rows: Number(rows),
      rowsWithTruth: Number(rowsWithTruth),
      rowsWithSubject: Number(rowsWithSubject),
      scoresAreSingle: scoresAreSingle !== false,
      lastPosition: last === null || last === undefined ? undefined : Number(last),
      truthKnownUntil: known === null || known === undefined ? undefined : Number(known),
      available: await availableRange(session, dataset),
    };
  } finally {
    await scope.release();
  }
}

/** Null without rows. */
function singleScoresSql(dataset: ServedDataset, query: RecordedQuery): string {
  const scores = present(
    query.outputs.filter((role) => role !== 'label'),
    dataset.schema.preferred.output,
  );
  const conditions = scores.map(([, column]) => {
    const name = identifier(column);
    return `bool_and(CAST(TRY_CAST(${name} AS FLOAT) AS DOUBLE) IS NOT DISTINCT FROM TRY_CAST(${name} AS DOUBLE))`;
  });
  return conditions.length === 0 ? 'true' : conditions.join(' AND ');
}

async function featuresWithValues(
  session: Session,
  model: string,
  features: readonly string[],
): Promise<ReadonlySet<string>> {
  const dataset = requireDataset(session, model);
  const found = new Set<string>();
  for (const [feature, column] of present(features, dataset.schema.preferred.input)) {
    const [row] = await session.database.rows(
      `SELECT 1 FROM ${identifier(dataset.view)} WHERE ${identifier(column)} IS NOT NULL LIMIT 1`,
    );
    if (row !== undefined) found.add(feature);
  }
  return found;
}

async function availableRange(
  session: Session,
  dataset: ServedDataset,
): Promise<{ readonly from: number; readonly until: number } | undefined> {
  const ends = dataset.parts.flatMap((part) => [part.minOccurredAt, part.maxOccurredAt]);
  if (dataset.tail !== undefined) {
    const [row] = await session.database.rows(
      `SELECT min(occurred_at), max(occurred_at) FROM ${identifier(dataset.tail.table)}`,
    );
    ends.push(...(row ?? []).filter((end) => end !== null).map(Number));
  }
  if (ends.length === 0) return undefined;
  const from = ends.reduce((a, b) => Math.min(a, b));
  const until = ends.reduce((a, b) => Math.max(a, b)) + 1;
  return { from, until };
}

async function* readBatches(
  analytics: Analytics,
  query: RecordedQuery,
  rows: RowRange | undefined,
): AsyncGenerator<RecordedBatch> {
  const { session, dataset, scope } = await analytics.with(async (open) => {
    const found = requireDataset(open, query.model);
    return { session: open, dataset: found, scope: await scopeOf(open, found, query) };
  });
  try {
    const { select, assemble } = selection(session, dataset, query);
    for await (const batch of readColumns(recordedRuns({ session, dataset, query, scope, select, rows }))) {
      yield assemble(batch);
    }
  } catch (error) {
    throw scope.userError(error);
  } finally {
    await scope.release();
  }
}

/** What to select for a query, and how to make a batch of it. */
function selection(
  session: Session,
  dataset: ServedDataset,
  query: RecordedQuery,
): { readonly select: string; readonly assemble: (batch: ResultColumns) => RecordedBatch } {
  const inputs = present(query.features, dataset.schema.preferred.input);
  const outputs = present(query.outputs, dataset.schema.preferred.output);
  const servers = registeredServers(session, dataset);
  const list = [
    'CAST(position AS DOUBLE)',
    'CAST(epoch_us(occurred_at) AS DOUBLE)',
    `${servedBySql(servers)} AS served_by`,
  ];
  const first = list.length;
  for (const [, column] of [...inputs, ...outputs]) list.push(identifier(column));
  list.push('truth');
  const { subjectCells } = query;
  if (subjectCells !== undefined) list.push(subjectCellSql(subjectCells));
  const truth = first + inputs.length + outputs.length;
  return {
    select: list.join(', '),
    assemble: ({ rows, columns, ...batch }) => ({
      rows,
      release: () => {
        batch.release();
      },
      positions: doubles(columns[0]),
      occurredAt: doubles(columns[1]),
      served: servedBy(columns[2], servers),
      inputs: named(inputs, columns, first),
      outputs: named(outputs, columns, first + inputs.length),
      truth: required(columns[truth]),
      subjectCell: subjectCells === undefined ? undefined : required(columns[truth + 1]),
    }),
  };
}

/** By MD5, which is the same in every version of the database. */
function subjectCellSql(cells: number): string {
  return `CASE WHEN subject IS NULL THEN NULL ELSE CAST(md5_number_lower(subject) % ${cells} AS BIGINT) END`;
}

function present(
  fields: readonly string[],
  columns: { readonly [field: string]: string },
): (readonly [string, string])[] {
  return [...new Set(fields)].flatMap((field): (readonly [string, string])[] => {
    const column = Object.hasOwn(columns, field) ? columns[field] : undefined;
    return column === undefined ? [] : [[field, column]];
  });
}

function named(
  fields: readonly (readonly [string, string])[],
  columns: readonly Column[],
  first: number,
): { readonly [field: string]: Column } {
  return Object.fromEntries(fields.map(([field], index) => [field, required(columns[first + index])]));
}

function required(column: Column | undefined): Column {
  if (column !== undefined) return column;
  throw errors.INTERNAL({ problem: 'a result has fewer columns than were selected' });
}

function doubles(column: Column | undefined): Float64Array {
  if (column?.kind === 'number' && column.values instanceof Float64Array) return column.values;
  throw errors.INTERNAL({ problem: 'a column of doubles came as something else' });
}

function registeredServers(session: Session, dataset: ServedDataset): readonly RecordedServer[] {
  const versions = registeredModel(session.registry, dataset.name)?.versions ?? {};
  return Object.entries(versions).map(([version, { artefacts }]) => ({
    version,
    digest: artefacts.model.sha256,
  }));
}

/** Stands between version and digest, and in no number. */
const separator = '|';

/** Long strings are read one by one, short ones are not: registered versions travel as their number, others are written out. */
function servedBySql(servers: readonly RecordedServer[]): string {
  const written = `concat(coalesce(model_digest, ''), ${literal(separator)}, version)`;
  if (servers.length === 0) return written;
  const cases = servers.map(
    ({ version, digest }, index) =>
      `WHEN model_digest = ${literal(digest ?? '')} AND version = ${literal(version)} THEN '${index}'`,
  );
  return `CASE ${cases.join(' ')} ELSE ${written} END`;
}

function servedBy(column: Column | undefined, servers: readonly RecordedServer[]): ServedBy {
  if (column?.kind !== 'dictionary')
    throw errors.INTERNAL({ problem: 'a text column came as something else' });
  const serverOf = (text: string): RecordedServer => {
    const at = text.indexOf(separator);
    // The dictionary of no rows has an empty text.
    if (at === -1) return servers[Number(text)] ?? { version: '', digest: null };
    return { version: text.slice(at + separator.length), digest: at === 0 ? null : text.slice(0, at) };
  };
  return { codes: column.codes, servers: column.dictionary.map(serverOf) };
}

async function lookup(
  session: Session,
  model: string,
  positions: readonly bigint[],
): Promise<readonly RecordedRow[]> {
  if (positions.length === 0) return [];
  const dataset = requireDataset(session, model);
  const inputs = Object.entries(dataset.schema.preferred.input);
  const columns = [
    'position',
    'CAST(prediction_id AS VARCHAR)',
    'key',
    'occurred_at',
    ...inputs.map(([, column]) => identifier(column)),
  ];
  const rows = await session.database
    .rows(
      `SELECT ${columns.join(', ')} FROM ${identifier(dataset.view)} WHERE position IN (${positions.join(', ')})`,
    )
    .catch((error: unknown) => {
      throw sqlFailed(error);
    });
  const found = new Map(
    rows.map((row): [string, RecordedRow] => {
      const [position, predictionId, key, occurredAt, ...values] = row;
      return [
        String(position),
        {
          position: String(position),
          predictionId: String(predictionId),
          key: typeof key === 'string' ? key : null,
          occurredAt: Number(occurredAt),
          inputs: Object.fromEntries(inputs.map(([field], index) => [field, inputValue(values[index])])),
        },
      ];
    }),
  );
  return positions.flatMap((position) => {
    const row = found.get(String(position));
    return row === undefined ? [] : [row];
  });
}

/** As events carry it: 64-bit integers beyond 2^53 as decimal text. */
function inputValue(
  value: string | number | bigint | boolean | null | undefined,
): string | number | boolean | null {
  if (value === undefined) return null;
  if (typeof value !== 'bigint') return value;
  return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
}
