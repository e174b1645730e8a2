import type { EventType, NewEvent } from '../../../schemas/events.js';
import { streamOf } from '../../../schemas/events.js';
import { modelOf } from '../model-of.js';

const dayMicros = 86_400_000_000;

const kinds = ['prediction', 'outcome', 'registry', 'replay'] as const;
type StreamKind = (typeof kinds)[number];

/** Types whose streams end in a day. */
const kindOfType: Readonly<Record<EventType, StreamKind>> = {
  PredictionServed: 'prediction',
  PredictionRejected: 'prediction',
  PredictionFailed: 'prediction',
  OutcomeObserved: 'outcome',
  ModelRegistered: 'registry',
  ModelPromoted: 'registry',
  ModelRetired: 'registry',
  ReplayCompleted: 'replay',
  StateSnapshotted: 'registry',
};

/** The stream that an event has by its type and model: what `event.stream` is, unless somebody chose another name. */
export function usualStream(event: NewEvent): string {
  return streamOf(kindOfType[event.type], nameInStream(event));
}

function nameInStream(event: NewEvent): string {
  if (event.type === 'ReplayCompleted') return event.data.replayId;
  return event.type === 'StateSnapshotted' ? 'snapshot' : modelOf(event);
}

/**
 * The stream in the cluster: the usual one, for predictions and outcomes with the UTC day of `occurredAt`
 * (`prediction-flights.20260131`), after a prefix that keeps several logs of one cluster apart.
 */
export function clusterStream(event: NewEvent, prefix: string): string {
  const usual = `${prefix}${usualStream(event)}`;
  return hasDay(kindOfType[event.type]) ? `${usual}.${dayOf(event.occurredAt)}` : usual;
}

/** Where a model's registrations stand. */
export function registryStream(model: string, prefix: string): string {
  return `${prefix}${streamOf('registry', model)}`;
}

/** Prefixes of the streams in which events of these types and this model stand; all types and models unless told. */
export function streamPrefixes(
  query: { readonly types?: readonly EventType[]; readonly model?: string },
  prefix: string,
): string[] {
  const wanted = query.types === undefined ? kinds : kinds.filter((kind) => wants(query.types, kind));
  return wanted.map((kind) =>
    query.model === undefined || kind === 'replay'
      ? `${prefix}${kind}-`
      : `${prefix}${streamOf(kind, query.model)}${hasDay(kind) ? '.' : ''}`,
  );
}

/**
 * The streams of single days that hold every event of a query; undefined when other streams may hold some, or when it
 * would be more than `streamsMax`. Times are microseconds UTC, from inclusive, until exclusive.
 */
export function dayStreams(
  query: {
    readonly types: readonly EventType[];
    readonly models: readonly string[];
    readonly occurredFrom: number;
    readonly occurredUntil: number;
  },
  options: { readonly prefix: string; readonly streamsMax: number },
): string[] | undefined {
  const wanted = kinds.filter((kind) => wants(query.types, kind));
  if (!wanted.every(hasDay)) return undefined;
  const days = Math.ceil((query.occurredUntil - query.occurredFrom) / dayMicros) + 1;
  if (days * wanted.length * query.models.length > options.streamsMax) return undefined;
  const streams: string[] = [];
  const firstDay = Math.floor(query.occurredFrom / dayMicros) * dayMicros;
  for (let day = firstDay; day < query.occurredUntil; day += dayMicros) {
    for (const model of query.models)
      for (const kind of wanted) streams.push(`${options.prefix}${streamOf(kind, model)}.${dayOf(day)}`);
  }
  return streams;
}

function wants(types: readonly EventType[] | undefined, kind: StreamKind): boolean {
  return types === undefined || types.some((type) => kindOfType[type] === kind);
}

function hasDay(kind: StreamKind): boolean {
  return kind === 'prediction' || kind === 'outcome';
}

function dayOf(micros: number): string {
  return new Date(Math.floor(micros / 1000)).toISOString().slice(0, 10).replaceAll('-', '');
}
