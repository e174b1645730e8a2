import type { NewEvent } from '../../schemas/events.js';

/** The model that an event is about; every event has one. */
export function modelOf(event: NewEvent): string {
  return event.type === 'ModelRegistered' ? event.data.manifest.name : event.data.model;
}
