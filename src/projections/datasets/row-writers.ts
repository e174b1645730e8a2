import type { StoredEvent } from '../../schemas/events.js';
import type { JsonObject, JsonValue } from '../../schemas/json-value.js';
import { errors } from '../../services/platform/errors.js';
import { limits } from '../../services/platform/limits.js';
import type { ColumnWriter, TableAppender } from '../duckdb/table-appender.js';
import { fits, type DatasetSchema, type FieldColumn } from './dataset-schema.js';

type PredictionEvent = Extract<StoredEvent, { type: 'PredictionServed' | 'PredictionFailed' }>;
type OutcomeEvent = Extract<StoredEvent, { type: 'OutcomeObserved' }>;
type RejectionEvent = Extract<StoredEvent, { type: 'PredictionRejected' }>;
type ReplayEvent = Extract<StoredEvent, { type: 'ReplayCompleted' }>;

interface FieldWriter {
  readonly column: FieldColumn;
  readonly writer: ColumnWriter;
}

const uuidForm = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Whether a text is a UUID as the log's envelope has it. */
export function isUuid(text: string): boolean {
  return uuidForm.test(text);
}

/** Writes prediction events as rows of a model's table: `predictionColumns`, then the schema's columns. */
export function predictionRowWriter(
  appender: TableAppender,
  schema: DatasetSchema,
): (event: PredictionEvent) => void {
  const next = sequence(appender);
  const position = next();
  const predictionId = next();
  const requestId = next();
  const row = next();
  const key = next();
  const occurredAt = next();
  const recordedAt = next();
  const version = next();
  const modelDigest = next();
  const status = next();
  const latency = next();
  const subject = next();
  const traceId = next();
  const extra = next();
  const inputs = new Map<string, FieldWriter[]>();
  const outputs = new Map<string, FieldWriter[]>();
  for (const column of schema.columns) {
    const fields = column.kind === 'input' ? inputs : outputs;
    const list = fields.get(column.field) ?? [];
    list.push({ column, writer: next() });
    fields.set(column.field, list);
  }
  // One map for all rows: nearly all of them leave it empty.
  const rest = new Map<string, JsonValue>();

  return (event) => {
    const { data } = event;
    if (!isUuid(event.id)) {
      throw errors.LOG_EVENT_INVALID({
        problem: `the prediction at position ${event.position} has the id ${event.id}, which is not a UUID`,
      });
    }
    position.number(event.position);
    predictionId.text(event.id);
    requestId.text(data.requestId);
    row.number(data.row);
    if (data.key !== undefined) key.text(data.key);
    occurredAt.number(event.occurredAt);
    recordedAt.number(event.recordedAt);
    version.text(data.version);
    if (data.provenance.kind === 'served') modelDigest.text(data.provenance.artefactDigest);
    status.text(event.type === 'PredictionServed' ? 'served' : 'failed');
    if (event.sensitive?.subject !== undefined) subject.text(event.sensitive.subject);
    const trace = event.traceparent?.split('-')[1];
    if (trace !== undefined) traceId.text(trace);
    rest.clear();
    if (event.sensitive?.inputs !== undefined) writeInputs(event.sensitive.inputs, inputs, rest);
    if (event.type === 'PredictionServed') {
      const micros = event.data.latency;
      if (micros !== undefined) latency.number((micros.queueMicros + micros.inferenceMicros) / 1000);
      const values = event.data.outputs;
      for (const name of Object.keys(values)) {
        const value = values[name] ?? null;
        if (value !== null && !writeField(outputs.get(name), value)) rest.set(`out_${name}`, value);
      }
    }
    const text = boundedJson(rest);
    if (text !== undefined) extra.text(text);
    appender.endRow();
  };
}

/** Writes outcomes. `schemaOf`: what truth means for the model at this point of the log. */
export function outcomeRowWriter(
  appender: TableAppender,
  schemaOf: (model: string) => DatasetSchema | undefined,
): (event: OutcomeEvent) => void {
  const { writers } = appender;
  const put = columnSetter(writers);
  return (event) => {
    const { data } = event;
    put.number(0, event.position);
    put.text(1, event.id);
    put.text(2, data.model);
    put.text(3, data.predictionId);
    put.text(4, data.requestId);
    put.number(5, data.row);
    put.text(6, data.key);
    put.text(7, data.truth === null ? undefined : String(data.truth));
    put.number(8, truthNumber(data.truth, schemaOf(data.model)));
    put.number(9, data.origin === 'live' ? event.recordedAt : data.observedAt);
    put.number(10, data.observedAt);
    put.number(11, event.recordedAt);
    put.number(12, event.occurredAt);
    put.text(13, data.origin);
    put.text(14, data.source);
    put.number(15, targetOf(data));
    appender.endRow();
  };
}

/** Writes rejected requests. */
export function rejectionRowWriter(appender: TableAppender): (event: RejectionEvent) => void {
  const put = columnSetter(appender.writers);
  return (event) => {
    const { data } = event;
    put.number(0, event.position);
    put.text(1, event.id);
    put.text(2, data.model);
    put.text(3, data.requestId);
    put.number(4, data.row);
    put.text(5, data.key);
    put.number(6, event.occurredAt);
    put.number(7, event.recordedAt);
    put.text(8, data.code);
    put.text(9, data.message);
    put.text(10, data.violations === undefined ? undefined : JSON.stringify(data.violations));
    put.text(11, event.sensitive?.rawBody);
    appender.endRow();
  };
}

/** Writes the summaries of replays. */
export function replayRowWriter(appender: TableAppender): (event: ReplayEvent) => void {
  const put = columnSetter(appender.writers);
  return (event) => {
    const { data } = event;
    put.number(0, event.position);
    put.text(1, data.replayId);
    put.text(2, data.model);
    put.text(3, data.controlVersion);
    put.text(4, data.candidateVersion);
    put.text(5, data.verdict);
    put.number(6, data.exitCode);
    put.text(7, data.reportDigest);
    put.text(8, JSON.stringify(data.summary));
    put.number(9, event.occurredAt);
    put.number(10, event.recordedAt);
    appender.endRow();
  };
}

/** The truth as a number: 1 for the positive class of a binary model, 0 for another class, else the number itself. */
export function truthNumber(
  truth: string | number | boolean | null,
  schema: DatasetSchema | undefined,
): number | undefined {
  if (truth === null) return undefined;
  if (typeof truth === 'boolean') return truth ? 1 : 0;
  const positive = schema?.positiveClass;
  if (schema?.binary === true && positive !== undefined && positive !== 1) {
    return String(truth) === String(positive) ? 1 : 0;
  }
  if (typeof truth === 'number') return truth;
  const number = truth.trim() === '' ? Number.NaN : Number(truth);
  return Number.isNaN(number) ? undefined : number;
}

function targetOf(data: OutcomeEvent['data']): number {
  if (data.predictionId !== undefined) return 1;
  return data.requestId === undefined ? 3 : 2;
}

function writeInputs(
  values: JsonObject,
  inputs: ReadonlyMap<string, readonly FieldWriter[]>,
  rest: Map<string, JsonValue>,
): void {
  for (const name of Object.keys(values)) {
    const value = values[name];
    if (value === undefined) continue;
    const writers = inputs.get(name);
    if (value === null) {
      if (writers === undefined) rest.set(name, null);
    } else if (!writeField(writers, value)) {
      rest.set(name, value);
    }
  }
}

/** Writes the value to every column of the field that it fits; false: none. */
function writeField(writers: readonly FieldWriter[] | undefined, value: JsonValue): boolean {
  if (writers === undefined) return false;
  let written = false;
  for (const { column, writer } of writers) {
    if (!fits(column.type, value)) continue;
    written = true;
    if (typeof value === 'number') writer.number(value);
    else if (typeof value === 'boolean') writer.boolean(value);
    else if (typeof value === 'string') {
      if (column.type === 'VARCHAR') writer.text(value);
      else if (column.type === 'BIGINT') writer.decimal(value);
      else writer.number(Number(value));
    }
  }
  return written;
}

/** Undeclared fields as JSON text, at most `limits.extraBytesMax` long; `$dropped` counts fields that were too much. */
function boundedJson(fields: ReadonlyMap<string, JsonValue>): string | undefined {
  if (fields.size === 0) return undefined;
  const parts: string[] = [];
  let length = 32;
  let dropped = 0;
  for (const [name, value] of fields) {
    const part = `${JSON.stringify(name)}:${JSON.stringify(value, nonFiniteAsText)}`;
    if (length + part.length > limits.extraBytesMax) {
      dropped += 1;
    } else {
      parts.push(part);
      length += part.length + 1;
    }
  }
  if (dropped > 0) parts.push(`"$dropped":${dropped}`);
  return `{${parts.join(',')}}`;
}

function nonFiniteAsText(_name: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
}

function sequence(appender: TableAppender): () => ColumnWriter {
  const writers = appender.writers.values();
  return () => {
    const next = writers.next();
    if (next.done === true) throw errors.INTERNAL({ problem: 'a table has fewer columns than its schema' });
    return next.value;
  };
}

function columnSetter(writers: readonly ColumnWriter[]): {
  number(index: number, value: number | undefined): void;
  text(index: number, value: string | undefined): void;
} {
  return {
    number: (index, value) => {
      if (value !== undefined) writers[index]?.number(value);
    },
    text: (index, value) => {
      if (value !== undefined) writers[index]?.text(value);
    },
  };
}
