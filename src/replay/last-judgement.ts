import { z } from 'zod';
import type { EarlierReplay } from '../projections/datasets/earlier-replays.js';
import { ReplayVerdict } from './report/report-schema.js';

/** What the last replay said that judged a version on what was recorded. */
export interface LastJudgement {
  readonly replayId: string;
  readonly verdict: ReplayVerdict;
  readonly reason: string;
  readonly controlVersion: string;
  readonly expect: string;
  readonly reportDigest: string;
  /** Microseconds UTC. */
  readonly completedAt: number;
  readonly reproduce: string;
}

const Summary = z.object({
  reason: z.string(),
  expect: z.string(),
  gates: z.array(z.unknown()),
  reproduce: z.string(),
  settings: z.object({ given: z.array(z.string()) }).optional(),
});

/**
 * The newest replay of a version that can stand for it. Those that gated nothing (`--expect anything` alone) and those that gave the
 * candidate other values than were recorded (`--set`, `--missing-feature`) answer another question, and are passed over.
 * `replays`: the newest first.
 */
export function lastJudgement(replays: readonly EarlierReplay[], version: string): LastJudgement | undefined {
  for (const replay of replays) {
    const summary = Summary.safeParse(replay.summary);
    const verdict = ReplayVerdict.safeParse(replay.verdict);
    if (replay.candidateVersion !== version || !summary.success || !verdict.success) continue;
    const { expect, gates, reason, reproduce, settings } = summary.data;
    if (gates.length === 0 || (settings?.given.length ?? 0) > 0) continue;
    const { replayId, controlVersion, reportDigest, occurredAt } = replay;
    return {
      replayId,
      verdict: verdict.data,
      reason,
      controlVersion,
      expect,
      reportDigest,
      completedAt: occurredAt,
      reproduce,
    };
  }
  return undefined;
}
