import type { NewEvent } from '../../schemas/events.js';

/** In place of a model's name, which is never empty, for an event about all models. */
export const allModels = '';

/** The model that an event is about, or `allModels`. */
export function modelOf(event: NewEvent): string {
  if (event.type === 'StateSnapshotted') return allModels;
  return event.type === 'ModelRegistered' ? event.data.manifest.name : event.data.model;
}
