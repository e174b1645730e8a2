import { basename } from 'node:path';
import type { NewEvent, OutcomeObserved, PredictionServed } from '../schemas/events.js';
import { streamOf } from '../schemas/events.js';
import { ImportMapping } from '../schemas/import-mapping.js';
import type { JsonValue } from '../schemas/json-value.js';
import type { SqlValue } from '../projections/duckdb/open-duckdb.js';
import { openForeignTable } from '../projections/duckdb/read-foreign-table.js';
import type { EventAppender } from '../services/event-log/event-log.js';
import { errors } from '../services/platform/errors.js';
import { newId } from '../services/platform/new-id.js';
import { readYamlFile } from '../services/platform/yaml-file.js';
import { foreignInstant, foreignScalar } from './foreign-values.js';

export interface ImportSummary {
  readonly predictions: number;
  readonly outcomes: number;
  /** Rows that could not be taken, by reason. */
  readonly skipped: ReadonlyMap<string, number>;
}

const eventsPerAppend = 8_192;

/**
 * Appends the predictions (and truths) of a foreign table as imported events. The mapping is held against the
 * columns before the first row is read: IMPORT_MAPPING_INVALID names what does not fit, and nothing is appended.
 */
export async function importPredictions(options: {
  readonly file: string;
  readonly mapping: string;
  readonly appender: EventAppender;
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}): Promise<ImportSummary> {
  const mapping = await readMapping(options.mapping);
  const table = await openForeignTable(options.file);
  try {
    const toEvents = rowReader(
      mapping,
      options,
      table.columns.map((column) => column.name),
    );
    const skipped = new Map<string, number>();
    let [predictions, outcomes, done] = [0, 0, 0];
    let pending: NewEvent[] = [];
    const flush = async (): Promise<void> => {
      if (pending.length > 0) await options.appender.append(pending);
      pending = [];
    };
    for await (const rows of table.rows()) {
      options.signal?.throwIfAborted();
      for (const row of rows) {
        const read = toEvents(row);
        if (read.kind === 'skipped') skipped.set(read.reason, (skipped.get(read.reason) ?? 0) + 1);
        else {
          pending.push(read.prediction);
          predictions += 1;
          if (read.outcome !== undefined) {
            pending.push(read.outcome);
            outcomes += 1;
          }
        }
      }
      if (pending.length >= eventsPerAppend) await flush();
      done += rows.length;
      options.onProgress?.(done, table.rowCount);
    }
    await flush();
    return { predictions, outcomes, skipped };
  } finally {
    await table.close();
  }
}

async function readMapping(path: string): Promise<ImportMapping> {
  const read = await readYamlFile(path, ImportMapping);
  if (read.kind === 'read') return read.value;
  if (read.kind === 'absent') throw errors.FILE_NOT_FOUND({ path });
  throw errors.IMPORT_MAPPING_INVALID({ path, problem: read.problem });
}

type ReadRow =
  | {
      readonly kind: 'read';
      readonly prediction: PredictionServed;
      readonly outcome: OutcomeObserved | undefined;
    }
  | { readonly kind: 'skipped'; readonly reason: string };

function rowReader(
  mapping: ImportMapping,
  paths: { readonly file: string; readonly mapping: string },
  names: readonly string[],
): (row: readonly SqlValue[]) => ReadRow {
  const indexOf = (column: string, where: string): number => {
    const index = names.indexOf(column);
    if (index < 0) {
      throw errors.IMPORT_MAPPING_INVALID({
        path: paths.mapping,
        problem: `${where} names the column "${column}", and ${basename(paths.file)} has ${names.join(', ')}`,
      });
    }
    return index;
  };
  const optional = (column: string | undefined, where: string): number | undefined =>
    column === undefined ? undefined : indexOf(column, where);
  const { columns } = mapping;
  const occurredAtIndex = indexOf(columns.occurredAt, 'columns.occurredAt');
  const key = optional(columns.key, 'columns.key');
  const requestId = optional(columns.requestId, 'columns.requestId');
  const subject = optional(columns.subject, 'columns.subject');
  const truth = optional(columns.truth, 'columns.truth');
  const observedAt = optional(columns.observedAt, 'columns.observedAt');
  const outputs = Object.entries(columns.outputs).map(([role, column]) => ({
    role,
    index: indexOf(column, `columns.outputs.${role}`),
  }));
  if (outputs.length === 0)
    throw errors.IMPORT_MAPPING_INVALID({ path: paths.mapping, problem: 'columns.outputs names no output' });
  const inputs = inputColumns(mapping, names).map(({ field, column }) => ({
    field,
    index: indexOf(column, `inputs.${field}`),
  }));
  const source = mapping.source ?? basename(paths.file);

  return (row) => {
    const occurredAt = foreignInstant(row[occurredAtIndex]);
    if (occurredAt === undefined) return { kind: 'skipped', reason: `${columns.occurredAt} is no instant` };
    const id = newId();
    const text = (index: number | undefined): string | undefined => {
      const value = index === undefined ? null : (row[index] ?? null);
      return value === null || value === '' ? undefined : String(value);
    };
    const rowKey = text(key);
    const rowSubject = text(subject);
    const prediction: PredictionServed = {
      type: 'PredictionServed',
      schemaVersion: 1,
      id,
      stream: streamOf('prediction', mapping.model),
      occurredAt,
      data: {
        requestId: text(requestId) ?? id,
        row: 0,
        ...(rowKey === undefined ? undefined : { key: rowKey }),
        model: mapping.model,
        version: mapping.version,
        provenance: { kind: 'imported', source },
        outputs: Object.fromEntries(outputs.map(({ role, index }) => [role, foreignScalar(row[index])])),
        durability: 'durable',
      },
      sensitive: {
        inputs: Object.fromEntries(
          inputs.map(({ field, index }): [string, JsonValue] => [field, foreignScalar(row[index])]),
        ),
        ...(rowSubject === undefined ? undefined : { subject: rowSubject }),
      },
    };
    const value = truth === undefined ? null : foreignScalar(row[truth]);
    if (value === null) return { kind: 'read', prediction, outcome: undefined };
    const known = (observedAt === undefined ? undefined : foreignInstant(row[observedAt])) ?? occurredAt;
    return {
      kind: 'read',
      prediction,
      outcome: {
        type: 'OutcomeObserved',
        schemaVersion: 1,
        id: newId(),
        stream: streamOf('outcome', mapping.model),
        occurredAt: known,
        data: {
          model: mapping.model,
          predictionId: id,
          truth: typeof value === 'boolean' ? Number(value) : value,
          observedAt: known,
          origin: 'imported',
          source,
        },
      },
    };
  };
}

function inputColumns(
  mapping: ImportMapping,
  names: readonly string[],
): readonly { readonly field: string; readonly column: string }[] {
  const { inputs, columns } = mapping;
  if (Array.isArray(inputs)) return inputs.map((column) => ({ field: column, column }));
  if (inputs !== undefined) return Object.entries(inputs).map(([field, column]) => ({ field, column }));
  const named = new Set([
    columns.occurredAt,
    columns.key,
    columns.requestId,
    columns.subject,
    columns.truth,
    columns.observedAt,
    ...Object.values(columns.outputs),
  ]);
  return names.filter((name) => !named.has(name)).map((column) => ({ field: column, column }));
}
