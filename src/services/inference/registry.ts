import type {
  EventType,
  ModelPromoted,
  ModelRegistered,
  ModelRetired,
  NewEvent,
  PromotionEvidence,
  StoredEvent,
} from '../../schemas/events.js';
import { streamOf } from '../../schemas/events.js';
import type { ModelManifest } from '../../schemas/model-manifest.js';
import { errors } from '../platform/errors.js';
import { canonicalJson } from './canonical-json.js';
import { foldSnapshot } from './registry-snapshot-events.js';

export interface RegisteredVersion {
  readonly manifest: ModelManifest;
  readonly artefacts: ModelRegistered['data']['artefacts'];
  readonly featureSchemaDigest: string;
  /** `occurredAt` of the registration, microseconds UTC. */
  readonly registeredAt: number;
  /** Log position of the registration. */
  readonly position: number;
  readonly retired: boolean;
}

export interface Promotion {
  readonly version: string;
  readonly occurredAt: number;
  readonly position: number;
  readonly rollback: boolean;
  /** On what it rests; undefined for one that was recorded without. */
  readonly evidence?: PromotionEvidence | undefined;
}

export interface RegisteredModel {
  readonly versions: { readonly [version: string]: RegisteredVersion };
  /** In log order; the last one is in force. */
  readonly promotions: readonly Promotion[];
}

/** A fold of the registry's events; never changed in place, and plain JSON. */
export interface RegistryState {
  readonly models: { readonly [name: string]: RegisteredModel };
  /** No event after this position changed it; undefined: none at all did. */
  readonly changedAt?: number | undefined;
}

export const emptyRegistry: RegistryState = { models: {} };

/** What the registry is a fold of. */
export const registryEventTypes: readonly EventType[] = [
  'ModelRegistered',
  'ModelPromoted',
  'ModelRetired',
  'StateSnapshotted',
];

/**
 * The state after one more event of the log, in log order. Events of other kinds change nothing. Begun anywhere before
 * a snapshot, or with it, the fold gives what it gives from position 0.
 */
export function evolveRegistry(state: RegistryState, event: StoredEvent): RegistryState {
  switch (event.type) {
    case 'StateSnapshotted':
      return foldSnapshot(state, event);
    case 'ModelRegistered':
    case 'ModelPromoted':
    case 'ModelRetired':
      return { models: foldModelEvent(state, event).models, changedAt: event.position };
    case 'PredictionServed':
    case 'PredictionRejected':
    case 'PredictionFailed':
    case 'OutcomeObserved':
    case 'ReplayCompleted':
      return state;
  }
}

type ModelEvent = Extract<StoredEvent, { type: 'ModelRegistered' | 'ModelPromoted' | 'ModelRetired' }>;

function foldModelEvent(state: RegistryState, event: ModelEvent): RegistryState {
  switch (event.type) {
    case 'ModelRegistered': {
      const { manifest, artefacts, featureSchemaDigest } = event.data;
      const model = registeredModel(state, manifest.name) ?? { versions: {}, promotions: [] };
      return withModel(state, manifest.name, {
        ...model,
        versions: {
          ...model.versions,
          [manifest.version]: {
            manifest,
            artefacts,
            featureSchemaDigest,
            registeredAt: event.occurredAt,
            position: event.position,
            retired: false,
          },
        },
      });
    }
    case 'ModelPromoted': {
      const { version, rollback, evidence } = event.data;
      const model = registeredModel(state, event.data.model) ?? { versions: {}, promotions: [] };
      const { occurredAt, position } = event;
      const promotion = { version, occurredAt, position, rollback, ...(evidence && { evidence }) };
      return withModel(state, event.data.model, { ...model, promotions: [...model.promotions, promotion] });
    }
    case 'ModelRetired': {
      const model = registeredModel(state, event.data.model);
      const registered = model === undefined ? undefined : registeredVersion(model, event.data.version);
      if (model === undefined || registered === undefined) return state;
      const versions = { ...model.versions, [event.data.version]: { ...registered, retired: true } };
      return withModel(state, event.data.model, { ...model, versions });
    }
  }
}

/**
 * The version that serves: the last one promoted. With `atMicros`, the one that served at that instant, by when the
 * promotions happened. Undefined: none, or the model is not known.
 */
export function servingVersion(state: RegistryState, model: string, atMicros?: number): string | undefined {
  const promotions = registeredModel(state, model)?.promotions ?? [];
  if (atMicros === undefined) return promotions.at(-1)?.version;
  return promotions
    .filter((promotion) => promotion.occurredAt <= atMicros)
    .toSorted((a, b) => a.occurredAt - b.occurredAt || a.position - b.position)
    .at(-1)?.version;
}

/**
 * What `name@version`, or `version` alone when there is one model, refers to. Throws MODEL_NAME_NEEDED,
 * MODEL_NOT_FOUND or MODEL_VERSION_NOT_FOUND, which list what is known.
 */
export function resolveModelReference(
  state: RegistryState,
  reference: string,
): { readonly model: string; readonly version: string; readonly registered: RegisteredVersion } {
  const known = Object.keys(state.models);
  const at = reference.indexOf('@');
  const version = reference.slice(at + 1);
  const name = at === -1 ? known[0] : reference.slice(0, at);
  if (at === -1 && known.length > 1) throw errors.MODEL_NAME_NEEDED({ known });
  if (name === undefined) throw errors.MODEL_NOT_FOUND({ model: reference, known });
  return { model: name, version, registered: requireVersion(state, name, version) };
}

/** The registered version. Throws MODEL_NOT_FOUND or MODEL_VERSION_NOT_FOUND. */
export function requireVersion(state: RegistryState, model: string, version: string): RegisteredVersion {
  const found = registeredModel(state, model);
  if (found === undefined) throw errors.MODEL_NOT_FOUND({ model, known: Object.keys(state.models) });
  const registered = registeredVersion(found, version);
  if (registered !== undefined) return registered;
  throw errors.MODEL_VERSION_NOT_FOUND({ model, version, known: Object.keys(found.versions) });
}

/** The registered model; undefined when it is not known. Finds no inherited names such as `constructor`. */
export function registeredModel(state: RegistryState, model: string): RegisteredModel | undefined {
  return Object.hasOwn(state.models, model) ? state.models[model] : undefined;
}

/** The id and the time of the event that a decision makes. */
interface Happening {
  readonly id: string;
  readonly occurredAt: number;
}

/**
 * Registers a version. The same content again is no event; other content under a known version throws
 * MODEL_VERSION_EXISTS, since a version never changes.
 */
export function decideRegister(
  state: RegistryState,
  options: Happening & {
    readonly manifest: ModelManifest;
    readonly artefacts: ModelRegistered['data']['artefacts'];
    readonly featureSchemaDigest: string;
  },
): readonly NewEvent[] {
  const { id, occurredAt, manifest, artefacts, featureSchemaDigest } = options;
  const { name: model, version } = manifest;
  const versions = registeredModel(state, model)?.versions ?? {};
  const known = Object.hasOwn(versions, version) ? versions[version] : undefined;
  if (known !== undefined) {
    const before = [known.manifest, known.artefacts, known.featureSchemaDigest];
    if (canonicalJson(before) === canonicalJson([manifest, artefacts, featureSchemaDigest])) return [];
    throw errors.MODEL_VERSION_EXISTS({ model, version });
  }
  const event: ModelRegistered = {
    type: 'ModelRegistered',
    schemaVersion: 1,
    id,
    stream: streamOf('registry', model),
    occurredAt,
    data: { manifest, artefacts, featureSchemaDigest },
  };
  return [event];
}

/** Makes a version serve; no event when it does already. Throws MODEL_VERSION_RETIRED, and when it is not known. */
export function decidePromote(
  state: RegistryState,
  options: Happening & {
    readonly model: string;
    readonly version: string;
    readonly evidence?: PromotionEvidence;
  },
): readonly NewEvent[] {
  const { model, version } = options;
  if (requireVersion(state, model, version).retired) throw errors.MODEL_VERSION_RETIRED({ model, version });
  return servingVersion(state, model) === version ? [] : [promoted(state, { ...options, rollback: false })];
}

/**
 * Goes back to the version that served before the current one; again, to the one before that. Retired versions are
 * passed over. Throws MODEL_NOT_FOUND and MODEL_NO_PREVIOUS.
 */
export function decideRollback(
  state: RegistryState,
  options: Happening & { readonly model: string },
): readonly NewEvent[] {
  const { model } = options;
  const found = registeredModel(state, model);
  if (found === undefined) throw errors.MODEL_NOT_FOUND({ model, known: Object.keys(state.models) });
  const history: string[] = [];
  for (const promotion of found.promotions) {
    if (promotion.rollback) {
      while (history.length > 0 && history.at(-1) !== promotion.version) history.pop();
    }
    if (history.at(-1) !== promotion.version) history.push(promotion.version);
  }
  const serving = servingVersion(state, model);
  const version = history.findLast(
    (candidate) => candidate !== serving && !requireVersion(state, model, candidate).retired,
  );
  if (version === undefined) throw errors.MODEL_NO_PREVIOUS({ model });
  return [promoted(state, { ...options, version, rollback: true })];
}

/** Takes a version out of use for good; no event when it is already. Throws MODEL_SERVES while it serves. */
export function decideRetire(
  state: RegistryState,
  options: Happening & { readonly model: string; readonly version: string },
): readonly NewEvent[] {
  const { id, occurredAt, model, version } = options;
  if (requireVersion(state, model, version).retired) return [];
  if (servingVersion(state, model) === version) throw errors.MODEL_SERVES({ model, version });
  const event: ModelRetired = {
    type: 'ModelRetired',
    schemaVersion: 1,
    id,
    stream: streamOf('registry', model),
    occurredAt,
    data: { model, version },
  };
  return [event];
}

function promoted(
  state: RegistryState,
  options: Happening & {
    readonly model: string;
    readonly version: string;
    readonly rollback: boolean;
    readonly evidence?: PromotionEvidence;
  },
): ModelPromoted {
  const { id, occurredAt, model, version, rollback, evidence } = options;
  const previousVersion = servingVersion(state, model);
  return {
    type: 'ModelPromoted',
    schemaVersion: 1,
    id,
    stream: streamOf('registry', model),
    occurredAt,
    data: {
      model,
      version,
      rollback,
      ...(previousVersion === undefined ? undefined : { previousVersion }),
      ...(evidence === undefined ? undefined : { evidence }),
    },
  };
}

function registeredVersion(model: RegisteredModel, version: string): RegisteredVersion | undefined {
  return Object.hasOwn(model.versions, version) ? model.versions[version] : undefined;
}

function withModel(state: RegistryState, name: string, model: RegisteredModel): RegistryState {
  return { models: { ...state.models, [name]: model } };
}
