import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { z } from 'zod';
import { openSegmentLogReader } from '../../services/event-log/segment-log/segment-log-reader.js';
import { runProjector } from './run-projector.js';

/** The entry of the projector's thread; `projector-thread.ts` starts it and speaks with it. */
const { dataDirectory } = z.strictObject({ dataDirectory: z.string() }).parse(workerData);
const stop = new AbortController();
parentPort?.on('message', (message: unknown) => {
  if (message === 'stop') stop.abort();
});

const reader = await openSegmentLogReader({ directory: join(dataDirectory, 'log') });
try {
  await runProjector({
    dataDirectory,
    reader,
    signal: stop.signal,
    onProgress: (position) => parentPort?.postMessage({ position }),
  });
} finally {
  await reader.close();
  parentPort?.close();
}
