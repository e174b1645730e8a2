import { Worker } from 'node:worker_threads';
import { z } from 'zod';
import type { LogLocation } from '../../services/event-log/log-location.js';
import { releaseLockOfThread } from '../datasets/dataset-lock.js';
import { datasetsDirectory } from '../datasets/dataset-manifest.js';

export interface ProjectorThread {
  /** Resolves when the thread has ended; what it projected by then is in force. */
  stop(): Promise<void>;
}

const Message = z.union([
  z.strictObject({ position: z.int() }),
  z.strictObject({ noRoom: z.instanceof(Error) }),
  z.strictObject({ failed: z.instanceof(Error) }),
]);

/**
 * Starts the projector in a thread of its own, so that writing Parquet never delays a reply. `onProgress`: everything
 * before the position is in parts (the log's head minus it is the lag). `onNoRoom`: the disk is full, and the thread
 * tries again until there is room. `onError`: the thread ended by an error; it is not started again. Queries see every
 * event through the tail in both cases.
 */
export function startProjectorWorker(options: {
  readonly dataDirectory: string;
  readonly log: LogLocation;
  readonly onProgress?: (position: number) => void;
  readonly onNoRoom?: (error: Error) => void;
  readonly onError?: (error: Error) => void;
}): ProjectorThread {
  const worker = new Worker(new URL('./projector-worker.js', import.meta.url), {
    workerData: { dataDirectory: options.dataDirectory, log: options.log },
  });
  const { threadId } = worker;
  const ended = new Promise<void>((resolve) => {
    worker.once('exit', () => {
      releaseLockOfThread(datasetsDirectory(options.dataDirectory), threadId).then(
        resolve,
        (error: unknown) => {
          options.onError?.(error instanceof Error ? error : new Error(String(error)));
          resolve();
        },
      );
    });
  });
  worker.on('message', (received: unknown) => {
    const message = Message.parse(received);
    if ('position' in message) options.onProgress?.(message.position);
    else if ('noRoom' in message) options.onNoRoom?.(message.noRoom);
    else options.onError?.(message.failed);
  });
  worker.on('error', (error) => options.onError?.(error instanceof Error ? error : new Error(String(error))));
  return {
    stop: async () => {
      worker.postMessage('stop');
      await ended;
    },
  };
}
