import { parentPort, workerData } from 'node:worker_threads';
import { sentError } from '../../services/platform/sent-error.js';
import type { FromRankingWorker, RankingWorkerData, ToRankingWorker } from './ranking-messages.js';
import { streamedRanking } from './score-ranking.js';
import { spillFile } from './spill-file.js';

// The entry of a thread that keeps scores and ranks them when it is asked to, once.
const port = parentPort;
const data: RankingWorkerData = workerData;
if (port !== null) serve(port, data);

function serve(
  to: NonNullable<typeof parentPort>,
  { spillDirectory, rowsExpected }: RankingWorkerData,
): void {
  const ranking = streamedRanking({ rowsExpected, makeSpill: () => spillFile(spillDirectory) });
  let failure: Error | undefined;
  to.on('message', (message: ToRankingWorker) => {
    try {
      if (failure !== undefined) throw failure;
      if (message.kind === 'chunk') ranking.put(message.chunk);
      else post({ kind: 'ranked', auc: ranking.auc() });
    } catch (error) {
      // Told when the ranking is asked for: until then nobody waits for an answer.
      failure = error instanceof Error ? error : new Error(String(error));
      if (message.kind === 'rank') post({ kind: 'failed', error: sentError(error) });
    }
  });

  function post(message: FromRankingWorker): void {
    to.postMessage(message);
  }
}
