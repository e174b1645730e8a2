import type { EventType } from '../../../schemas/events.js';
import { errors } from '../../platform/errors.js';

/** The number of each event type on disk. Numbers are never given anew. */
const codeOfType: Readonly<Record<EventType, number>> = {
  PredictionServed: 1,
  PredictionRejected: 2,
  PredictionFailed: 3,
  OutcomeObserved: 4,
  ModelRegistered: 5,
  ModelPromoted: 6,
  ModelRetired: 7,
  ReplayCompleted: 8,
  StateSnapshotted: 9,
};

const typeOfCode = new Map<number, string>(Object.entries(codeOfType).map(([type, code]) => [code, type]));

/** Throws LOG_UNKNOWN_VERSION for a type that this release does not know. */
export function codeOf(type: EventType): number {
  const code = Object.hasOwn(codeOfType, type) ? codeOfType[type] : undefined;
  if (code === undefined) throw errors.LOG_UNKNOWN_VERSION({ what: `The event type ${type}`, version: 0 });
  return code;
}

/** Throws LOG_UNKNOWN_VERSION for a number that this release does not know. */
export function typeOf(code: number): EventType {
  const type = typeOfCode.get(code);
  if (type === undefined || !isEventType(type)) {
    throw errors.LOG_UNKNOWN_VERSION({ what: `The event type number ${code}`, version: code });
  }
  return type;
}

export function isEventType(type: string): type is EventType {
  return Object.hasOwn(codeOfType, type);
}
