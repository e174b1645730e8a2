import type { NewEvent } from '../../../schemas/events.js';
import { errors } from '../../platform/errors.js';
import { limits } from '../../platform/limits.js';
import type { AppendReceipt } from '../event-log.js';
import { allModels, modelOf } from '../model-of.js';
import { validateEvents } from '../validate-events.js';
import { readError } from './read-error.js';
import { type EncodedEvent, encodeEvent } from './record-codec.js';
import { registryStream } from './stream-names.js';
import { StreamWriter, type Stored, type WriterContext } from './stream-writer.js';
import { withAttempts } from './with-attempts.js';

/** Takes appends and gives each stream's part to that stream's writer. `close` answers what was taken. */
export function createClusterAppender(
  context: WriterContext & {
    readonly prefix: string;
    readonly registeredModelsOnly?: boolean;
    readonly queueEventsMax?: number;
  },
): {
  append(events: readonly NewEvent[], again?: boolean): Promise<AppendReceipt>;
  close(): Promise<void>;
} {
  const { availability, prefix } = context;
  const queueEventsMax = context.queueEventsMax ?? limits.appendQueueEventsMax;
  const writers = new Map<string, StreamWriter>();
  const registered = new Set<string>();
  const pending = new Set<Promise<unknown>>();
  let queuedEvents = 0;
  let closed = false;

  async function append(events: readonly NewEvent[], again = false): Promise<AppendReceipt> {
    if (closed) throw errors.LOG_CLOSED({});
    if (events.length === 0) throw errors.LOG_EVENT_INVALID({ problem: 'an append holds no event' });
    validateEvents(events);
    const parts = partsOf(events, prefix);
    if (queuedEvents + events.length > queueEventsMax) throw errors.LOG_BUSY({ queued: queuedEvents });
    if (availability.away !== undefined) throw availability.away;
    queuedEvents += events.length;
    const work = store(events, parts, again);
    pending.add(work);
    try {
      return await work;
    } finally {
      pending.delete(work);
      queuedEvents -= events.length;
    }
  }

  async function store(
    events: readonly NewEvent[],
    parts: ReadonlyMap<string, readonly EncodedEvent[]>,
    again: boolean,
  ): Promise<AppendReceipt> {
    if (context.registeredModelsOnly !== false) await assertRegistered(events);
    const results = await Promise.allSettled(
      [...parts].map(([stream, part]) => writerOf(stream).append(part, again)),
    );
    for (const [stream, writer] of writers) if (writer.idle) writers.delete(stream);
    let position = -1;
    let recordedAt = 0;
    for (const result of results) {
      if (result.status === 'rejected') throw result.reason;
      const stored: Stored = result.value;
      position = Math.max(position, stored.position);
      recordedAt = Math.max(recordedAt, stored.recordedAt);
    }
    return { firstPosition: position, recordedAt, placed: 'at-or-before' };
  }

  /** A model's streams exist only when it has a registration: whoever sends names cannot make streams. */
  async function assertRegistered(events: readonly NewEvent[]): Promise<void> {
    for (const event of events) if (event.type === 'ModelRegistered') registered.add(modelOf(event));
    for (const model of new Set(events.map(modelOf))) {
      if (model === allModels || registered.has(model)) continue;
      if (!(await hasRecords(registryStream(model, prefix))))
        throw errors.MODEL_NOT_FOUND({ model, known: [...registered] });
      registered.add(model);
    }
  }

  async function hasRecords(stream: string): Promise<boolean> {
    try {
      return await withAttempts(context, async () => {
        for await (const _record of context.client.readStreamBackwards(stream, 1)) return true;
        return false;
      });
    } catch (error) {
      throw readError(error, availability);
    }
  }

  function writerOf(stream: string): StreamWriter {
    const known = writers.get(stream) ?? new StreamWriter(stream, context);
    writers.set(stream, known);
    return known;
  }

  return {
    append,
    close: async () => {
      closed = true;
      await Promise.allSettled(pending);
    },
  };
}

function partsOf(events: readonly NewEvent[], prefix: string): Map<string, EncodedEvent[]> {
  const parts = new Map<string, EncodedEvent[]>();
  const bytesOf = new Map<string, number>();
  for (const [index, event] of events.entries()) {
    const encoded = encodeEvent(event, prefix);
    const bytes = (bytesOf.get(encoded.stream) ?? 0) + encoded.bytes;
    if (bytes > limits.clusterAppendBytesMax) {
      throw errors.LOG_BATCH_TOO_LARGE({
        problem: `event ${index} brings the part for ${encoded.stream} to ${bytes} bytes, and the cluster takes ${limits.clusterAppendBytesMax} at once`,
      });
    }
    bytesOf.set(encoded.stream, bytes);
    const part = parts.get(encoded.stream);
    if (part === undefined) parts.set(encoded.stream, [encoded]);
    else part.push(encoded);
  }
  return parts;
}
