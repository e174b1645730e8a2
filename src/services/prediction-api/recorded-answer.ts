import type { Durability } from '../../schemas/durability.js';
import type { StoredEvent } from '../../schemas/events.js';
import type { LogReader } from '../event-log/event-log.js';
import { errors, recordedError } from '../platform/errors.js';
import { type AnswerEvent, answerEventTypes, isAnswerEvent } from './answer-events.js';
import type { PredictionReply, RecordedAnswer, RowReply } from './record-prediction.js';

/** Longer than any window of buffered durability: an acknowledged event is visible after it. */
const visibleMsMax = 30_000;

type StoredAnswerEvent = Extract<StoredEvent, { readonly type: AnswerEvent['type'] }>;

/** The answer as it was given, made from its events in the log. Throws LOG_CORRUPT, or INTERNAL when some are not there. */
export async function readRecordedAnswer(
  log: LogReader,
  keyDigest: string,
  recorded: RecordedAnswer,
): Promise<PredictionReply> {
  await untilVisible(log, recorded.lastPosition);
  const events: StoredAnswerEvent[] = [];
  const { firstPosition, lastPosition, occurredAt } = recorded;
  const batches = log.read({
    ...(firstPosition === undefined
      ? { occurredFrom: occurredAt, occurredUntil: occurredAt + 1 }
      : { fromPosition: firstPosition }),
    untilPosition: lastPosition + 1,
    types: answerEventTypes,
  });
  for await (const batch of batches) {
    for (const event of batch) {
      if (isAnswerEvent(event) && event.data.idempotencyDigest === keyDigest) events.push(event);
    }
  }
  const served = events.find((event) => event.type === 'PredictionServed');
  if (served === undefined || events.length !== recorded.events)
    throw errors.INTERNAL({ problem: 'the log does not hold the answer to this Idempotency-Key any more' });
  const { requestId, model, version, bufferWindowMs } = served.data;
  const rows = events.map(rowReply).toSorted((a, b) => a.row - b.row);
  const durability: Durability =
    bufferWindowMs === undefined ? { mode: 'durable' } : { mode: 'buffered', windowMs: bufferWindowMs };
  return { requestId, model, version, rows, durability, recorded };
}

/** What was acknowledged with buffered durability becomes visible within its window. */
async function untilVisible(log: LogReader, lastPosition: number): Promise<void> {
  if ((await log.head()).nextPosition > lastPosition) return;
  const signal = AbortSignal.timeout(visibleMsMax);
  for await (const _batch of log.tail({ fromPosition: lastPosition, signal })) return;
}

function rowReply(event: StoredAnswerEvent): RowReply {
  if (event.type === 'PredictionServed') {
    const { row, outputs, violations } = event.data;
    return {
      kind: 'served',
      row,
      predictionId: event.id,
      position: event.position,
      outputs,
      violations,
    };
  }
  const { row = 0, code, message } = event.data;
  const violations = event.type === 'PredictionRejected' ? (event.data.violations ?? []) : [];
  return { kind: 'rejected', row, error: recordedError(code, message), violations };
}
