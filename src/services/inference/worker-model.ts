import { Worker } from 'node:worker_threads';
import type { Column, ColumnBatch } from '../../schemas/columns.js';
import type { ServedBy } from '../../schemas/events.js';
import { HindcastError, errors } from '../platform/errors.js';
import { limits } from '../platform/limits.js';
import { ownBuffer, transferList } from './column-buffers.js';
import type { InferenceModel, OutputBatch } from './inference-model.js';
import { type LoadOnnxOptions, servedByOf } from './onnx-adapter.js';
import { workerEntry } from './worker-entry.js';
import type { FromWorker, SentColumn, ToWorker, WorkerData } from './worker-messages.js';

export interface WorkerModelOptions extends LoadOnnxOptions {
  /**
   * True: the buffers of a batch are moved to the worker instead of copied, and the caller MUST NOT use the batch
   * after `run`. False unless told.
   */
  readonly takesBatches?: boolean;
}

/**
 * The same as `loadOnnxModel`, in a thread of its own: a run does not block the caller. At most
 * `workerRunsInFlightMax` runs at a time, more are SERVER_BUSY. A worker that dies fails what it was running with
 * INFERENCE_FAILED and is started again once; when it dies again, every run says so. `close` ends the thread at once.
 */
export async function loadModelInWorker(options: WorkerModelOptions): Promise<InferenceModel> {
  const model = new WorkerModel(options);
  await model.start();
  return model;
}

interface Pending {
  readonly resolve: (batch: OutputBatch) => void;
  readonly reject: (error: HindcastError) => void;
}

class WorkerModel implements InferenceModel {
  readonly manifest: LoadOnnxOptions['manifest'];
  readonly servedBy: ServedBy;
  readonly #options: WorkerModelOptions;
  readonly #name: string;
  readonly #pending = new Map<number, Pending>();
  #worker: Worker | undefined;
  #loaded: Promise<void> = Promise.resolve();
  #dictionaries = new Map<readonly string[], number>();
  #nextRun = 0;
  #nextDictionary = 0;
  #restarts = 0;
  #everLoaded = false;
  #ended: HindcastError | undefined;

  constructor(options: WorkerModelOptions) {
    this.#options = options;
    this.#name = `${options.manifest.name}@${options.manifest.version}`;
    this.manifest = options.manifest;
    this.servedBy = servedByOf(options);
  }

  /** Resolves when the model is loaded in the worker; throws what loading threw. */
  start(): Promise<void> {
    const { takesBatches: _, ...options } = this.#options;
    const data: WorkerData = options;
    const worker = new Worker(workerEntry(import.meta.url, 'inference-worker'), { workerData: data });
    this.#worker = worker;
    this.#dictionaries = new Map();
    let lastError: unknown;
    this.#loaded = new Promise((resolve, reject) => {
      worker.on('message', (message: FromWorker) => {
        if (message.kind === 'loaded') {
          this.#everLoaded = true;
          resolve();
        } else if (message.kind === 'load-failed') {
          const error = new HindcastError(message.error);
          this.#ended = error;
          reject(error);
        } else this.#settle(message);
      });
      worker.on('error', (error) => {
        lastError = error;
      });
      worker.on('exit', (code) => {
        const problem = lastError instanceof Error ? lastError.message : `exit code ${code}`;
        const error = errors.INFERENCE_FAILED({
          model: this.#name,
          problem: `its worker thread ended (${problem})`,
        });
        reject(error);
        this.#died(error);
      });
    });
    // Every run waits for this promise and tells its caller; a restart that fails must not be an unhandled rejection.
    this.#loaded.catch(() => undefined);
    return this.#loaded;
  }

  async run(batch: ColumnBatch): Promise<OutputBatch> {
    if (this.#pending.size >= limits.workerRunsInFlightMax) {
      throw errors.SERVER_BUSY({
        what: `the worker of ${this.#name} (${limits.workerRunsInFlightMax} runs)`,
      });
    }
    const runId = this.#nextRun;
    this.#nextRun += 1;
    return new Promise((resolve, reject) => {
      this.#pending.set(runId, { resolve, reject });
      this.#loaded.then(
        () => this.#send(runId, batch),
        (error: HindcastError) => this.#fail(runId, error),
      );
    });
  }

  async close(): Promise<void> {
    this.#end(errors.INFERENCE_FAILED({ model: this.#name, problem: 'the model is closed' }));
    await this.#worker?.terminate();
  }

  #send(runId: number, batch: ColumnBatch): void {
    if (this.#ended !== undefined) {
      this.#fail(runId, this.#ended);
      return;
    }
    const columns: { [field: string]: SentColumn } = {};
    for (const [field, column] of Object.entries(batch.columns)) {
      Object.defineProperty(columns, field, { value: this.#sent(column), enumerable: true });
    }
    const message: ToWorker = { kind: 'run', runId, rows: batch.rows, columns };
    this.#post(message, this.#options.takesBatches === true ? transferList(Object.values(columns)) : []);
  }

  #sent(column: Column): SentColumn {
    const valid = column.valid === undefined ? undefined : ownBuffer(column.valid);
    switch (column.kind) {
      case 'text':
        return { ...column, valid };
      case 'dictionary':
        return {
          kind: 'dictionary',
          codes: ownBuffer(column.codes),
          dictionaryId: this.#dictionaryId(column.dictionary),
          valid,
        };
      case 'number':
        return { kind: 'number', values: ownBuffer(column.values), valid };
      case 'integer':
        return { kind: 'integer', values: ownBuffer(column.values), valid };
      case 'boolean':
        return { kind: 'boolean', values: ownBuffer(column.values), valid };
    }
  }

  /** Messages arrive in order, so a dictionary sent before a run is there when the run is. */
  #dictionaryId(dictionary: readonly string[]): number {
    const known = this.#dictionaries.get(dictionary);
    if (known !== undefined) return known;
    if (this.#dictionaries.size >= limits.workerDictionariesMax) {
      this.#dictionaries.clear();
      this.#post({ kind: 'forget-dictionaries' });
    }
    const dictionaryId = this.#nextDictionary;
    this.#nextDictionary += 1;
    this.#dictionaries.set(dictionary, dictionaryId);
    this.#post({ kind: 'dictionary', dictionaryId, dictionary });
    return dictionaryId;
  }

  #post(message: ToWorker, transfer: readonly ArrayBuffer[] = []): void {
    this.#worker?.postMessage(message, transfer);
  }

  #settle(message: Extract<FromWorker, { readonly runId: number }>): void {
    const pending = this.#pending.get(message.runId);
    this.#pending.delete(message.runId);
    if (message.kind === 'done') pending?.resolve(message.batch);
    else pending?.reject(new HindcastError(message.error));
  }

  #fail(runId: number, error: HindcastError): void {
    this.#pending.get(runId)?.reject(error);
    this.#pending.delete(runId);
  }

  #died(error: HindcastError): void {
    if (this.#ended !== undefined || !this.#everLoaded) {
      this.#end(this.#ended ?? error);
      return;
    }
    for (const runId of this.#pending.keys()) this.#fail(runId, error);
    if (this.#restarts > 0) {
      const problem = 'its worker thread ended twice, so it is not started again; restart the process';
      this.#end(errors.INFERENCE_FAILED({ model: this.#name, problem }, error));
      return;
    }
    this.#restarts += 1;
    void this.start();
  }

  #end(error: HindcastError): void {
    this.#ended ??= error;
    for (const runId of this.#pending.keys()) this.#fail(runId, this.#ended);
  }
}
