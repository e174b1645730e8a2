import { parentPort, workerData } from 'node:worker_threads';
import { sentError } from '../../services/platform/sent-error.js';
import type { FromRankingWorker, RankingWorkerData, ToRankingWorker } from './ranking-messages.js';
import { scoreRanking } from './score-ranking.js';
import { spillFile } from './spill-file.js';

// The entry of a thread that keeps scores and ranks them when it is asked to, once.
const port = parentPort;
const { spillDirectory }: RankingWorkerData = workerData;
if (port !== null) serve(port, spillDirectory);

function serve(to: NonNullable<typeof parentPort>, directory: string): void {
  const ranking = scoreRanking(() => spillFile(directory));
  let failure: unknown;
  to.on('message', (message: ToRankingWorker) => {
    try {
      if (failure !== undefined) throw failure;
      if (message.kind === 'chunk') ranking.put(message.chunk);
      else post({ kind: 'ranked', auc: ranking.auc() });
    } catch (error) {
      // Told when the ranking is asked for: until then nobody waits for an answer.
      failure = error;
      if (message.kind === 'rank') post({ kind: 'failed', error: sentError(error) });
    }
  });

  function post(message: FromRankingWorker): void {
    to.postMessage(message);
  }
}
