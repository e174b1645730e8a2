import type { NewEvent } from '../../schemas/events.js';
import { HindcastError } from '../platform/errors.js';
import type { AppendReceipt, EventAppender } from './event-log.js';

/**
 * For events that need not be stored together, such as those of an import: an append that is more than the log takes at
 * once is stored in parts, in order. When a part fails, those before it are stored. The receipt is that of the last.
 */
export function appendInParts(log: EventAppender): EventAppender {
  let partEvents = Number.POSITIVE_INFINITY;

  async function append(events: readonly NewEvent[]): Promise<AppendReceipt> {
    if (events.length > partEvents) {
      let receipt = await append(events.slice(0, partEvents));
      for (let at = partEvents; at < events.length; at += partEvents)
        receipt = await append(events.slice(at, at + partEvents));
      return { ...receipt, placed: 'at-or-before' };
    }
    try {
      return await log.append(events);
    } catch (error) {
      const divisible = error instanceof HindcastError && error.code === 'LOG_BATCH_TOO_LARGE';
      if (!divisible || events.length === 1) throw error;
      partEvents = Math.ceil(events.length / 2);
      return await append(events);
    }
  }

  return { append };
}
