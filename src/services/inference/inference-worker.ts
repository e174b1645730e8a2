import { parentPort, workerData } from 'node:worker_threads';
import type { Column, ColumnBatch } from '../../schemas/columns.js';
import { sentError } from '../platform/sent-error.js';
import { transferList } from './column-buffers.js';
import type { InferenceModel } from './inference-model.js';
import { loadOnnxModel } from './onnx-adapter.js';
import type { FromWorker, SentColumn, ToWorker, WorkerData } from './worker-messages.js';

// The entry of an inference worker: loads one model, then answers runs in the order in which they come.
const port = parentPort;
const options: WorkerData = workerData;
if (port !== null) await serve(port, options);

async function serve(to: NonNullable<typeof parentPort>, options: WorkerData): Promise<void> {
  let model: InferenceModel;
  try {
    model = await loadOnnxModel(options);
  } catch (error) {
    post({ kind: 'load-failed', error: sentError(error) });
    return;
  }
  const dictionaries = new Map<number, readonly string[]>();
  to.on('message', (message: ToWorker) => {
    if (message.kind === 'dictionary') dictionaries.set(message.dictionaryId, message.dictionary);
    else if (message.kind === 'forget-dictionaries') dictionaries.clear();
    else void answer(message.runId, { rows: message.rows, columns: received(message.columns, dictionaries) });
  });
  post({ kind: 'loaded' });

  async function answer(runId: number, batch: ColumnBatch): Promise<void> {
    try {
      const result = await model.run(batch);
      post({ kind: 'done', runId, batch: result }, transferList(Object.values(result.outputs)));
    } catch (error) {
      post({ kind: 'failed', runId, error: sentError(error) });
    }
  }

  function post(message: FromWorker, transfer: readonly ArrayBuffer[] = []): void {
    to.postMessage(message, transfer);
  }
}

function received(
  columns: { readonly [field: string]: SentColumn },
  dictionaries: ReadonlyMap<number, readonly string[]>,
): ColumnBatch['columns'] {
  return Object.fromEntries(
    Object.entries(columns).map(([field, column]): [string, Column] => {
      if (!('dictionaryId' in column)) return [field, column];
      const { dictionaryId, ...rest } = column;
      return [field, { ...rest, dictionary: dictionaries.get(dictionaryId) ?? [] }];
    }),
  );
}
