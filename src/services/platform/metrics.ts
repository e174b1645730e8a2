import type { Durability } from '../../schemas/durability.js';
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

const secondsBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

/** Every metric of the server, each named and helped here; `text()` is what /metrics answers. */
export interface Metrics {
  readonly contentType: string;
  text(): Promise<string>;
  predictions(model: string, version: string, rows: number): void;
  rejected(model: string, rows: number): void;
  rejectionsNotStored(rows: number): void;
  failed(model: string, rows: number): void;
  violations(model: string, kind: string): void;
  outcomes(model: string, rows: number): void;
  refused(code: string): void;
  replayed(model: string): void;
  requestSeconds(seconds: number): void;
  inferenceSeconds(seconds: number, rows: number): void;
  appendSeconds(seconds: number): void;
  logPosition(position: number): void;
  projectedPosition(position: number): void;
  /** From now on the events that wait in the spool are shown. */
  spool(waitingEvents: () => number): void;
  /** What a look of retention dropped, and what the log begins with now; `recordedAt` in microseconds UTC. */
  retention(applied: {
    readonly plan: { readonly firstPosition: number; readonly waiting: readonly unknown[] };
    readonly dropped: { readonly segments: number; readonly bytes: number; readonly events: number };
    readonly oldestRecordedAt: number | undefined;
  }): void;
  retentionFailed(): void;
  /** `acknowledgedEvents`: how many are acknowledged and not durable yet; asked with /metrics. */
  logDurability(durability: Durability, acknowledgedEvents: () => number): void;
  /** Acknowledged events that will not become durable. */
  lostEvents(events: number): void;
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  // Counted by hand and handed over when somebody asks: looking labels up for every request costs more than counting.
  const served = new Map<string, { readonly model: string; readonly version: string; rows: number }>();
  const predictions: Counter<'model' | 'version'> = new Counter({
    name: 'hindcast_predictions_total',
    help: 'Predictions served and acknowledged',
    labelNames: ['model', 'version'],
    registers,
    collect: (): void => {
      predictions.reset();
      for (const { model, version, rows } of served.values()) predictions.inc({ model, version }, rows);
    },
  });
  const rejected = new Counter({
    name: 'hindcast_rows_rejected_total',
    help: 'Rows refused because they break the model contract',
    labelNames: ['model'],
    registers,
  });
  const notStored = new Counter({
    name: 'hindcast_rejections_not_stored_total',
    help: 'Refused rows beyond the rate at which they are stored',
    registers,
  });
  const failed = new Counter({
    name: 'hindcast_predictions_failed_total',
    help: 'Rows on which the model itself failed',
    labelNames: ['model'],
    registers,
  });
  const violations = new Counter({
    name: 'hindcast_violations_total',
    help: 'Served rows with a value that training did not see',
    labelNames: ['model', 'kind'],
    registers,
  });
  const outcomes = new Counter({
    name: 'hindcast_outcomes_total',
    help: 'Ground truths recorded',
    labelNames: ['model'],
    registers,
  });
  const refused = new Counter({
    name: 'hindcast_requests_refused_total',
    help: 'Requests answered with an error of the catalogue',
    labelNames: ['code'],
    registers,
  });
  const replayed = new Counter({
    name: 'hindcast_requests_replayed_total',
    help: 'Repeated requests answered from the record, by their Idempotency-Key',
    labelNames: ['model'],
    registers,
  });
  const request = new Histogram({
    name: 'hindcast_predict_seconds',
    help: 'From the parsed request to the reply, log included',
    buckets: secondsBuckets,
    registers,
  });
  const inference = new Histogram({
    name: 'hindcast_inference_seconds',
    help: 'One shared ONNX run',
    buckets: secondsBuckets,
    registers,
  });
  const batchRows = new Histogram({
    name: 'hindcast_inference_batch_rows',
    help: 'Rows that shared one ONNX run',
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256, 1024, 4096],
    registers,
  });
  const append = new Histogram({
    name: 'hindcast_log_append_seconds',
    help: 'From handing events to the log until it acknowledges them',
    buckets: secondsBuckets,
    registers,
  });
  let nextPosition = 0;
  const position: Gauge = new Gauge({
    name: 'hindcast_log_next_position',
    help: 'Position that the next event will get',
    registers,
    collect: (): void => position.set(nextPosition),
  });
  const projected = new Gauge({
    name: 'hindcast_projected_position',
    help: 'Everything before this position is in the datasets',
    registers,
  });
  const dropped = (what: string) =>
    new Counter({
      name: `hindcast_log_dropped_${what}_total`,
      help: `What retention dropped from the log since the process began: ${what}`,
      registers,
    });
  const droppedSegments = dropped('segments');
  const droppedBytes = dropped('bytes');
  const droppedEvents = dropped('events');
  const oldest = new Gauge({
    name: 'hindcast_log_oldest_event_timestamp_seconds',
    help: 'recordedAt of the oldest event that the log keeps, Unix time; 0 until retention has looked',
    registers,
  });
  const firstPosition = new Gauge({
    name: 'hindcast_log_first_position',
    help: 'Position of the oldest event that the log keeps',
    registers,
  });
  const segmentsWaiting = new Gauge({
    name: 'hindcast_log_retention_waiting_segments',
    help: 'Segments that retention does not keep and the projector has not taken yet',
    registers,
  });
  const retentionFailures = new Counter({
    name: 'hindcast_log_retention_failures_total',
    help: 'Looks of retention that ended with an error',
    registers,
  });
  const mode = new Gauge({
    name: 'hindcast_log_durability',
    help: '1 for the mode in which predictions are acknowledged: durable, or buffered for up to the window',
    labelNames: ['mode'],
    registers,
  });
  const bufferWindow = new Gauge({
    name: 'hindcast_log_buffer_window_seconds',
    help: 'A commit begins at the latest so long after an acknowledgement; 0: before it',
    registers,
  });
  let acknowledged = (): number => 0;
  const acknowledgedEvents: Gauge = new Gauge({
    name: 'hindcast_log_acknowledged_events',
    help: 'Events that are acknowledged and not durable yet',
    registers,
    collect: (): void => acknowledgedEvents.set(acknowledged()),
  });
  const lostEvents = new Counter({
    name: 'hindcast_log_lost_events_total',
    help: 'Acknowledged events that could not be made durable',
    registers,
  });
  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    predictions: (model, version, rows) => {
      const key = `${model}@${version}`;
      const counted = served.get(key);
      if (counted === undefined) served.set(key, { model, version, rows });
      else counted.rows += rows;
    },
    rejected: (model, rows) => rejected.inc({ model }, rows),
    rejectionsNotStored: (rows) => notStored.inc(rows),
    failed: (model, rows) => failed.inc({ model }, rows),
    violations: (model, kind) => violations.inc({ model, kind }),
    outcomes: (model, rows) => outcomes.inc({ model }, rows),
    refused: (code) => refused.inc({ code }),
    replayed: (model) => replayed.inc({ model }),
    requestSeconds: (seconds) => request.observe(seconds),
    inferenceSeconds: (seconds, rows) => {
      inference.observe(seconds);
      batchRows.observe(rows);
    },
    appendSeconds: (seconds) => append.observe(seconds),
    logPosition: (next) => {
      nextPosition = next;
    },
    projectedPosition: (next) => projected.set(next),
    spool: (waitingEvents) => {
      const waiting: Gauge = new Gauge({
        name: 'hindcast_spool_events',
        help: 'Events acknowledged as spooled that are not in the cluster yet',
        registers,
        collect: (): void => waiting.set(waitingEvents()),
      });
    },
    retention: (applied) => {
      droppedSegments.inc(applied.dropped.segments);
      droppedBytes.inc(applied.dropped.bytes);
      droppedEvents.inc(applied.dropped.events);
      oldest.set((applied.oldestRecordedAt ?? 0) / 1e6);
      firstPosition.set(applied.plan.firstPosition);
      segmentsWaiting.set(applied.plan.waiting.length);
    },
    retentionFailed: () => retentionFailures.inc(),
    logDurability: (durability, count) => {
      mode.set({ mode: durability.mode }, 1);
      bufferWindow.set(durability.mode === 'buffered' ? durability.windowMs / 1000 : 0);
      acknowledged = count;
    },
    lostEvents: (events) => lostEvents.inc(events),
  };
}
