import type { StoredEvent } from '../../schemas/events.js';
import type { Database } from '../duckdb/open-duckdb.js';
import { identifier } from '../duckdb/sql-text.js';
import { createTableSql, openTableAppender, type TableAppender } from '../duckdb/table-appender.js';
import { emptySchema, withOutput, withVersion, type DatasetSchema } from './dataset-schema.js';
import { predictionColumns, sharedTables, type SharedTable, type TableColumn } from './dataset-tables.js';
import { servedColumns } from './field-expression.js';
import { outcomeRowWriter, predictionRowWriter, rejectionRowWriter, replayRowWriter } from './row-writers.js';

type PredictionEvent = Extract<StoredEvent, { type: 'PredictionServed' | 'PredictionFailed' }>;

/** What was staged: events turned into tables of the database, not yet in any part. */
export interface Staged {
  /** Schemas of all models after the staged events. */
  readonly schemas: ReadonlyMap<string, DatasetSchema>;
  /** Table by model, for models of which predictions were staged. */
  readonly predictions: ReadonlyMap<string, { readonly table: string; readonly rows: number }>;
  /** Rows in the shared tables, which are named `staged_outcomes`, `staged_rejections`, `staged_replays`. */
  readonly shared: { readonly [table in SharedTable]: number };
}

/** Turns batches of events into tables. One way for the projector's steps and for the tail of a reader. */
export interface Stage {
  add(events: readonly StoredEvent[]): Promise<void>;
  /** After it the tables are complete; `add` must not be called again. */
  finish(): Promise<Staged>;
}

interface ModelTable {
  readonly table: string;
  width: number;
  rows: number;
  appender: TableAppender;
  write: (event: PredictionEvent) => void;
}

/** The name of the table that a shared kind of event is staged in. */
export function stagedTable(table: SharedTable): string {
  return `staged_${table}`;
}

/** Begins a stage in a database that holds none. `schemas`: as they are before the first event. */
export async function beginStage(
  database: Database,
  before: ReadonlyMap<string, DatasetSchema>,
): Promise<Stage> {
  const schemas = new Map(before);
  const models = new Map<string, ModelTable>();
  const outcomes = await openShared(database, 'outcomes');
  const rejections = await openShared(database, 'rejections');
  const replays = await openShared(database, 'replays');
  const counts = { outcomes: 0, rejections: 0, replays: 0 };
  const writeOutcome = outcomeRowWriter(outcomes, (model) => schemas.get(model));
  const writeRejection = rejectionRowWriter(rejections);
  const writeReplay = replayRowWriter(replays);

  const write = (event: StoredEvent): void => {
    switch (event.type) {
      case 'PredictionServed':
      case 'PredictionFailed': {
        const model = models.get(event.data.model);
        if (model === undefined) return;
        model.write(event);
        model.rows += 1;
        return;
      }
      case 'OutcomeObserved':
        writeOutcome(event);
        counts.outcomes += 1;
        return;
      case 'PredictionRejected':
        writeRejection(event);
        counts.rejections += 1;
        return;
      case 'ReplayCompleted':
        writeReplay(event);
        counts.replays += 1;
        return;
      case 'ModelRegistered':
      case 'ModelPromoted':
      case 'ModelRetired':
      case 'StateSnapshotted':
        return;
    }
  };

  return {
    add: async (events) => {
      // Truth is read by the schema at its own place in the log, so a registration ends a run of events.
      for (const run of runsBetweenRegistrations(events)) {
        const touched = foldSchemas(schemas, run);
        for (const model of touched) await prepareTable(database, models, model, schemas.get(model));
        for (const event of run) write(event);
      }
    },
    finish: async () => {
      for (const appender of [outcomes, rejections, replays]) appender.close();
      for (const [model, table] of models) {
        await widen(database, table, schemas.get(model) ?? emptySchema);
        table.appender.close();
      }
      return {
        schemas,
        predictions: new Map(
          [...models].map(([model, table]) => [model, { table: table.table, rows: table.rows }]),
        ),
        shared: counts,
      };
    },
  };
}

function runsBetweenRegistrations(events: readonly StoredEvent[]): (readonly StoredEvent[])[] {
  const runs: StoredEvent[][] = [[]];
  for (const event of events) {
    if (event.type === 'ModelRegistered') runs.push([]);
    runs.at(-1)?.push(event);
  }
  return runs.filter((run) => run.length > 0);
}

/** Folds what the events say about schemas; returns the models that have predictions among them. */
function foldSchemas(schemas: Map<string, DatasetSchema>, events: readonly StoredEvent[]): Set<string> {
  const touched = new Set<string>();
  for (const event of events) {
    if (event.type === 'ModelRegistered') {
      const { manifest } = event.data;
      schemas.set(manifest.name, withVersion(schemas.get(manifest.name) ?? emptySchema, manifest));
    } else if (event.type === 'PredictionServed' || event.type === 'PredictionFailed') {
      const { model } = event.data;
      touched.add(model);
      const before = schemas.get(model) ?? emptySchema;
      let schema = before;
      if (event.type === 'PredictionServed') {
        const { outputs } = event.data;
        for (const name of Object.keys(outputs)) {
          const value = outputs[name] ?? null;
          if (value !== null) schema = withOutput(schema, name, value);
        }
      }
      if (schema !== before || !schemas.has(model)) schemas.set(model, schema);
    }
  }
  return touched;
}

async function prepareTable(
  database: Database,
  models: Map<string, ModelTable>,
  model: string,
  schema: DatasetSchema = emptySchema,
): Promise<void> {
  const known = models.get(model);
  if (known !== undefined) {
    await widen(database, known, schema);
    return;
  }
  const table = `staged_of_${model}`;
  await database.run(createTableSql(table, tableColumns(schema)));
  models.set(model, { table, rows: 0, ...(await writerFor(database, table, schema)) });
}

/** Brings rows that were staged before the schema grew to its new columns, just as written parts are served. */
async function widen(database: Database, table: ModelTable, schema: DatasetSchema): Promise<void> {
  if (table.width === schema.columns.length) return;
  table.appender.close();
  const served = servedColumns(schema, table.width);
  const base = predictionColumns.map((column) =>
    column.name === 'extra' ? `${served.extra} AS extra` : `p.${identifier(column.name)}`,
  );
  const older = `${table.table}_older`;
  await database.run(`ALTER TABLE ${identifier(table.table)} RENAME TO ${identifier(older)}`);
  await database.run(createTableSql(table.table, tableColumns(schema)));
  await database.run(
    `INSERT INTO ${identifier(table.table)} SELECT ${[...base, ...served.fields].join(', ')} FROM ${identifier(older)} p`,
  );
  await database.run(`DROP TABLE ${identifier(older)}`);
  Object.assign(table, await writerFor(database, table.table, schema));
}

async function writerFor(
  database: Database,
  table: string,
  schema: DatasetSchema,
): Promise<Pick<ModelTable, 'appender' | 'write' | 'width'>> {
  const types = tableColumns(schema).map((column) => column.type);
  const appender = await openTableAppender(database.connection, table, types);
  return { appender, write: predictionRowWriter(appender, schema), width: schema.columns.length };
}

function tableColumns(schema: DatasetSchema): TableColumn[] {
  return [
    ...predictionColumns,
    ...schema.columns.map((column) => ({ name: column.column, type: column.type })),
  ];
}

async function openShared(database: Database, table: SharedTable): Promise<TableAppender> {
  const columns = sharedTables[table];
  await database.run(createTableSql(stagedTable(table), columns));
  return openTableAppender(
    database.connection,
    stagedTable(table),
    columns.map((column) => column.type),
  );
}
