import { parentPort, workerData } from 'node:worker_threads';
import { z } from 'zod';
import { openLogReader } from '../../services/event-log/log-location.js';
import { systemClock } from '../../services/platform/clock.js';
import { runProjector } from './run-projector.js';

/** The entry of the projector's thread; `projector-thread.ts` starts it and speaks with it. */
const { dataDirectory, log } = z
  .strictObject({
    dataDirectory: z.string(),
    log: z.strictObject({
      directory: z.string(),
      cluster: z.strictObject({ connectionString: z.string(), streamPrefix: z.string() }).optional(),
    }),
  })
  .parse(workerData);
const stop = new AbortController();
parentPort?.on('message', (message: unknown) => {
  if (message === 'stop') stop.abort();
});

// Told, not thrown: a thread that dies of an error takes the whole process with it when DuckDB still works for it.
try {
  const reader = await openLogReader({ directory: log.directory, cluster: log.cluster }, systemClock);
  try {
    await runProjector({
      dataDirectory,
      reader,
      signal: stop.signal,
      onProgress: (position) => parentPort?.postMessage({ position }),
      onNoRoom: (error) => parentPort?.postMessage({ noRoom: error }),
    });
  } finally {
    await reader.close();
  }
} catch (error) {
  parentPort?.postMessage({ failed: error instanceof Error ? error : new Error(String(error)) });
} finally {
  parentPort?.close();
}
