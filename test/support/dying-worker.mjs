// Preloaded by a test: the inference worker of the version DYING_VERSION ends at a run, DYING_TIMES in all; DYING_FILE counts them.
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { isMainThread, parentPort, workerData } from 'node:worker_threads';

const { DYING_VERSION, DYING_TIMES, DYING_FILE } = process.env;
if (!isMainThread && workerData?.manifest?.version === DYING_VERSION) {
  parentPort.on('message', ({ kind }) => {
    const deaths = existsSync(DYING_FILE) ? readFileSync(DYING_FILE).length : 0;
    if (kind !== 'run' || deaths >= Number(DYING_TIMES)) return;
    appendFileSync(DYING_FILE, '.');
    process.exit(9);
  });
}
