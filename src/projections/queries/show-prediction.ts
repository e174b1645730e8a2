import { z } from 'zod';
import type { StoredEvent } from '../../schemas/events.js';
import type { JsonObject, Scalar } from '../../schemas/json-value.js';
import type { LogReader } from '../../services/event-log/event-log.js';
import { errors } from '../../services/platform/errors.js';
import type { Analytics } from '../datasets/open-analytics.js';
import type { Session } from '../datasets/open-session.js';
import { isUuid } from '../datasets/row-writers.js';
import type { SqlValue } from '../duckdb/open-duckdb.js';
import { identifier, literal } from '../duckdb/sql-text.js';

type PredictionEvent = Extract<StoredEvent, { type: 'PredictionServed' | 'PredictionFailed' }>;

/** One outcome that speaks of the prediction. Times: micros UTC. */
export interface ShownOutcome {
  readonly truth: string | null;
  readonly knownAt: number;
  readonly observedAt: number;
  readonly recordedAt: number;
  readonly origin: string;
  readonly source: string | null;
  readonly position: string;
}

/** A replay of the prediction's model, made after it, whose range covers it. */
export interface ShownReplay {
  readonly replayId: string;
  /** `recorded`, or the version that was run as the control. */
  readonly controlVersion: string;
  readonly candidateVersion: string;
  /** Of the artefact that it ran; undefined here and below: its summary does not say. */
  readonly candidateDigest: string | undefined;
  readonly verdict: string;
  readonly reason: string | undefined;
  readonly expect: string | undefined;
  readonly occurredAt: number;
  /** SHA-256 of its report.json. */
  readonly reportDigest: string;
  readonly tolerance: number | undefined;
  /** `feature = value` that the candidate was given in every row. */
  readonly given: readonly string[];
  /** Why rows in range may not have been compared: its condition, its sample, the conditions of its exceptions. */
  readonly where: string | undefined;
  readonly sample: number | undefined;
  readonly ignored: readonly string[];
}

/** One prediction whole. Times: micros UTC. */
export interface ShownPrediction {
  readonly id: string;
  readonly position: string;
  readonly model: string;
  readonly version: string;
  readonly status: 'served' | 'failed';
  readonly requestId: string;
  readonly row: number;
  readonly key: string | null;
  readonly occurredAt: number;
  readonly recordedAt: number;
  readonly provenance: PredictionEvent['data']['provenance'];
  readonly subject: string | null;
  readonly traceparent: string | null;
  /** As received, with fields that the model does not use. */
  readonly inputs: JsonObject;
  readonly outputs: { readonly [role: string]: Scalar };
  readonly violations: readonly { readonly field: string; readonly kind: string; readonly message: string }[];
  /** Code and message of a prediction that failed. */
  readonly failure: { readonly code: string; readonly message: string } | undefined;
  readonly latencyMs: number | undefined;
  /** Waiting for the shared run, and the run itself. */
  readonly latency: { readonly queueMicros: number; readonly inferenceMicros: number } | undefined;
  /** Rows in the run that this row shared. */
  readonly batchRows: number | undefined;
  /** Undefined for a prediction that failed. */
  readonly durability: 'durable' | 'buffered' | undefined;
  /** Of a buffered one: a commit was to begin within so many milliseconds. */
  readonly bufferWindowMs: number | undefined;
  /** The truth in force, and every outcome about it, as it became known. */
  readonly truth: string | number | null;
  readonly truthHistory: readonly ShownOutcome[];
  readonly replays: readonly ShownReplay[];
}

/** Everything that is known of one prediction. Throws PREDICTION_NOT_FOUND, and PREDICTION_DROPPED when retention took its event. */
export async function showPrediction(options: {
  readonly analytics: Analytics;
  readonly reader: LogReader;
  readonly id: string;
}): Promise<ShownPrediction> {
  const { analytics, reader, id } = options;
  if (!isUuid(id)) throw errors.PREDICTION_NOT_FOUND({ id });
  const found = await analytics.with((session) => find(session, id));
  if (found === undefined) throw errors.PREDICTION_NOT_FOUND({ id });
  const { firstPosition } = await reader.head();
  if (found.position < firstPosition) {
    throw errors.PREDICTION_DROPPED({ id, position: String(found.position) });
  }
  const event = await readEvent(reader, found.position);
  if (event === undefined) throw errors.PREDICTION_NOT_FOUND({ id });
  const { data } = event;
  const served = event.type === 'PredictionServed' ? event.data : undefined;
  return {
    id: event.id,
    position: String(event.position),
    model: data.model,
    version: data.version,
    status: served === undefined ? 'failed' : 'served',
    requestId: data.requestId,
    row: data.row,
    key: data.key ?? null,
    occurredAt: event.occurredAt,
    recordedAt: event.recordedAt,
    provenance: data.provenance,
    subject: event.sensitive?.subject ?? null,
    traceparent: event.traceparent ?? null,
    inputs: event.sensitive?.inputs ?? {},
    outputs: served?.outputs ?? {},
    violations: served?.violations ?? [],
    failure:
      event.type === 'PredictionFailed' ? { code: event.data.code, message: event.data.message } : undefined,
    latencyMs:
      served?.latency === undefined
        ? undefined
        : (served.latency.queueMicros + served.latency.inferenceMicros) / 1000,
    latency: served?.latency,
    batchRows: served?.batchRows,
    durability: served?.durability,
    bufferWindowMs: served?.bufferWindowMs,
    truth: found.truth,
    truthHistory: await analytics.with((session) => truthHistory(session, event)),
    replays: await analytics.with((session) => replaysOf(session, event)),
  };
}

async function find(
  session: Session,
  id: string,
): Promise<{ readonly position: number; readonly truth: string | number | null } | undefined> {
  for (const { view } of session.models) {
    const [row] = await session.database.rows(
      `SELECT position, truth FROM ${identifier(view)} WHERE prediction_id = ${literal(id)}::UUID LIMIT 1`,
    );
    if (row === undefined) continue;
    const [position, truth] = row;
    return {
      position: Number(position),
      truth: typeof truth === 'string' || typeof truth === 'number' ? truth : null,
    };
  }
  return undefined;
}

async function readEvent(reader: LogReader, position: number): Promise<PredictionEvent | undefined> {
  for await (const batch of reader.read({ fromPosition: position, untilPosition: position + 1 })) {
    for (const event of batch) {
      if (event.type === 'PredictionServed' || event.type === 'PredictionFailed') return event;
    }
  }
  return undefined;
}

async function truthHistory(session: Session, event: PredictionEvent): Promise<readonly ShownOutcome[]> {
  const { data } = event;
  const byKey =
    data.key === undefined
      ? ''
      : ` OR (prediction_id IS NULL AND request_id IS NULL AND key = ${literal(data.key)})`;
  const rows = await session.database.rows(
    `SELECT truth, known_at, observed_at, recorded_at, origin, source, position FROM outcomes WHERE model = ${literal(data.model)} AND (TRY_CAST(prediction_id AS UUID) = ${literal(event.id)}::UUID OR (prediction_id IS NULL AND request_id = ${literal(data.requestId)} AND coalesce("row", 0) = ${data.row})${byKey}) ORDER BY known_at, position`,
  );
  return rows.map(([truth, knownAt, observedAt, recordedAt, origin, source, position]) => ({
    truth: textOrNull(truth),
    knownAt: Number(knownAt),
    observedAt: Number(observedAt),
    recordedAt: Number(recordedAt),
    origin: String(origin),
    source: textOrNull(source),
    position: String(position),
  }));
}

async function replaysOf(session: Session, event: PredictionEvent): Promise<readonly ShownReplay[]> {
  const rows = await session.database.rows(
    `SELECT replay_id, control_version, candidate_version, verdict, occurred_at, report_digest, summary FROM replays WHERE model = ${literal(event.data.model)} AND position > ${event.position} ORDER BY position`,
  );
  return rows.flatMap(
    ([replayId, controlVersion, candidateVersion, verdict, occurredAt, reportDigest, text]) => {
      // A summary that says less, of an earlier release or another maker, still is one.
      const summary = ReplaySummary.catch({}).parse(JSON.parse(String(text)));
      if (!covers(summary.range, event.occurredAt)) return [];
      const { settings } = summary;
      return [
        {
          replayId: String(replayId),
          controlVersion: String(controlVersion),
          candidateVersion: String(candidateVersion),
          candidateDigest: summary.candidateDigest,
          verdict: String(verdict),
          reason: summary.reason,
          expect: summary.expect,
          occurredAt: Number(occurredAt),
          reportDigest: String(reportDigest),
          tolerance: settings?.tolerance,
          given: settings?.given ?? [],
          where: settings?.where ?? undefined,
          sample: settings?.sample ?? undefined,
          ignored: settings?.ignored?.map(({ where }) => where) ?? [],
        },
      ];
    },
  );
}

const ReplaySummary = z.object({
  range: z.object({ from: z.iso.datetime(), until: z.iso.datetime() }).optional().catch(undefined),
  reason: z.string().optional().catch(undefined),
  expect: z.string().optional().catch(undefined),
  candidateDigest: z.string().optional().catch(undefined),
  settings: z
    .object({
      tolerance: z.number().optional(),
      given: z.array(z.string()).optional(),
      where: z.string().nullable().optional(),
      sample: z.number().nullable().optional(),
      ignored: z.array(z.object({ where: z.string() })).optional(),
    })
    .optional()
    .catch(undefined),
});

/** Whether a range holds an instant: from inclusive, until exclusive. A summary without one is taken to. */
function covers(
  range: { readonly from: string; readonly until: string } | undefined,
  micros: number,
): boolean {
  return range === undefined || (microsOf(range.from) <= micros && micros < microsOf(range.until));
}

/** The instant with its microseconds, which a Date would drop. */
function microsOf(instant: string): number {
  const digits = /\.(\d+)Z$/.exec(instant)?.[1] ?? '';
  return Date.parse(instant.replace(/\.\d+Z$/, 'Z')) * 1000 + Number(digits.slice(0, 6).padEnd(6, '0'));
}

function textOrNull(value: SqlValue | undefined): string | null {
  return value === null || value === undefined ? null : String(value);
}
