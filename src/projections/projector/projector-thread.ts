import { Worker } from 'node:worker_threads';
import { z } from 'zod';
import type { LogLocation } from '../../services/event-log/log-location.js';
import { releaseLockOfThread } from '../datasets/dataset-lock.js';
import { datasetsDirectory } from '../datasets/dataset-manifest.js';

export interface ProjectorThread {
  /** Resolves when the thread has ended; what it projected by then is in force. */
  stop(): Promise<void>;
}

const Progress = z.strictObject({ position: z.int() });

/**
 * Starts the projector in a thread of its own, so that writing Parquet never delays a reply. `onProgress`: everything
 * before the position is in parts (the log's head minus it is the lag). `onError`: the thread ended by an error; it is
 * not started again, and queries go on to see every event through the tail.
 */
export function startProjectorWorker(options: {
  readonly dataDirectory: string;
  readonly log: LogLocation;
  readonly onProgress?: (position: number) => void;
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
  worker.on('message', (message: unknown) => options.onProgress?.(Progress.parse(message).position));
  worker.on('error', (error) => options.onError?.(error instanceof Error ? error : new Error(String(error))));
  return {
    stop: async () => {
      worker.postMessage('stop');
      await ended;
    },
  };
}
