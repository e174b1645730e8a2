import { createHash } from 'node:crypto';
import type { ReplayCompleted } from '../schemas/events.js';
import { streamOf } from '../schemas/events.js';
import { exitCodeOf } from './exit-code.js';
import { reportJson } from './report/report-json.js';
import type { ReplayReport } from './report/report-schema.js';

/**
 * The event that says what a replay found. `reportDigest` is the SHA-256 of the bytes of `report.json`; `summary` is what
 * `show` and dashboards need without the report. `id`: a new UUIDv7, also the replay's id.
 */
export function replayCompletedEvent(
  report: ReplayReport,
  at: {
    readonly id: string;
    readonly occurredAt: number;
    readonly correlationId?: string;
  },
): ReplayCompleted {
  const { id, occurredAt, correlationId } = at;
  return {
    type: 'ReplayCompleted',
    schemaVersion: 1,
    id,
    stream: streamOf('replay', id),
    occurredAt,
    ...(correlationId === undefined ? {} : { correlationId }),
    data: {
      replayId: id,
      model: report.model,
      controlVersion:
        report.control.kind === 'recorded' ? 'recorded' : (report.control.versions[0]?.version ?? 'recorded'),
      candidateVersion: report.candidate.version,
      verdict: report.verdict,
      exitCode: exitCodeOf(report.verdict),
      reportDigest: createHash('sha256').update(reportJson(report)).digest('hex'),
      summary: {
        reason: report.reason,
        expect: report.expect,
        range: report.range,
        knownUntil: report.knownUntil,
        log: report.log,
        candidateDigest: report.candidate.digest,
        settings: report.settings,
        rows: report.waterfall,
        gates: report.gates,
        metrics: report.metrics,
        flipped: report.flips?.flipped ?? null,
        reproduce: report.reproduce,
      },
    },
  };
}
