import type { EventLog } from '../../services/event-log/event-log.js';
import { openArtefactStore } from '../../services/inference/artefact-store.js';
import { emptyRegistry, evolveRegistry } from '../../services/inference/registry.js';
import type { RegistryState } from '../../services/inference/registry.js';
import { decidePromote, servingVersion } from '../../services/inference/registry.js';
import { manualClock } from '../../services/platform/clock.js';
import { createLogger } from '../../services/platform/logger.js';
import { createMetrics } from '../../services/platform/metrics.js';
import { newId } from '../../services/platform/new-id.js';
import { createRecentPredictions } from '../../services/prediction-api/recent-predictions.js';
import { createRecordOutcomes } from '../../services/prediction-api/record-outcomes.js';
import { createRecordPredictions } from '../../services/prediction-api/record-prediction.js';
import { createRejectionRecorder } from '../../services/prediction-api/record-rejection.js';
import { createServingModels } from '../../services/prediction-api/serving-models.js';
import { addModel } from '../add-model.js';
import { loadForServing, newestManifest } from '../load-version.js';
import { windowOf } from './flights-calendar.js';
import type { Flight, Window } from './flights-calendar.js';

export interface SeedResult {
  readonly predictions: number;
  readonly outcomes: number;
  /** What an earlier run had seeded already. */
  readonly alreadySeeded: number;
  readonly seconds: number;
}

const model = 'flights';
const windowsInFlight = 12;
const requestPrefix = 'seed-';

/**
 * Sends the traffic through the use case that serves: v1 really runs for each row, with the flight's own instant as
 * `occurredAt`; truths follow at their arrival. What the log holds from an earlier run is not sent again.
 */
export async function seedFlights(options: {
  readonly log: EventLog;
  readonly artefactsDirectory: string;
  readonly bundles: readonly string[];
  readonly windows: AsyncIterable<Window>;
  /** Instant of the first flight, microseconds UTC: the models are registered then. */
  readonly firstAt: number;
  /** Flights in all windows, for the progress. */
  readonly total: number;
  readonly signal: AbortSignal;
  readonly onProgress: (done: number, total: number) => void;
}): Promise<SeedResult> {
  const { log, signal, total } = options;
  const started = performance.now();
  const clock = manualClock(options.firstAt);
  const artefacts = openArtefactStore(options.artefactsDirectory);
  const before = await readSeeded(log);
  const registry = await registerAll({ ...options, registry: before.registry, artefacts, clock });

  const metrics = createMetrics();
  const logger = createLogger('warn');
  const models = await createServingModels({
    registry,
    logger,
    loadVersion: (state, name, version) => loadForServing(artefacts, state, name, version),
  });
  const recordPredictions = createRecordPredictions({
    models,
    log,
    clock,
    metrics,
    rejections: createRejectionRecorder({ log, clock, metrics, logger }),
    recent: createRecentPredictions(1),
  });
  const recordOutcomes = createRecordOutcomes({
    log,
    clock,
    origin: 'seeded',
    source: 'examples/flights',
    manifestOf: (name) => newestManifest(registry, name),
    known: async (references) => references.map(() => true),
  });

  let [predictions, outcomes, done] = [0, 0, 0];
  const seedWindow = async (window: Window): Promise<void> => {
    signal.throwIfAborted();
    const flights = window.predictions.slice(before.predictions.get(window.index) ?? 0);
    if (flights.length > 0) {
      await recordPredictions({
        model,
        requestId: `${requestPrefix}${window.index}`,
        rows: flights.map(rowOf),
      });
      predictions += flights.length;
    }
    done += window.predictions.length;
    options.onProgress(done, total);
  };
  const seedOutcomes = async (window: Window): Promise<void> => {
    const flights = window.outcomes.slice(before.outcomes.get(window.index) ?? 0);
    if (flights.length === 0) return;
    await recordOutcomes(
      flights.flatMap((flight) =>
        flight.truth === undefined
          ? []
          : [{ model, key: flight.key, truth: flight.truth.late, observedAt: flight.truth.arrivedAt }],
      ),
    );
    outcomes += flights.length;
  };
  try {
    // Several windows at a time share ONNX runs and commits; a truth goes in after everything that was asked before it.
    let group: Window[] = [];
    const sendGroup = async (): Promise<void> => {
      await Promise.all(group.map(seedWindow));
      await Promise.all(group.map(seedOutcomes));
      group = [];
    };
    for await (const window of options.windows) {
      group.push(window);
      if (group.length === windowsInFlight) await sendGroup();
    }
    await sendGroup();
  } finally {
    await models.close();
  }
  return {
    predictions,
    outcomes,
    alreadySeeded: total - predictions,
    seconds: (performance.now() - started) / 1000,
  };
}

function rowOf(flight: Flight): { inputs: Flight['inputs']; key: string; occurredAt: number } {
  return { inputs: flight.inputs, key: flight.key, occurredAt: flight.scheduledAt };
}

interface Seeded {
  readonly registry: RegistryState;
  /** Window → how many of its predictions (outcomes), in order, are in the log. */
  readonly predictions: ReadonlyMap<number, number>;
  readonly outcomes: ReadonlyMap<number, number>;
}

async function readSeeded(log: EventLog): Promise<Seeded> {
  let registry = emptyRegistry;
  const predictions = new Map<number, number>();
  const outcomes = new Map<number, number>();
  const count = (map: Map<number, number>, window: number): void => {
    map.set(window, (map.get(window) ?? 0) + 1);
  };
  for await (const events of log.read()) {
    for (const event of events) {
      registry = evolveRegistry(registry, event);
      if (event.type === 'PredictionServed' && event.data.requestId.startsWith(requestPrefix))
        count(predictions, windowOf(event.occurredAt));
      if (event.type === 'OutcomeObserved' && event.data.origin === 'seeded')
        count(outcomes, windowOf(event.data.observedAt));
    }
  }
  return { registry, predictions, outcomes };
}

async function registerAll(options: {
  readonly log: EventLog;
  readonly bundles: readonly string[];
  readonly registry: RegistryState;
  readonly artefacts: ReturnType<typeof openArtefactStore>;
  readonly clock: ReturnType<typeof manualClock>;
}): Promise<RegistryState> {
  const { log, artefacts, clock } = options;
  let registry = options.registry;
  const fold = async (from: number): Promise<void> => {
    for await (const events of log.read({ fromPosition: from }))
      for (const event of events) registry = evolveRegistry(registry, event);
  };
  for (const bundle of options.bundles) {
    const { nextPosition } = await log.head();
    await addModel({ bundle, registry, artefacts, appender: log, clock });
    await fold(nextPosition);
  }
  if (servingVersion(registry, model) === undefined) {
    const { nextPosition } = await log.head();
    await log.append(
      decidePromote(registry, { id: newId(), occurredAt: clock.nowMicros(), model, version: 'v1' }),
    );
    await fold(nextPosition);
  }
  return registry;
}
