import { errors } from '../../platform/errors.js';

/** The version in which events are written today, of every type. */
export const schemaVersionNow = 1;

/** An event as it was written: `schemaVersion` may be any that was ever current. */
export type WrittenEvent = Record<string, unknown>;

/** One step: from the version that is its key to the next. Pure; MUST set `schemaVersion`. */
export type Upcaster = (event: WrittenEvent) => WrittenEvent;

/** By type and version. None yet: version 1 is the first. */
const upcasters: { readonly [type: string]: { readonly [fromVersion: number]: Upcaster } } = {};

/**
 * Brings an event to today's version, one step a version. Old events are never rewritten: this runs on read.
 * Throws LOG_UNKNOWN_VERSION for one from a later release, or without a step.
 */
export function upcast(
  event: WrittenEvent,
  type: string,
  schemaVersion: number,
  steps: typeof upcasters = upcasters,
  versionNow: number = schemaVersionNow,
): WrittenEvent {
  let current = event;
  for (let version = schemaVersion; version !== versionNow; version += 1) {
    const step = version < versionNow ? steps[type]?.[version] : undefined;
    if (step === undefined) {
      throw errors.LOG_UNKNOWN_VERSION({ what: `The event ${type}`, version: schemaVersion });
    }
    current = step(current);
  }
  return current;
}
