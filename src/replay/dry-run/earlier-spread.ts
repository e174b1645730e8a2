import { z } from 'zod';
import type { EarlierReplay } from '../../projections/datasets/earlier-replays.js';
import { studentTQuantile } from '../../stats/student-t-distribution.js';
import { replaySettings } from '../judging/replay-settings.js';
import type { ReplayGate } from '../report/report-schema.js';

/** How the paired differences of a gate spread in a replay that was run. */
export interface EarlierSpread {
  readonly replayId: string;
  readonly candidateVersion: string;
  readonly rows: number;
  /** Of a row: what its interval was wide, with the dependence between rows that the interval knew of. */
  readonly standardDeviation: number;
}

const GateOfSummary = z.object({
  name: z.string(),
  /** Of all rows, not of a slice. */
  slice: z.null().optional(),
  rows: z.int(),
  estimate: z.number().nullable(),
  interval: z.object({ lower: z.number(), upper: z.number(), level: z.number().gt(0).lt(1) }).nullable(),
});
const Summary = z.object({ gates: z.array(z.unknown()) });

/** The spread in the newest replay of the candidate that judged this gate, else in that of any candidate of the model. */
export function earlierSpread(options: {
  /** Newest first. */
  readonly replays: readonly EarlierReplay[];
  readonly candidate: string;
  readonly gate: ReplayGate['name'];
}): EarlierSpread | undefined {
  const { replays, candidate, gate } = options;
  const found = replays.flatMap((replay) => spreadOf(replay, gate) ?? []);
  return found.find(({ candidateVersion }) => candidateVersion === candidate) ?? found[0];
}

function spreadOf(replay: EarlierReplay, gate: string): EarlierSpread | undefined {
  const summary = Summary.safeParse(replay.summary);
  const judged = summary.success
    ? summary.data.gates
        .map((each) => GateOfSummary.safeParse(each))
        .find((each) => each.success && each.data.name === gate)?.data
    : undefined;
  if (judged === undefined || judged.interval === null || judged.estimate === null) return undefined;
  const { rows, interval, estimate } = judged;
  if (rows < replaySettings.judgedRowsMin) return undefined;
  // The limit that is nearer is Student's; skewness has moved the other out.
  const width = Math.min(interval.upper - estimate, estimate - interval.lower);
  const standardError = width / -studentTQuantile({ probability: (1 - interval.level) / 2, df: rows - 1 });
  return {
    replayId: replay.replayId,
    candidateVersion: replay.candidateVersion,
    rows,
    standardDeviation: standardError * Math.sqrt(rows),
  };
}
