import { type StateSnapshotted, streamOf } from '../../schemas/events.js';
import type { Scalar } from '../../schemas/json-value.js';
import { estimateBytes } from '../event-log/estimate-bytes.js';
import { limits } from '../platform/limits.js';
import type { RegisteredModel, RegistryState } from './registry.js';

/** A version may take as much as an event; beside it nothing else needs to fit. */
const partBytesWanted = limits.eventBytesMax / 2;

type SnapshotModel = StateSnapshotted['data']['models'][number];

/**
 * The registry as events that carry it past retention, to be appended at once. `state`: the fold of everything before
 * `asOfPosition`. As many parts as the limit of an event's size asks for, each with whole versions.
 */
export function snapshotEvents(options: {
  readonly state: RegistryState;
  readonly asOfPosition: number;
  readonly configuration: Readonly<Record<string, Scalar>>;
  readonly occurredAt: number;
  readonly newId: () => string;
}): StateSnapshotted[] {
  const { state, asOfPosition, configuration } = options;
  const parts = partsOf(state);
  return parts.map((models, part) => ({
    type: 'StateSnapshotted',
    schemaVersion: 1,
    id: options.newId(),
    stream: streamOf('registry', 'snapshot'),
    occurredAt: options.occurredAt,
    data: {
      asOfPosition,
      part,
      parts: parts.length,
      models,
      configuration: part === 0 ? { ...configuration } : {},
    },
  }));
}

/** The state after a part of a snapshot. One that a registry event overtook changes nothing: that event would be lost. */
export function foldSnapshot(state: RegistryState, { data }: StateSnapshotted): RegistryState {
  if ((state.changedAt ?? -1) >= data.asOfPosition) return state;
  const models = new Map<string, RegisteredModel>(data.part === 0 ? [] : Object.entries(state.models));
  for (const { name, versions, promotions } of data.models) {
    const before = models.get(name);
    models.set(name, {
      versions: {
        ...before?.versions,
        ...Object.fromEntries(versions.map((version) => [version.manifest.version, version])),
      },
      promotions: [...(before?.promotions ?? []), ...promotions],
    });
  }
  return { models: Object.fromEntries(models), changedAt: data.asOfPosition - 1 };
}

/** Versions and promotions in the state's order, cut where a part is full; a registration fits, so a version does. */
function partsOf(state: RegistryState): SnapshotModel[][] {
  let part: SnapshotModel[] = [];
  const parts = [part];
  let bytes = 0;
  const place = (name: string, item: Partial<SnapshotModel>): void => {
    const itemBytes = estimateBytes(item);
    if (bytes + itemBytes > partBytesWanted && bytes > 0) {
      part = [];
      parts.push(part);
      bytes = 0;
    }
    bytes += itemBytes;
    let model = part.at(-1);
    if (model?.name !== name) {
      model = { name, versions: [], promotions: [] };
      part.push(model);
    }
    model.versions.push(...(item.versions ?? []));
    model.promotions.push(...(item.promotions ?? []));
  };
  for (const [name, { versions, promotions }] of Object.entries(state.models)) {
    for (const version of Object.values(versions)) place(name, { versions: [version] });
    for (const promotion of promotions) place(name, { promotions: [promotion] });
  }
  return parts;
}
