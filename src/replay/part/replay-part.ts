import { z } from 'zod';
import { ContractCounts, joinContracts } from '../contract-counts.js';
import { JudgeState } from '../judging/judge.js';
import { LatencyComparison } from '../measure-latency.js';
import { joinMeasures, NoiseMeasure } from '../noise-floor.js';

/** What was found on some neighbouring blocks of a range: plain data, and all that a report needs of them but the scores. */
export const ReplayPart = z.strictObject({
  /** Numbers of the blocks that were read, until exclusive. */
  blocks: z.strictObject({ from: z.int(), until: z.int() }),
  rowsRead: z.int(),
  isComplete: z.boolean(),
  excluded: z.strictObject({
    outOfSample: z.int(),
    servedByCandidate: z.int(),
    trainedOn: z.int(),
    controlUnanswered: z.int(),
    candidateFailed: z.int(),
  }),
  comparedRows: z.int(),
  /** Names of label codes. */
  labels: z.array(z.string()),
  /** Versions that served the rows that take part; digest null: imported. */
  served: z.array(z.strictObject({ version: z.string(), digest: z.string().nullable(), rows: z.int() })),
  failures: z.array(z.strictObject({ position: z.number(), message: z.string() })),
  noise: z.array(NoiseMeasure),
  latency: LatencyComparison.optional(),
  /** Of the candidate, on what it was given. */
  contract: ContractCounts,
  /** Features of the candidate that no row had a value of. */
  neverRecorded: z.array(z.string()),
  given: z.array(z.string()),
  candidateDigest: z.string(),
  /** Of the version that was run again as the control. */
  controlDigest: z.string().optional(),
  judge: JudgeState,
});
export type ReplayPart = z.infer<typeof ReplayPart>;

/** Everything of a part but what the judge knows. */
export type PartFindings = Omit<ReplayPart, 'judge'>;

const failureExamplesMax = 10;

/** Of neighbours, the earlier first, of one comparison. */
export function joinFindings(earlier: PartFindings, later: PartFindings): PartFindings {
  const { excluded } = earlier;
  return {
    blocks: { from: earlier.blocks.from, until: later.blocks.until },
    rowsRead: earlier.rowsRead + later.rowsRead,
    isComplete: earlier.isComplete && later.isComplete,
    excluded: {
      outOfSample: excluded.outOfSample + later.excluded.outOfSample,
      servedByCandidate: excluded.servedByCandidate + later.excluded.servedByCandidate,
      trainedOn: excluded.trainedOn + later.excluded.trainedOn,
      controlUnanswered: excluded.controlUnanswered + later.excluded.controlUnanswered,
      candidateFailed: excluded.candidateFailed + later.excluded.candidateFailed,
    },
    comparedRows: earlier.comparedRows + later.comparedRows,
    labels: [...new Set([...earlier.labels, ...later.labels])],
    served: joinServed(earlier.served, later.served),
    failures: [...earlier.failures, ...later.failures].slice(0, failureExamplesMax),
    noise: joinMeasures(earlier.noise, later.noise),
    latency: earlier.latency ?? later.latency,
    contract: joinContracts(earlier.contract, later.contract),
    neverRecorded: earlier.neverRecorded.filter((feature) => later.neverRecorded.includes(feature)),
    given: [...new Set([...earlier.given, ...later.given])],
    candidateDigest: earlier.candidateDigest,
    controlDigest: earlier.controlDigest,
  };
}

/** In order of version and digest. */
function joinServed(earlier: ReplayPart['served'], later: ReplayPart['served']): ReplayPart['served'] {
  const key = ({ version, digest }: ReplayPart['served'][number]): string => `${version} ${digest ?? ''}`;
  const joined = new Map(earlier.map((served) => [key(served), served]));
  for (const served of later) {
    const before = joined.get(key(served));
    joined.set(key(served), { ...served, rows: served.rows + (before?.rows ?? 0) });
  }
  return [...joined].sort(([first], [second]) => (first < second ? -1 : 1)).map(([, served]) => served);
}
