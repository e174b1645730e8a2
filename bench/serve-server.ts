import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fastify } from 'fastify';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { StoredEvent } from '../src/schemas/events.js';
import type { EventAppender, EventLog } from '../src/services/event-log/event-log.js';
import { createMemoryLog } from '../src/services/event-log/memory-log.js';
import { openSegmentLog } from '../src/services/event-log/segment-log/segment-log.js';
import { featureSchemaDigest } from '../src/services/inference/feature-schema-digest.js';
import { readBundle } from '../src/services/inference/read-bundle.js';
import { openArtefactStore } from '../src/services/inference/artefact-store.js';
import {
  decidePromote,
  decideRegister,
  emptyRegistry,
  evolveRegistry,
} from '../src/services/inference/registry.js';
import { systemClock } from '../src/services/platform/clock.js';
import { createLogger } from '../src/services/platform/logger.js';
import { createMetrics } from '../src/services/platform/metrics.js';
import { buildApp } from '../src/services/prediction-api/app.js';
import { createIdempotentPredictions } from '../src/services/prediction-api/idempotent-predictions.js';
import { listen } from '../src/services/prediction-api/main.js';
import { createRecentPredictions } from '../src/services/prediction-api/recent-predictions.js';
import { createRecordOutcomes } from '../src/services/prediction-api/record-outcomes.js';
import { createRecordPredictions } from '../src/services/prediction-api/record-prediction.js';
import { createRejectionRecorder } from '../src/services/prediction-api/record-rejection.js';
import { createServingModels } from '../src/services/prediction-api/serving-models.js';
import { loadForServing } from '../src/cli/load-version.js';
import { root } from './support/root.js';

/*
 * One of the three servers that `bench serve` compares, in a process of its own: prints its port, ends when its
 * standard input closes.   node serve-server.js bare|without-log|with-log
 */
const variant = process.argv[2] ?? 'bare';
const bundle = join(root, 'examples', 'flights', 'v1');
const directory = await mkdtemp(join(tmpdir(), 'hindcast-bench-'));
const port = variant === 'bare' ? await bareServer() : await hindcastServer(variant === 'with-log');
process.stdout.write(`${port}\n`);
process.stdin.resume();
process.stdin.on('end', () => {
  void rm(directory, { recursive: true, force: true }).then(() => process.exit(0));
});

/** What one would write by hand: a fastify route, and one ONNX run shared by the requests that wait. */
async function bareServer(): Promise<number> {
  const session = await InferenceSession.create(await readFile(join(bundle, 'model.onnx')), {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
  });
  const strings = ['carrier', 'origin', 'dest'];
  const floats = ['sched_dep_minute', 'day_of_week', 'distance', 'sched_elapsed_minutes'];
  let waiting: { inputs: Record<string, string | number>; resolve: (score: number) => void }[] = [];
  const flush = async (): Promise<void> => {
    const batch = waiting;
    waiting = [];
    const shape = [batch.length, 1];
    const feeds: Record<string, Tensor> = {};
    for (const name of strings)
      feeds[name] = new Tensor(
        'string',
        batch.map((row) => String(row.inputs[name])),
        shape,
      );
    for (const name of floats)
      feeds[name] = new Tensor(
        'float32',
        Float32Array.from(batch, (row) => Number(row.inputs[name])),
        shape,
      );
    const scores = (await session.run(feeds))['probabilities']?.data;
    for (const [index, row] of batch.entries()) row.resolve(Number(scores?.[index * 2 + 1]));
  };
  const app = fastify();
  app.post<{ Body: { inputs: Record<string, string | number> } }>(
    '/v1/models/flights/predict',
    async (request) => {
      const score = await new Promise<number>((resolve) => {
        waiting.push({ inputs: request.body.inputs, resolve });
        if (waiting.length === 1) setImmediate(() => void flush());
      });
      return { model: 'flights', score };
    },
  );
  return (await listen(app, { host: '127.0.0.1', port: 0 })).port;
}

async function hindcastServer(withLog: boolean): Promise<number> {
  const artefacts = openArtefactStore(join(directory, 'artefacts'));
  const log: EventLog = withLog
    ? await openSegmentLog({ directory: join(directory, 'log'), clock: systemClock })
    : createMemoryLog({ clock: systemClock });
  let registry = emptyRegistry;
  const fold = async (): Promise<void> => {
    registry = emptyRegistry;
    for await (const events of log.read())
      for (const event of events) registry = evolveRegistry(registry, event as StoredEvent);
  };
  const { manifest, modelPath } = await readBundle(bundle);
  const model = await artefacts.put(await readFile(modelPath));
  await log.append(
    decideRegister(registry, {
      id: 'register-v1',
      occurredAt: 0,
      manifest,
      featureSchemaDigest: featureSchemaDigest(manifest),
      artefacts: { model },
    }),
  );
  await fold();
  await log.append(
    decidePromote(registry, { id: 'promote-v1', occurredAt: 0, model: 'flights', version: 'v1' }),
  );
  await fold();
  // With the log off, an append costs nothing and keeps nothing.
  let next = 0;
  const nowhere: EventAppender = {
    append: async (events) => ({ firstPosition: (next += events.length) - events.length, recordedAt: 0 }),
  };
  const appender = withLog ? log : nowhere;
  const logger = createLogger('warn');
  const metrics = createMetrics();
  const models = await createServingModels({
    registry,
    logger,
    loadVersion: (state, model, version) => loadForServing(artefacts, state, model, version),
  });
  const rejections = createRejectionRecorder({ log: appender, clock: systemClock, metrics, logger });
  const app = await buildApp({
    models,
    metrics,
    logger,
    tokens: [],
    version: '0.0.0',
    notReady: () => undefined,
    recordPredictions: createIdempotentPredictions({
      record: createRecordPredictions({
        models,
        log: appender,
        clock: systemClock,
        metrics,
        rejections,
        recent: createRecentPredictions(65_536),
      }),
      log,
      clock: systemClock,
      metrics,
      logger,
    }),
    recordOutcomes: createRecordOutcomes({
      log: appender,
      clock: systemClock,
      origin: 'live',
      manifestOf: () => models.serving('flights').manifest,
      known: async (references) => references.map(() => true),
    }),
  });
  return (await listen(app, { host: '127.0.0.1', port: 0 })).port;
}
