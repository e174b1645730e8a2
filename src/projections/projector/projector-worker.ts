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

const reader = await openLogReader({ directory: log.directory, cluster: log.cluster }, systemClock);
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
