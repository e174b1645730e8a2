import { formatMicros } from '../../replay/time-option.js';
import type { StoredEvent } from '../../schemas/events.js';
import { toExactJson } from '../../services/event-log/kurrent-log/exact-json.js';

/** Where events come from, as CloudEvents asks: with the id it names an event. */
export const cloudEventSource = '/hindcast';

/**
 * An event in the structured JSON form of CloudEvents 1.0. `data`: the event's facts, with the section `sensitive` as a
 * field of them; values that JSON does not carry are written as docs/events.md says. Attributes of our own are lower-case
 * and without a dash, as the specification wants them; `position` is text, since its integers have 32 bits.
 */
export function cloudEvent(event: StoredEvent): object {
  const { id, type, stream, occurredAt, recordedAt, position, schemaVersion } = event;
  const { correlationId, causationId, traceparent, data, sensitive } = event;
  const facts = sensitive === undefined ? data : { ...data, sensitive };
  return {
    specversion: '1.0',
    id,
    source: cloudEventSource,
    type: `hindcast.${type}`,
    subject: stream,
    time: formatMicros(occurredAt),
    datacontenttype: 'application/json',
    position: String(position),
    recordedat: formatMicros(recordedAt),
    schemaversion: schemaVersion,
    ...(correlationId === undefined ? undefined : { correlationid: correlationId }),
    ...(causationId === undefined ? undefined : { causationid: causationId }),
    ...(traceparent === undefined ? undefined : { traceparent }),
    data: toExactJson(facts).value,
  };
}
