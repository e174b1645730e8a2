import { Worker } from 'node:worker_threads';
import { workerEntry } from '../../services/inference/worker-entry.js';
import { HindcastError, errors } from '../../services/platform/errors.js';
import type { PairedRows } from '../judging/paired-rows.js';
import type { FromRankingWorker, RankingWorkerData, ToRankingWorker } from './ranking-messages.js';
import type { RankedAuc, ScoreRanking } from './score-ranking.js';
import { judgedScores } from './score-ranking.js';

/**
 * The same as `scoreRanking`, in a thread of its own: millions of rows are ranked while the caller goes on. Scores that have no room in
 * memory go to files in `spillDirectory`. Rejects with INTERNAL when the thread ends before it has answered; `close` ends it at once.
 */
export function rankingAside(data: RankingWorkerData): ScoreRanking {
  const worker = new Worker(workerEntry(import.meta.url, 'ranking-worker'), { workerData: data });
  const answer = new Promise<RankedAuc>((resolve, reject) => {
    worker.on('message', (message: FromRankingWorker) => {
      if (message.kind === 'ranked') resolve(message.auc);
      else reject(new HindcastError(message.error));
    });
    worker.on('error', reject);
    worker.on('exit', (code) => {
      reject(errors.INTERNAL({ problem: `the thread that ranks scores ended (exit code ${code})` }));
    });
  });
  // Met by whoever asks for the ranking; a thread that dies before is told then.
  answer.catch(() => undefined);
  let asked = false;
  const post = (message: ToRankingWorker, transfer: readonly ArrayBuffer[] = []): void => {
    worker.postMessage(message, transfer);
  };
  return {
    add: (rows: PairedRows) => {
      const chunk = judgedScores(rows);
      if (chunk.rows === 0) return;
      const parts = [chunk.control, chunk.candidate, chunk.label, chunk.cell];
      const buffers = parts.flatMap((part) => (part?.buffer instanceof ArrayBuffer ? [part.buffer] : []));
      post({ kind: 'chunk', chunk }, buffers);
    },
    auc: () => {
      if (!asked) post({ kind: 'rank' });
      asked = true;
      return answer;
    },
    close: () => {
      void worker.terminate();
    },
  };
}
