import { NewEvent } from '../../schemas/events.js';
import { errors } from '../platform/errors.js';
import { limits } from '../platform/limits.js';
import { estimateBytes, estimatePredictionBytes } from './estimate-bytes.js';
import { type CheckedProvenances, isPredictionServed } from './is-prediction-served.js';

/**
 * Checks an append before anything of it is stored; every adapter calls it first. Returns roughly how many bytes the
 * events take. Throws LOG_EVENT_INVALID with the path at fault, or LOG_BATCH_TOO_LARGE.
 */
export function validateEvents(events: readonly NewEvent[]): number {
  if (events.length > limits.appendEventsMax) {
    throw errors.LOG_BATCH_TOO_LARGE({
      problem: `${events.length} events, at most ${limits.appendEventsMax} are taken`,
    });
  }
  let bytes = 0;
  const checked: CheckedProvenances = new Set();
  for (let index = 0; index < events.length; index += 1) {
    const event = events[index];
    let eventBytes: number;
    if (isPredictionServed(event, checked)) eventBytes = estimatePredictionBytes(event);
    else {
      checkSchema(event, index);
      eventBytes = estimateBytes(event);
    }
    if (eventBytes > limits.eventBytesMax) {
      throw errors.LOG_BATCH_TOO_LARGE({
        problem: `event ${index} has about ${eventBytes} bytes, at most ${limits.eventBytesMax} are taken`,
      });
    }
    bytes += eventBytes;
  }
  if (bytes > limits.frameBytesMax) {
    throw errors.LOG_BATCH_TOO_LARGE({
      problem: `about ${bytes} bytes, at most ${limits.frameBytesMax} are taken`,
    });
  }
  return bytes;
}

function checkSchema(event: unknown, index: number): void {
  const result = NewEvent.safeParse(event);
  if (result.success) return;
  const [issue] = result.error.issues;
  const path = issue === undefined || issue.path.length === 0 ? '' : ` at ${issue.path.join('.')}`;
  throw errors.LOG_EVENT_INVALID({ problem: `event ${index}${path}: ${issue?.message ?? 'not an event'}` });
}
