import type { StateSnapshotted } from '../../schemas/events.js';
import type { LogReader } from '../../services/event-log/event-log.js';
import {
  emptyRegistry,
  evolveRegistry,
  type RegisteredModel,
  type RegistryState,
} from '../../services/inference/registry.js';
import { errors } from '../../services/platform/errors.js';

/**
 * The registry as it was before the first event that is kept, from the first snapshot after it. Whether a version was
 * retired is told as of the snapshot. Throws LOG_CORRUPT when there is no snapshot: nothing is dropped without one.
 */
export async function registryBefore(reader: LogReader, firstPosition: number): Promise<RegistryState> {
  if (firstPosition === 0) return emptyRegistry;
  let state = emptyRegistry;
  for await (const batch of reader.read({ fromPosition: firstPosition, types: ['StateSnapshotted'] })) {
    for (const event of batch) {
      if (event.type !== 'StateSnapshotted') continue;
      state = evolveRegistry(state, event);
      if (isLastPart(event)) return until(state, firstPosition);
    }
  }
  throw errors.LOG_CORRUPT({
    segment: 'start',
    offset: 0,
    position: String(firstPosition),
    problem: 'no snapshot of the registry follows where the log begins',
  });
}

function isLastPart({ data }: StateSnapshotted): boolean {
  return data.part === data.parts - 1;
}

function until({ models }: RegistryState, position: number): RegistryState {
  const before = Object.entries(models).flatMap(([name, model]): [string, RegisteredModel][] => {
    const versions = Object.entries(model.versions).filter(([, version]) => version.position < position);
    const promotions = model.promotions.filter((promotion) => promotion.position < position);
    return versions.length + promotions.length === 0
      ? []
      : [[name, { versions: Object.fromEntries(versions), promotions }]];
  });
  return { models: Object.fromEntries(before), changedAt: position - 1 };
}
