import type { LogReader } from '../event-log/event-log.js';
import type { Clock } from '../platform/clock.js';
import { HindcastError, errors } from '../platform/errors.js';
import { limits } from '../platform/limits.js';
import type { Logger } from '../platform/logger.js';
import type { Metrics } from '../platform/metrics.js';
import { answerEventTypes, isAnswerEvent } from './answer-events.js';
import { createIdempotencyIndex, type IdempotencyIndex } from './idempotency-index.js';
import type {
  IdempotencyMark,
  PredictionReply,
  PredictionRequest,
  RecordPredictions,
} from './record-prediction.js';
import { readRecordedAnswer } from './recorded-answer.js';

const keptMicros = limits.idempotencyKeptMs * 1_000;
/** Between the clock's look that gives `occurredAt` and the append. */
const appendMicrosMax = 60_000_000;

/**
 * The use case with Idempotency-Keys: a request whose key was seen within the time for which keys are kept gets the
 * recorded answer when its body is the same, and IDEMPOTENCY_KEY_REUSED when it is not. One that comes while the first
 * is under way waits for it and shares its fate, so that no key is ever predicted twice. What the log says of recent
 * keys is read when this is made; requests with a key wait for that, others do not. So it is after a cluster did not
 * say whether it took an answer.
 *
 * An answer without a single served row is not kept: nothing was predicted, so the caller may mend the body, or try
 * again, under the same key.
 */
export function createIdempotentPredictions(options: {
  readonly record: RecordPredictions;
  readonly log: LogReader;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly logger: Logger;
}): RecordPredictions {
  const { record, log, clock, metrics, logger } = options;
  const index = createIdempotencyIndex({ keysMax: limits.idempotencyKeysMax, keptMicros });
  const underWay = new Map<
    string,
    { readonly bodyDigest: string; readonly answer: Promise<PredictionReply> }
  >();
  // What the log may say of keys beyond the index: at first everything recent, later what a cluster may have taken
  // although the append to it failed.
  let unread: { readonly occurredFrom: number } | undefined = {
    occurredFrom: clock.nowMicros() - keptMicros - appendMicrosMax,
  };
  let reading: Promise<void> | undefined;

  const readUnread = async (): Promise<void> => {
    const wanted = unread;
    if (wanted === undefined) return;
    await readIndex({ log, index, ...wanted, now: clock.nowMicros() });
    if (unread === wanted) unread = undefined;
  };

  /** Rejects when the log cannot be read; the next call tries again. */
  const upToDate = async (): Promise<void> => {
    while (unread !== undefined) {
      reading ??= readUnread().finally(() => {
        reading = undefined;
      });
      await reading;
    }
  };
  upToDate().catch((error: unknown) => {
    logger.error({ err: error }, 'recent Idempotency-Keys could not be read; requests with one try again');
  });

  const once = async (request: PredictionRequest, mark: IdempotencyMark): Promise<PredictionReply> => {
    await upToDate();
    const current = underWay.get(mark.key);
    const known = current ?? index.find(mark.key, clock.nowMicros());
    if (known === undefined) return await first(request, mark);
    if (known.bodyDigest !== mark.body) throw errors.IDEMPOTENCY_KEY_REUSED({});
    const reply = 'answer' in known ? await known.answer : await readRecordedAnswer(log, mark.key, known);
    if (reply.recorded === undefined) return reply;
    metrics.replayed(request.model);
    return { ...reply, replayed: true };
  };

  const first = async (request: PredictionRequest, mark: IdempotencyMark): Promise<PredictionReply> => {
    const startedAt = clock.nowMicros();
    const answer = record(request);
    underWay.set(mark.key, { bodyDigest: mark.body, answer });
    try {
      const reply = await answer;
      if (reply.recorded !== undefined)
        index.remember(mark.key, { bodyDigest: mark.body, ...reply.recorded }, clock.nowMicros());
      return reply;
    } catch (error) {
      if (error instanceof HindcastError && error.code === 'LOG_UNAVAILABLE')
        unread = { occurredFrom: Math.min(startedAt, unread?.occurredFrom ?? Infinity) };
      throw error;
    } finally {
      underWay.delete(mark.key);
    }
  };

  return (request) =>
    request.idempotency === undefined ? record(request) : once(request, request.idempotency);
}

/** Positions ascend in what is read, so an event of a known answer is new when it stands behind it. */
async function readIndex(options: {
  readonly log: LogReader;
  readonly index: IdempotencyIndex;
  readonly occurredFrom: number;
  readonly now: number;
}): Promise<void> {
  const { log, index, occurredFrom, now } = options;
  const oldest = now - keptMicros;
  // Bounded on both sides: a log on a cluster then reads no more than the streams of a day or two. By the log's own time,
  // when the clock was set back since.
  const occurredUntil = Math.max(now, (await log.head()).recordedAt ?? now) + appendMicrosMax;
  const batches = log.read({ occurredFrom, occurredUntil, types: answerEventTypes });
  for await (const batch of batches) {
    for (const event of batch) {
      if (!isAnswerEvent(event) || event.recordedAt <= oldest) continue;
      const { idempotencyDigest, bodyDigest } = event.data;
      if (idempotencyDigest === undefined || bodyDigest === undefined) continue;
      const { recordedAt, occurredAt, position } = event;
      const before = index.find(idempotencyDigest, now);
      // One append has one recordedAt: its events belong to one answer.
      const same = before?.recordedAt === recordedAt ? before : undefined;
      // Counted before.
      if (same !== undefined && position <= same.lastPosition) continue;
      index.remember(
        idempotencyDigest,
        {
          bodyDigest,
          firstPosition: same?.firstPosition ?? position,
          lastPosition: position,
          events: (same?.events ?? 0) + 1,
          occurredAt,
          recordedAt,
        },
        now,
      );
    }
  }
}
