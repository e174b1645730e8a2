import type { Analytics } from './open-analytics.js';
import { literal } from '../duckdb/sql-text.js';

/** What a replay that was recorded said. */
export interface EarlierReplay {
  readonly replayId: string;
  readonly controlVersion: string;
  readonly candidateVersion: string;
  readonly verdict: string;
  /** When it was recorded, microseconds UTC. */
  readonly occurredAt: number;
  readonly reportDigest: string;
  /** As recorded; check before use. */
  readonly summary: unknown;
}

/** Replays of a model, the newest first; at most a thousand. */
export async function earlierReplays(analytics: Analytics, model: string): Promise<readonly EarlierReplay[]> {
  const rows = await analytics.with((session) =>
    session.database.rows(
      `SELECT replay_id, control_version, candidate_version, verdict, occurred_at, report_digest, summary FROM replays WHERE model = ${literal(model)} ORDER BY position DESC LIMIT 1000`,
    ),
  );
  return rows.map(
    ([replayId, controlVersion, candidateVersion, verdict, occurredAt, reportDigest, summary]) => ({
      replayId: String(replayId),
      controlVersion: String(controlVersion),
      candidateVersion: String(candidateVersion),
      verdict: String(verdict),
      occurredAt: Number(occurredAt),
      reportDigest: String(reportDigest),
      summary: JSON.parse(String(summary)) as unknown,
    }),
  );
}
