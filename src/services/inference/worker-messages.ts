import type { Column } from '../../schemas/columns.js';
import type { SentError } from '../platform/sent-error.js';
import type { LoadOnnxOptions } from './onnx-adapter.js';
import type { OutputBatch } from './inference-model.js';

/** A column on its way to a worker: a dictionary's strings are sent once and named by number afterwards. */
export type SentColumn =
  | Exclude<Column, { readonly kind: 'dictionary' }>
  | (Omit<Extract<Column, { readonly kind: 'dictionary' }>, 'dictionary'> & {
      readonly dictionaryId: number;
    });

export type ToWorker =
  | { readonly kind: 'dictionary'; readonly dictionaryId: number; readonly dictionary: readonly string[] }
  | { readonly kind: 'forget-dictionaries' }
  | {
      readonly kind: 'run';
      readonly runId: number;
      readonly rows: number;
      readonly columns: { readonly [field: string]: SentColumn };
    };

export type FromWorker =
  | { readonly kind: 'loaded' }
  | { readonly kind: 'load-failed'; readonly error: SentError }
  | { readonly kind: 'done'; readonly runId: number; readonly batch: OutputBatch }
  | { readonly kind: 'failed'; readonly runId: number; readonly error: SentError };

export type WorkerData = LoadOnnxOptions;
