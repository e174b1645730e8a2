import type { JsonValue } from '../../schemas/json-value.js';
import type { ShownPrediction } from './show-prediction.js';

/** One prediction as plain text, a few sections of `name  value` lines; what replays say of it is told elsewhere. */
export function renderPrediction(shown: ShownPrediction): string {
  const { provenance } = shown;
  const origin =
    provenance.kind === 'imported'
      ? `imported from ${provenance.source}`
      : `served by artefact ${provenance.artefactDigest.slice(0, 12)}, ${provenance.runtime.name} ${provenance.runtime.version}`;
  return [
    `Prediction ${shown.id}`,
    ...lines([
      ['model', `${shown.model}@${shown.version}`],
      ['status', shown.failure === undefined ? shown.status : `failed: ${shown.failure.code}`],
      ['occurred', isoOf(shown.occurredAt)],
      ['recorded', `${isoOf(shown.recordedAt)}, log position ${shown.position}`],
      ['request', `${shown.requestId}, row ${shown.row}`],
      ...optional('key', shown.key),
      ...optional('subject', shown.subject),
      ...optional('trace', shown.traceparent),
      ['origin', origin],
      ...optional('latency', latencyOf(shown)),
      ...optional('durability', durabilityOf(shown)),
    ]),
    ...(shown.failure === undefined ? [] : [`  ${shown.failure.message}`]),
    '',
    'Inputs',
    ...values(shown.inputs),
    '',
    'Outputs',
    ...values(shown.outputs),
    ...(shown.violations.length === 0
      ? []
      : ['', 'Violations', ...lines(shown.violations.map((v) => [v.field, `${v.kind}: ${v.message}`]))]),
    '',
    `Truth: ${shown.truth ?? 'not known'}`,
    ...shown.truthHistory.map(
      (outcome) =>
        `  ${outcome.truth ?? 'retracted'}  known ${isoOf(outcome.knownAt)}, ${outcome.origin}${outcome.source === null ? '' : ` from ${outcome.source}`}`,
    ),
  ].join('\n');
}

function durabilityOf({ durability, bufferWindowMs }: ShownPrediction): string | null {
  if (durability === undefined) return null;
  return bufferWindowMs === undefined ? durability : `${durability}, within ${bufferWindowMs} ms`;
}

function latencyOf({ latency, latencyMs, batchRows }: ShownPrediction): string | null {
  if (latency === undefined || latencyMs === undefined) return null;
  const shared =
    batchRows === undefined ? '' : `, in a run of ${batchRows} ${batchRows === 1 ? 'row' : 'rows'}`;
  return `${latencyMs} ms: waited ${latency.queueMicros / 1000}, ran ${latency.inferenceMicros / 1000}${shared}`;
}

function values(fields: { readonly [name: string]: JsonValue }): string[] {
  const entries = Object.entries(fields);
  if (entries.length === 0) return ['  none'];
  return lines(
    entries.map(([name, value]) => [name, typeof value === 'number' ? String(value) : JSON.stringify(value)]),
  );
}

function lines(pairs: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...pairs.map(([name]) => name.length));
  return pairs.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`);
}

function optional(name: string, value: string | null): (readonly [string, string])[] {
  return value === null ? [] : [[name, value]];
}

function isoOf(micros: number): string {
  return new Date(micros / 1000).toISOString();
}
