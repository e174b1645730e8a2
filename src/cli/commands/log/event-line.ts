import type { StoredEvent } from '../../../schemas/events.js';

/** An event on one line, for people: position, when it happened, what, of which model, and the gist of it. */
export function eventLine(event: StoredEvent): string {
  const { position, occurredAt, type } = event;
  return [
    String(position).padStart(8),
    new Date(occurredAt / 1000).toISOString(),
    type.padEnd(18),
    gist(event),
  ].join('  ');
}

function gist(event: StoredEvent): string {
  if (event.type === 'PredictionServed') {
    const { model, version, key, outputs, violations } = event.data;
    const unseen = violations === undefined ? '' : `, ${violations.length} violations`;
    return `${model}@${version}  ${scalars(outputs)}${unseen}  ${key ?? ''}  ${event.id}`;
  }
  if (event.type === 'PredictionRejected' || event.type === 'PredictionFailed')
    return `${event.data.model}  ${event.data.code}: ${oneLine(event.data.message)}`;
  if (event.type === 'OutcomeObserved') {
    const { model, truth, predictionId, requestId, row, key } = event.data;
    return `${model}  truth=${String(truth)}  ${predictionId ?? key ?? `${requestId ?? ''}[${row ?? 0}]`}`;
  }
  return oneLine(JSON.stringify(event.data));
}

function scalars(values: { readonly [name: string]: unknown }): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}=${String(value)}`)
    .join(' ');
}

function oneLine(text: string): string {
  const flat = text.replaceAll(/\s+/g, ' ');
  return flat.length > 160 ? `${flat.slice(0, 160)}…` : flat;
}
