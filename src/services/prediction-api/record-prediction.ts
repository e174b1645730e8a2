import type { Durability } from '../../schemas/durability.js';
import type { NewEvent, PredictionFailed, PredictionServed, Violation } from '../../schemas/events.js';
import type { JsonObject, Scalar } from '../../schemas/json-value.js';
import type { PredictedRows } from '../inference/shared-run.js';
import type { AppendReceipt, EventAppender } from '../event-log/event-log.js';
import { receiptPosition } from '../event-log/receipt-position.js';
import type { Clock } from '../platform/clock.js';
import type { HindcastError } from '../platform/errors.js';
import { errors } from '../platform/errors.js';
import type { Metrics } from '../platform/metrics.js';
import { newId } from '../platform/new-id.js';
import type { RecentPredictions } from './recent-predictions.js';
import { rejectedEvent } from './record-rejection.js';
import type { RejectionRecorder } from './record-rejection.js';
import { isAnswerEvent } from './answer-events.js';
import type { ServingModel, ServingModels } from './serving-models.js';

export interface RowToPredict {
  readonly inputs: JsonObject;
  readonly key?: string | undefined;
  readonly subject?: string | undefined;
  /** Microseconds UTC; the clock's now unless a seeding says when it happened. */
  readonly occurredAt?: number;
  /** Its index in the request as the caller sees it; its place in `rows` unless told. */
  readonly row?: number;
}

export interface PredictionRequest {
  readonly model: string;
  readonly requestId: string;
  readonly traceparent?: string | undefined;
  /** In the order of the request, without what was no row at all. */
  readonly rows: readonly RowToPredict[];
  /** Recorded with every row, so that a repeated request finds its answer; undefined: none was asked for. */
  readonly idempotency?: IdempotencyMark | undefined;
}

/** Digests (see the events' schema) of an Idempotency-Key with its scope, and of the body that came with it. */
export interface IdempotencyMark {
  readonly key: string;
  readonly body: string;
}

export type RowReply =
  | {
      readonly kind: 'served';
      readonly row: number;
      readonly predictionId: string;
      /** Null while the event waits in the spool. */
      readonly position: number | null;
      readonly outputs: { readonly [role: string]: Scalar };
      readonly violations: readonly Violation[] | undefined;
    }
  | {
      readonly kind: 'rejected';
      readonly row: number;
      readonly error: HindcastError;
      readonly violations: readonly Violation[];
      /** The row as received; undefined when the answer comes from the record. */
      readonly source?: RowToPredict;
    };

export interface PredictionReply {
  readonly requestId: string;
  readonly model: string;
  readonly version: string;
  readonly rows: readonly RowReply[];
  /** What was promised of the served rows; undefined: none was served. */
  readonly durability?: Durability | undefined;
  /** Where the answer stands in the log; undefined when it was recorded without an idempotency mark. */
  readonly recorded?: RecordedAnswer | undefined;
  /** It is the answer to an earlier request with the same Idempotency-Key. */
  readonly replayed?: boolean;
}

/** Where the events of one answer stand. Times: microseconds UTC. */
export interface RecordedAnswer {
  /** Undefined where the log does not tell: they have `occurredAt` in common. */
  readonly firstPosition: number | undefined;
  readonly lastPosition: number;
  readonly events: number;
  readonly occurredAt: number;
  readonly recordedAt: number;
}

export type RecordPredictions = (request: PredictionRequest) => Promise<PredictionReply>;

/**
 * The use case: validate → infer → append → reply. The reply leaves only after every served row is durable, or, with
 * buffered durability, will be so within the window; a row that breaks the contract is refused by itself and costs the
 * others nothing.
 */
export function createRecordPredictions(options: {
  readonly models: ServingModels;
  readonly log: EventAppender;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly rejections: RejectionRecorder;
  readonly recent: RecentPredictions;
  /** What the log was opened with; `durable` unless told. */
  readonly durability?: Durability;
}): RecordPredictions {
  const { models, log, clock, metrics, rejections, recent } = options;
  const { durability = { mode: 'durable' } } = options;
  return async (request) => {
    const started = performance.now();
    const serving = models.serving(request.model);
    const { accepted, refused } = validate(serving, request);
    if (refused.length > 0) {
      metrics.rejected(request.model, refused.length);
      if (request.idempotency === undefined || accepted.length === 0) rejections.record(request, refused);
    }
    if (accepted.length === 0) return reply(serving, request, refused);

    const predicted = await serving.runner.predict(accepted.map((row) => row.inputs));
    const now = clock.nowMicros();
    const { events, served, failed } = eventsOf({ serving, request, accepted, predicted, now, durability });
    const marked = request.idempotency !== undefined && served.length > 0;
    if (marked) {
      // What a repeated request must be told again stands in the log with what was served.
      for (const row of refused) events.push(rejectedEvent(request, row, now));
      mark(events, request.idempotency);
    } else if (request.idempotency !== undefined && refused.length > 0) rejections.record(request, refused);
    countRows(metrics, request.model, served, failed);
    const appending = performance.now();
    const receipt = await log.append(events);
    const acknowledged = performance.now();
    metrics.appendSeconds((acknowledged - appending) / 1000);
    metrics.predictions(request.model, serving.manifest.version, served.length);
    const position = receiptPosition(receipt, events.length - 1);
    if (position !== null) metrics.logPosition(position + 1);
    const replies: RowReply[] = served.map(({ row, event, offset }) => {
      recent.add(request.model, event.id, request.requestId, row.index, row.row.key);
      return {
        kind: 'served',
        row: row.index,
        predictionId: event.id,
        position: receiptPosition(receipt, offset),
        outputs: event.data.outputs,
        violations: row.violations,
      };
    });
    metrics.requestSeconds((acknowledged - started) / 1000);
    const allServed = refused.length === 0 && failed.length === 0;
    const answer = reply(
      serving,
      request,
      allServed ? replies : [...replies, ...refused, ...failed].toSorted((a, b) => a.row - b.row),
    );
    const promised = served.length === 0 ? answer : { ...answer, durability };
    return marked ? { ...promised, recorded: recordedBy(receipt, events.length, now) } : promised;
  };
}

interface AcceptedRow {
  readonly row: RowToPredict;
  readonly inputs: JsonObject;
  /** Index in the request. */
  readonly index: number;
  readonly violations: readonly Violation[] | undefined;
}

interface ServedRow {
  readonly row: AcceptedRow;
  readonly event: PredictionServed;
  /** Place in the append. */
  readonly offset: number;
}

export type RefusedRow = Extract<RowReply, { kind: 'rejected' }>;

function validate(
  serving: ServingModel,
  request: PredictionRequest,
): { accepted: AcceptedRow[]; refused: RefusedRow[] } {
  const accepted: AcceptedRow[] = [];
  const refused: RefusedRow[] = [];
  let index = 0;
  for (const row of request.rows) {
    const check = serving.check(row.inputs);
    if (check.kind === 'accepted') {
      accepted.push({ row, inputs: row.inputs, index: row.row ?? index, violations: check.violations });
    } else {
      const problem = check.violations.map((violation) => violation.message).join('; ');
      refused.push({
        kind: 'rejected',
        row: row.row ?? index,
        error: errors.ROW_INVALID({ problem }),
        violations: check.violations,
        source: row,
      });
    }
    index += 1;
  }
  return { accepted, refused };
}

function eventsOf(fields: {
  serving: ServingModel;
  request: PredictionRequest;
  accepted: readonly AcceptedRow[];
  predicted: PredictedRows;
  now: number;
  durability: Durability;
}): { events: NewEvent[]; served: ServedRow[]; failed: RefusedRow[] } {
  const { serving, request, accepted, predicted, now, durability } = fields;
  const events: NewEvent[] = [];
  const served: ServedRow[] = [];
  const failed: RefusedRow[] = [];
  let at = 0;
  for (const row of accepted) {
    const outcome = predicted.rows[at];
    at += 1;
    if (outcome === undefined) throw errors.INTERNAL({ problem: 'the shared run lost a row' });
    if (outcome.kind === 'predicted') {
      const event = servedEvent({
        serving,
        request,
        row,
        predicted,
        outputs: outcome.outputs,
        now,
        durability,
      });
      served.push({ row, event, offset: events.length });
      events.push(event);
    } else {
      events.push(failedEvent({ serving, request, row, error: outcome.error, now }));
      failed.push({ kind: 'rejected', row: row.index, error: outcome.error, violations: [] });
    }
  }
  return { events, served, failed };
}

function mark(events: readonly NewEvent[], idempotency: IdempotencyMark): void {
  for (const event of events) {
    if (!isAnswerEvent(event)) continue;
    event.data.idempotencyDigest = idempotency.key;
    event.data.bodyDigest = idempotency.body;
  }
}

function recordedBy(receipt: AppendReceipt, events: number, occurredAt: number): RecordedAnswer {
  const { firstPosition, recordedAt } = receipt;
  return receipt.placed === 'at-or-before'
    ? { firstPosition: undefined, lastPosition: firstPosition, events, occurredAt, recordedAt }
    : { firstPosition, lastPosition: firstPosition + events - 1, events, occurredAt, recordedAt };
}

function countRows(
  metrics: Metrics,
  model: string,
  served: readonly ServedRow[],
  failed: readonly RefusedRow[],
): void {
  if (failed.length > 0) metrics.failed(model, failed.length);
  for (const { row } of served) for (const { kind } of row.violations ?? []) metrics.violations(model, kind);
}

/** Optional fields are added one by one: this runs for every row, and spreading costs more than the rest of it. */
function servedEvent(fields: {
  serving: ServingModel;
  request: PredictionRequest;
  row: AcceptedRow;
  predicted: PredictedRows;
  outputs: { readonly [role: string]: Scalar };
  now: number;
  durability: Durability;
}): PredictionServed {
  const { serving, request, row, predicted } = fields;
  const { key, subject, occurredAt } = row.row;
  const event: PredictionServed = {
    type: 'PredictionServed',
    schemaVersion: 1,
    id: newId(),
    stream: serving.stream,
    occurredAt: occurredAt ?? fields.now,
    data: {
      requestId: request.requestId,
      row: row.index,
      model: serving.manifest.name,
      version: serving.manifest.version,
      provenance: serving.inference.servedBy,
      batchRows: predicted.batchRows,
      latency: { queueMicros: predicted.queueMicros, inferenceMicros: predicted.inferenceMicros },
      outputs: fields.outputs,
      durability: fields.durability.mode,
    },
    sensitive: subject === undefined ? { inputs: row.inputs } : { inputs: row.inputs, subject },
  };
  if (request.traceparent !== undefined) event.traceparent = request.traceparent;
  if (key !== undefined) event.data.key = key;
  if (fields.durability.mode === 'buffered') event.data.bufferWindowMs = fields.durability.windowMs;
  if (row.violations !== undefined) event.data.violations = [...row.violations];
  return event;
}

function failedEvent(fields: {
  serving: ServingModel;
  request: PredictionRequest;
  row: AcceptedRow;
  error: HindcastError;
  now: number;
}): PredictionFailed {
  const { serving, request, row, error } = fields;
  const { key, subject, occurredAt } = row.row;
  return {
    type: 'PredictionFailed',
    schemaVersion: 1,
    id: newId(),
    stream: serving.stream,
    occurredAt: occurredAt ?? fields.now,
    ...(request.traceparent === undefined ? undefined : { traceparent: request.traceparent }),
    data: {
      requestId: request.requestId,
      row: row.index,
      ...(key === undefined ? undefined : { key }),
      model: serving.manifest.name,
      version: serving.manifest.version,
      provenance: serving.inference.servedBy,
      code: error.code,
      message: error.message,
    },
    sensitive: subject === undefined ? { inputs: row.inputs } : { inputs: row.inputs, subject },
  };
}

function reply(
  serving: ServingModel,
  request: PredictionRequest,
  rows: readonly RowReply[],
): PredictionReply {
  return {
    requestId: request.requestId,
    model: serving.manifest.name,
    version: serving.manifest.version,
    rows,
  };
}
