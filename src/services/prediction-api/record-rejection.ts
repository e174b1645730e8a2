import type { PredictionRejected } from '../../schemas/events.js';
import { streamOf } from '../../schemas/events.js';
import type { EventAppender } from '../event-log/event-log.js';
import type { Clock } from '../platform/clock.js';
import { limits } from '../platform/limits.js';
import type { Logger } from '../platform/logger.js';
import type { Metrics } from '../platform/metrics.js';
import { newId } from '../platform/new-id.js';
import type { PredictionRequest, RefusedRow } from './record-prediction.js';

/** Stores refused rows off the reply path: at most `rejectedEventsPerSecondMax` a second, the rest counted. */
export interface RejectionRecorder {
  record(request: PredictionRequest, refused: readonly RefusedRow[]): void;
  /** Resolves when everything handed over so far is stored or has been reported as lost. */
  settled(): Promise<void>;
}

export function createRejectionRecorder(options: {
  readonly log: EventAppender;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly logger: Logger;
}): RejectionRecorder {
  const { log, clock, metrics, logger } = options;
  let second = -1;
  let taken = 0;
  let pending: Promise<unknown> = Promise.resolve();

  const allowance = (wanted: number, nowMicros: number): number => {
    const current = Math.floor(nowMicros / 1_000_000);
    if (current !== second) {
      second = current;
      taken = 0;
    }
    const granted = Math.max(0, Math.min(wanted, limits.rejectedEventsPerSecondMax - taken));
    taken += granted;
    return granted;
  };

  return {
    record: (request, refused) => {
      const occurredAt = clock.nowMicros();
      const stored = allowance(refused.length, occurredAt);
      if (stored < refused.length) metrics.rejectionsNotStored(refused.length - stored);
      if (stored === 0) return;
      const events = refused.slice(0, stored).map((row) => rejectedEvent(request, row, occurredAt));
      const appending = log.append(events).catch((error: unknown) => {
        metrics.rejectionsNotStored(events.length);
        logger.warn({ error, rows: events.length }, 'refused rows could not be stored');
      });
      pending = Promise.all([pending, appending]);
    },
    settled: async () => {
      await pending;
    },
  };
}

/** The fact that a row was refused, with its input as received, cut at a limit. */
export function rejectedEvent(
  request: PredictionRequest,
  refused: RefusedRow,
  occurredAt: number,
): PredictionRejected {
  const row = refused.source;
  return {
    type: 'PredictionRejected',
    schemaVersion: 1,
    id: newId(),
    stream: streamOf('prediction', request.model),
    occurredAt,
    data: {
      requestId: request.requestId,
      row: refused.row,
      ...(row?.key === undefined ? undefined : { key: row.key }),
      model: request.model,
      code: refused.error.code,
      message: refused.error.message,
      violations: [...refused.violations],
    },
    sensitive: { rawBody: rawBody(row?.inputs) },
  };
}

function rawBody(inputs: unknown): string {
  const text = JSON.stringify(inputs) ?? '';
  return text.slice(0, limits.rawBodyBytesMax).toWellFormed();
}
