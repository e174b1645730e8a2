import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import type { Durability } from '../../src/schemas/durability.js';
import type { EventAppender, EventLog } from '../../src/services/event-log/event-log.js';
import { createMemoryLog } from '../../src/services/event-log/memory-log.js';
import { openArtefactStore } from '../../src/services/inference/artefact-store.js';
import { featureSchemaDigest } from '../../src/services/inference/feature-schema-digest.js';
import { loadOnnxModel } from '../../src/services/inference/onnx-adapter.js';
import { readBundle } from '../../src/services/inference/read-bundle.js';
import {
  decidePromote,
  decideRegister,
  emptyRegistry,
  evolveRegistry,
} from '../../src/services/inference/registry.js';
import { type Clock, manualClock } from '../../src/services/platform/clock.js';
import { createLogger } from '../../src/services/platform/logger.js';
import { createMetrics } from '../../src/services/platform/metrics.js';
import { buildApp } from '../../src/services/prediction-api/app.js';
import { createIdempotentPredictions } from '../../src/services/prediction-api/idempotent-predictions.js';
import { createRecentPredictions } from '../../src/services/prediction-api/recent-predictions.js';
import { createRecordOutcomes } from '../../src/services/prediction-api/record-outcomes.js';
import { createRecordPredictions } from '../../src/services/prediction-api/record-prediction.js';
import { createRejectionRecorder } from '../../src/services/prediction-api/record-rejection.js';
import type { RejectionRecorder } from '../../src/services/prediction-api/record-rejection.js';
import { createServingModels } from '../../src/services/prediction-api/serving-models.js';
import type { ServingModels } from '../../src/services/prediction-api/serving-models.js';
import { root } from './run-command.js';
import { temporaryFolder } from './temporary-folder.js';

/** A row that v1 takes. */
export const flightInputs = {
  carrier: 'UA',
  origin: 'EWR',
  dest: 'IAH',
  sched_dep_minute: 315,
  day_of_week: 2,
  distance: 1400,
  sched_elapsed_minutes: 227,
};

export const noon = Date.parse('2026-03-01T12:00:00Z') * 1000;

export interface FlightsApp {
  readonly app: FastifyInstance;
  readonly log: EventLog;
  readonly models: ServingModels;
  readonly rejections: RejectionRecorder;
  readonly clock: ReturnType<typeof manualClock>;
  /** The same application made anew on the same log, as after a restart: what it knew in memory is gone. */
  again(): Promise<FlightsApp>;
}

/** The real application on a memory log with the real v1; `appender` stands in front of the log for appends. */
export async function flightsApp(
  options: {
    tokens?: readonly string[];
    appender?: (log: EventLog) => EventAppender;
    promote?: boolean;
    /** In the place of a memory log. */
    openLog?: (clock: Clock) => Promise<EventLog>;
    durability?: Durability;
  } = {},
): Promise<FlightsApp> {
  const clock = manualClock(noon);
  const log = (await options.openLog?.(clock)) ?? createMemoryLog({ clock });
  const artefacts = openArtefactStore(await temporaryFolder());
  const bundle = await readBundle(join(root, 'examples', 'flights', 'v1'));
  const stored = await artefacts.put(await readFile(bundle.modelPath));
  const digest = featureSchemaDigest(bundle.manifest);
  let registry = emptyRegistry;
  const apply = async (events: readonly Parameters<EventLog['append']>[0][number][]): Promise<void> => {
    await log.append(events);
    for await (const batch of log.read())
      for (const event of batch) registry = evolveRegistry(registry, event);
  };
  await apply(
    decideRegister(registry, {
      id: 'register-v1',
      occurredAt: noon,
      manifest: bundle.manifest,
      featureSchemaDigest: digest,
      artefacts: { model: stored },
    }),
  );
  if (options.promote !== false) {
    const { nextPosition } = await log.head();
    await log.append(
      decidePromote(registry, { id: 'promote-v1', occurredAt: noon, model: 'flights', version: 'v1' }),
    );
    for await (const batch of log.read({ fromPosition: nextPosition }))
      for (const event of batch) registry = evolveRegistry(registry, event);
  }
  const logger = createLogger('silent');
  const models = await createServingModels({
    registry,
    logger,
    loadVersion: async (state, model, version) => {
      const registered = state.models[model]?.versions[version];
      if (registered === undefined) throw new Error(`no ${model}@${version}`);
      return loadOnnxModel({
        manifest: registered.manifest,
        modelPath: artefacts.path(registered.artefacts.model.sha256),
        artefactDigest: registered.artefacts.model.sha256,
        featureSchemaDigest: registered.featureSchemaDigest,
      });
    },
  });
  return await assemble({
    log,
    models,
    clock,
    tokens: options.tokens,
    appender: options.appender?.(log),
    durability: options.durability,
  });
}

async function assemble(parts: {
  readonly log: EventLog;
  readonly models: ServingModels;
  readonly clock: FlightsApp['clock'];
  readonly tokens: readonly string[] | undefined;
  readonly appender: EventAppender | undefined;
  readonly durability: Durability | undefined;
}): Promise<FlightsApp> {
  const { log, models, clock } = parts;
  const appender = parts.appender ?? log;
  const logger = createLogger('silent');
  const metrics = createMetrics();
  const recent = createRecentPredictions(1_000);
  const rejections = createRejectionRecorder({ log: appender, clock, metrics, logger });
  const app = await buildApp({
    models,
    metrics,
    logger,
    tokens: parts.tokens ?? [],
    version: '0.0.0',
    notReady: () => undefined,
    recordPredictions: createIdempotentPredictions({
      record: createRecordPredictions({
        models,
        log: appender,
        clock,
        metrics,
        rejections,
        recent,
        ...(parts.durability === undefined ? {} : { durability: parts.durability }),
      }),
      log,
      clock,
      metrics,
      logger,
    }),
    recordOutcomes: createRecordOutcomes({
      log: appender,
      clock,
      origin: 'live',
      manifestOf: (model) => models.serving(model).manifest,
      known: async (references) => references.map((reference) => recent.has(reference)),
    }),
  });
  return { app, log, models, rejections, clock, again: () => assemble(parts) };
}
