import { openAnalytics } from '../projections/datasets/open-analytics.js';
import { knownPredictions } from '../projections/queries/known-predictions.js';
import { loadRegistry } from '../projections/load-registry.js';
import { startProjectorWorker } from '../projections/projector/projector-thread.js';
import type { StoredEvent } from '../schemas/events.js';
import type { CompressionReport } from '../services/event-log/segment-log/sealed-compressor.js';
import { segmentName } from '../services/event-log/segment-log/segment-file.js';
import { openSegmentLog } from '../services/event-log/segment-log/segment-log.js';
import type { SegmentLog } from '../services/event-log/segment-log/segment-log.js';
import type { KurrentLog } from '../services/event-log/kurrent-log/kurrent-log.js';
import { openClusterLog, type LogLocation } from '../services/event-log/log-location.js';
import { errors } from '../services/platform/errors.js';
import { openArtefactStore } from '../services/inference/artefact-store.js';
import { systemClock } from '../services/platform/clock.js';
import { assertSafeAddress } from '../services/platform/config.js';
import type { Config } from '../services/platform/config.js';
import type { Logger } from '../services/platform/logger.js';
import { limits } from '../services/platform/limits.js';
import { createMetrics } from '../services/platform/metrics.js';
import type { Metrics } from '../services/platform/metrics.js';
import { systemTimers } from '../services/platform/timers.js';
import { buildApp } from '../services/prediction-api/app.js';
import { createIdempotentPredictions } from '../services/prediction-api/idempotent-predictions.js';
import { listen } from '../services/prediction-api/main.js';
import type { OutcomeReference } from '../services/prediction-api/recent-predictions.js';
import { createRecentPredictions } from '../services/prediction-api/recent-predictions.js';
import { createRecordOutcomes } from '../services/prediction-api/record-outcomes.js';
import { createRecordPredictions } from '../services/prediction-api/record-prediction.js';
import { createRejectionRecorder } from '../services/prediction-api/record-rejection.js';
import { createServingModels } from '../services/prediction-api/serving-models.js';
import type { ServingModels } from '../services/prediction-api/serving-models.js';
import { loadForServing, newestManifest } from './load-version.js';
import { policyOf, startRetention } from './start-retention.js';
import { packageVersion } from './package-version.js';
import { followRegistry } from './follow-registry.js';
import { dataPaths, logLocation } from './workspace.js';

export interface RunningServer {
  readonly url: string;
  readonly models: readonly string[];
  /** Takes no more requests, lets those under way finish, and releases the log. */
  stop(): Promise<void>;
}

/** Puts the server together: log, registry, models, endpoint and projector, in one process. */
export async function startServer(config: Config, logger: Logger): Promise<RunningServer> {
  assertSafeAddress(config.server);
  const paths = dataPaths(config.data);
  const metrics = createMetrics();
  const artefacts = openArtefactStore(paths.artefacts);
  let models: ServingModels | undefined;
  const follow = async (events: readonly StoredEvent[]): Promise<void> => await models?.follow(events);
  const location = logLocation(config);
  const opened = await openServerLog(config, { location, follow, logger, metrics });
  const { log } = opened;
  const closers: (() => Promise<void>)[] = [() => log.close()];
  const stop = async (): Promise<void> => {
    for (const close of closers.toReversed()) await close();
  };
  try {
    const { state, position } = await loadRegistry({ dataDirectory: config.data, reader: log });
    const serving = await createServingModels({
      registry: state,
      logger,
      loadVersion: (registry, model, version) => loadForServing(artefacts, registry, model, version),
    });
    models = serving;
    closers.push(() => serving.close());
    if (opened.kind === 'cluster') {
      const following = followRegistry({
        log: opened.log,
        fromPosition: position,
        onEvents: follow,
        onError: (error) => logger.error({ err: error }, 'models are not followed any more'),
      });
      closers.push(() => following.stop());
    }
    const recent = createRecentPredictions(limits.recentPredictionsMax);
    const rejections = createRejectionRecorder({ log, clock: systemClock, metrics, logger });
    closers.push(() => rejections.settled());
    const app = await buildApp({
      models: serving,
      metrics,
      logger,
      tokens: config.server.tokens,
      version: packageVersion(),
      notReady: () =>
        Object.keys(serving.registry().models).length === 0 ? 'no model is registered' : undefined,
      recordPredictions: createIdempotentPredictions({
        record: createRecordPredictions({
          models: serving,
          log,
          clock: systemClock,
          metrics,
          rejections,
          recent,
          durability: config.log.durability,
        }),
        log,
        clock: systemClock,
        metrics,
        logger,
      }),
      recordOutcomes: createRecordOutcomes({
        log,
        clock: systemClock,
        origin: 'live',
        manifestOf: (model) => newestManifest(serving.registry(), model),
        known: async (references: readonly OutcomeReference[]) => {
          const known = references.map((reference) => recent.has(reference));
          if (known.every(Boolean)) return known;
          const analytics = await openAnalytics({ dataDirectory: config.data, reader: log });
          try {
            return await knownPredictions(analytics, references);
          } finally {
            await analytics.close();
          }
        },
      }),
    });
    closers.push(() => app.close());
    if (config.projector.enabled) {
      const projector = startProjectorWorker({
        dataDirectory: config.data,
        log: location,
        onProgress: (position) => metrics.projectedPosition(position),
        onNoRoom: (error) =>
          logger.error({ err: error }, 'there is no room for the datasets; the projector waits for it'),
        onError: (error) => logger.error({ err: error }, 'the projector stopped'),
      });
      closers.push(() => projector.stop());
    }
    const policy = policyOf(config);
    if (opened.kind === 'disk' && policy !== undefined) {
      const tools = { clock: systemClock, timers: systemTimers, metrics, logger };
      const retention = startRetention({ config, policy, log: opened.log, ...tools });
      closers.push(() => retention.stop());
    }
    const { url } = await listen(app, config.server);
    return { url, models: serving.names(), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

type ServerLog =
  | { readonly kind: 'cluster'; readonly log: KurrentLog }
  | { readonly kind: 'disk'; readonly log: SegmentLog };

async function openServerLog(
  config: Config,
  options: {
    readonly location: LogLocation;
    readonly follow: (events: readonly StoredEvent[]) => Promise<void>;
    readonly logger: Logger;
    readonly metrics: Metrics;
  },
): Promise<ServerLog> {
  const { location, follow, logger, metrics } = options;
  if (location.cluster !== undefined) {
    assertClusterSettings(config);
    metrics.logDurability({ mode: 'durable' }, () => 0);
    const cluster = await openClusterLog(location.cluster, systemClock);
    return { kind: 'cluster', log: config.spool ? await withSpool(cluster, config, options) : cluster };
  }
  if (config.spool)
    throw errors.CONFIG_INVALID({
      source: 'spool',
      problem: 'it is for a log on a cluster, and this one is on disk',
    });
  const log = await openSegmentLog({
    directory: location.directory,
    clock: systemClock,
    compressSealed: config.log.compressSealed,
    durability: config.log.durability,
    onLost: ({ events, error }) => {
      metrics.lostEvents(events);
      logger.error({ events, err: error }, 'acknowledged events could not be made durable and are lost');
    },
    onCompression: (report) => reportCompression(report, logger),
    onForeignAppend: follow,
  });
  reportRecovery(log.recovery, logger);
  metrics.logDurability(config.log.durability, () => log.acknowledgedEvents());
  if (config.log.durability.mode === 'buffered') {
    const { windowMs } = config.log.durability;
    logger.warn({ windowMs }, 'predictions are answered before they are durable, by as much as the window');
  }
  return { kind: 'disk', log };
}

async function withSpool(
  log: KurrentLog,
  config: Config,
  { logger, metrics }: { readonly logger: Logger; readonly metrics: Metrics },
): Promise<KurrentLog> {
  try {
    const { openSpoolingLog } = await import('../services/event-log/kurrent-log/spool/spooling-log.js');
    const spooling = await openSpoolingLog({
      log,
      directory: dataPaths(config.data).spool,
      clock: systemClock,
      onError: (error) =>
        logger.warn({ err: error }, 'what waits in the spool was not shipped; it is tried again'),
    });
    metrics.spool(() => spooling.waitingEvents);
    return spooling;
  } catch (error) {
    await log.close();
    throw error;
  }
}

/** Throws CONFIG_INVALID for a setting of the log on disk that a cluster would leave without effect. */
function assertClusterSettings({ log }: Config): void {
  const idle = [
    ...(log.retainMs === undefined ? [] : ['log.retain']),
    ...(log.retainBytes === undefined ? [] : ['log.retainBytes']),
    ...(log.compressSealed ? ['log.compressSealed'] : []),
    ...(log.durability.mode === 'durable' ? [] : ['log.durability']),
  ];
  if (idle.length > 0)
    throw errors.CONFIG_INVALID({
      source: 'log',
      problem: `${idle.join(', ')}: for a log on disk, and this one is on a cluster (docs/kurrentdb.md says what to set there)`,
    });
}

/** What a crash left behind is never mended in silence. */
function reportCompression(report: CompressionReport, logger: Logger): void {
  const { kind } = report;
  const segment = segmentName(report.segment);
  if (kind === 'compressed') {
    const { bytesBefore, bytesAfter } = report;
    logger.info({ segment, bytesBefore, bytesAfter }, 'a sealed segment of the log was compressed');
  } else if (kind === 'failed')
    logger.warn({ segment, err: report.error }, 'a sealed segment could not be compressed');
  else if (kind === 'damaged')
    logger.error({ segment }, 'a sealed segment is damaged; run `hindcast log verify`');
  else if (kind === 'no-room') logger.warn({ segment }, 'there is no room to compress a sealed segment');
}

function reportRecovery(
  { tornTail, eventsAfterHead, headDamaged }: SegmentLog['recovery'],
  logger: Logger,
): void {
  if (tornTail !== undefined)
    logger.warn({ ...tornTail }, 'the log ended in a torn tail: it was cut off and kept aside');
  if (headDamaged) logger.warn({}, 'the head file was damaged and was written anew');
  if (eventsAfterHead > 0)
    logger.info({ events: eventsAfterHead }, 'events after the head file were whole and are kept');
}
