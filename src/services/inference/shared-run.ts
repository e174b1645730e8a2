import type { JsonObject } from '../../schemas/json-value.js';
import type { Clock } from '../platform/clock.js';
import { HindcastError, errors } from '../platform/errors.js';
import { limits } from '../platform/limits.js';
import type { InferenceModel, OutputBatch } from './inference-model.js';
import { type PredictedRow, predictedRows } from './predicted-rows.js';
import { rowsToColumns } from './row-columns.js';

export interface PredictedRows {
  /** In the order asked. */
  readonly rows: readonly PredictedRow[];
  /** Rows in the ONNX run that these rows shared with other requests. */
  readonly batchRows: number;
  /** Microseconds from the request to the start of the run. */
  readonly queueMicros: number;
  readonly inferenceMicros: number;
}

export interface SharedRunner {
  /**
   * Waits for a run and shares it with every request that waits as well. Throws SERVER_BUSY when more than
   * `queueRowsMax` rows would wait; a row that the model fails on gets its error without hurting the others.
   */
  predict(rows: readonly JsonObject[]): Promise<PredictedRows>;
  /** Takes no more requests; resolves when those that wait are answered. The model stays open. */
  close(): Promise<void>;
}

export interface SharedRunnerOptions {
  readonly model: InferenceModel;
  /** Measures waiting; only differences are used. */
  readonly clock?: Clock;
  readonly rowsPerRunMax?: number;
  readonly queueRowsMax?: number;
}

interface Waiting {
  readonly rows: readonly JsonObject[];
  readonly sinceMicros: number;
  readonly resolve: (predicted: PredictedRows) => void;
  readonly reject: (error: unknown) => void;
}

const monotonicClock: Clock = { nowMicros: () => Math.round(performance.now() * 1000) };

/** Requests that wait in the same turn of the event loop, or while a run is under way, share the next ONNX run. */
export function createSharedRunner(options: SharedRunnerOptions): SharedRunner {
  const { model, clock = monotonicClock } = options;
  const rowsPerRunMax = options.rowsPerRunMax ?? limits.rowsPerInferenceRunMax;
  const queueRowsMax = options.queueRowsMax ?? limits.inferenceQueueRowsMax;
  let waiting: Waiting[] = [];
  let rowsWaiting = 0;
  let draining: Promise<void> | undefined;
  let closed = false;

  async function drain(): Promise<void> {
    // Sockets that became readable together are handled one after the other in this turn: let them all come in.
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (waiting.length > 0) {
      const requests = takeWaiting();
      try {
        await runTogether(requests);
      } catch (error) {
        for (const request of requests) request.reject(error);
      }
    }
    draining = undefined;
  }

  async function runTogether(requests: readonly Waiting[]): Promise<void> {
    const startMicros = clock.nowMicros();
    const rows =
      requests.length === 1 ? (requests[0]?.rows ?? []) : requests.flatMap((request) => request.rows);
    const answers = await runInParts(model, rows, rowsPerRunMax);
    let from = 0;
    for (const request of requests) {
      const until = from + request.rows.length;
      request.resolve({
        rows: requests.length === 1 ? answers.rows : answers.rows.slice(from, until),
        batchRows: answers.batchRows,
        queueMicros: Math.max(0, startMicros - request.sinceMicros),
        inferenceMicros: answers.inferenceMicros,
      });
      from = until;
    }
  }

  /** Whole requests, in order, up to the rows of one run; a larger request goes alone. */
  function takeWaiting(): readonly Waiting[] {
    let rows = 0;
    let count = 0;
    for (const request of waiting) {
      if (count > 0 && rows + request.rows.length > rowsPerRunMax) break;
      rows += request.rows.length;
      count += 1;
    }
    const taken = count === waiting.length ? waiting : waiting.slice(0, count);
    waiting = count === waiting.length ? [] : waiting.slice(count);
    rowsWaiting -= rows;
    return taken;
  }

  return {
    predict(rows) {
      if (closed)
        return Promise.reject(errors.SERVER_BUSY({ what: 'the model is being replaced; its queue' }));
      if (rows.length === 0) return Promise.reject(errors.BATCH_EMPTY({}));
      if (rowsWaiting + rows.length > queueRowsMax) {
        return Promise.reject(errors.SERVER_BUSY({ what: `the inference queue (${queueRowsMax} rows)` }));
      }
      rowsWaiting += rows.length;
      return new Promise((resolve, reject) => {
        waiting.push({ rows, sinceMicros: clock.nowMicros(), resolve, reject });
        draining ??= drain();
      });
    },
    async close() {
      closed = true;
      await draining;
    },
  };
}

interface Answers {
  readonly rows: readonly PredictedRow[];
  readonly batchRows: number;
  readonly inferenceMicros: number;
}

async function runInParts(
  model: InferenceModel,
  rows: readonly JsonObject[],
  partMax: number,
): Promise<Answers> {
  if (rows.length <= partMax) return runRows(model, rows);
  const parts: Answers[] = [];
  for (let from = 0; from < rows.length; from += partMax) {
    parts.push(await runRows(model, rows.slice(from, from + partMax)));
  }
  return {
    rows: parts.flatMap((part) => part.rows),
    batchRows: Math.max(...parts.map((part) => part.batchRows)),
    inferenceMicros: parts.reduce((sum, part) => sum + part.inferenceMicros, 0),
  };
}

async function runRows(model: InferenceModel, rows: readonly JsonObject[]): Promise<Answers> {
  const run = await attempt(model, rows);
  if (run.kind === 'done') {
    return {
      rows: predictedRows(run.batch),
      batchRows: rows.length,
      inferenceMicros: run.batch.inferenceMicros,
    };
  }
  return runWithoutPoison(model, rows, run.error);
}

/**
 * Finds the rows that fail by halving, then runs all the others together once more, so that every answer comes from
 * a run of the size that is recorded with it.
 */
async function runWithoutPoison(
  model: InferenceModel,
  rows: readonly JsonObject[],
  error: HindcastError,
): Promise<Answers> {
  const failed = new Map<number, HindcastError>();
  await findPoison(model, rows, 0, error, failed);
  const good = rows.filter((_, index) => !failed.has(index));
  const run = good.length === 0 ? undefined : await attempt(model, good);
  const batch = run?.kind === 'done' ? run.batch : undefined;
  const again = run?.kind === 'failed' ? run.error : error;
  const predicted = batch === undefined ? [] : predictedRows(batch);
  let next = 0;
  return {
    rows: rows.map((_, index): PredictedRow => {
      const own = failed.get(index);
      if (own !== undefined) return { kind: 'failed', error: own };
      const answer = predicted[next];
      next += 1;
      return answer ?? { kind: 'failed', error: again };
    }),
    batchRows: Math.max(1, good.length),
    inferenceMicros: batch?.inferenceMicros ?? 0,
  };
}

async function findPoison(
  model: InferenceModel,
  rows: readonly JsonObject[],
  offset: number,
  error: HindcastError,
  failed: Map<number, HindcastError>,
): Promise<void> {
  if (rows.length === 1) {
    failed.set(offset, error);
    return;
  }
  const middle = rows.length >> 1;
  for (const [half, start] of [
    [rows.slice(0, middle), offset],
    [rows.slice(middle), offset + middle],
  ] as const) {
    const run = await attempt(model, half);
    if (run.kind === 'failed') await findPoison(model, half, start, run.error, failed);
  }
}

type Attempt =
  | { readonly kind: 'done'; readonly batch: OutputBatch }
  | { readonly kind: 'failed'; readonly error: HindcastError };

async function attempt(model: InferenceModel, rows: readonly JsonObject[]): Promise<Attempt> {
  try {
    return { kind: 'done', batch: await model.run(rowsToColumns(model.manifest, rows)) };
  } catch (cause) {
    if (cause instanceof HindcastError) return { kind: 'failed', error: cause };
    const problem = cause instanceof Error ? cause.message : String(cause);
    const name = `${model.manifest.name}@${model.manifest.version}`;
    return { kind: 'failed', error: errors.INFERENCE_FAILED({ model: name, problem }, cause) };
  }
}
