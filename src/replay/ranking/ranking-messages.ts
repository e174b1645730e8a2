import type { SentError } from '../../services/platform/sent-error.js';
import type { RankedAuc } from './score-ranking.js';
import type { ScoreChunk } from './score-chunk.js';

export interface RankingWorkerData {
  readonly spillDirectory: string;
  /** About how many judged rows will come. */
  readonly rowsExpected: number;
}

export type ToRankingWorker =
  | { readonly kind: 'chunk'; readonly chunk: ScoreChunk }
  | { readonly kind: 'rank' };

export type FromRankingWorker =
  | { readonly kind: 'ranked'; readonly auc: RankedAuc }
  | { readonly kind: 'failed'; readonly error: SentError };
