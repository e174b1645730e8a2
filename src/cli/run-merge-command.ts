import { readPartFile } from '../replay/part/part-file.js';
import { checkParts, partRecord } from '../replay/part/part-record.js';
import { joinFindings } from '../replay/part/replay-part.js';
import { planReplay } from '../replay/plan-replay.js';
import { judgeFor, rankingFor } from '../replay/replay-blocks.js';
import type { ReplayProgress } from '../replay/replay-options.js';
import { reportOf } from '../replay/run-replay.js';
import { errors } from '../services/platform/errors.js';
import { packageVersion } from './package-version.js';
import type { Paint } from './paint.js';
import type { ReplayRun } from './publish-replay.js';
import { publishReplay } from './publish-replay.js';
import type { ReplayRequest } from './replay-request.js';
import { planOptionsOf } from './replay-request.js';
import { spillIn } from './run-replay-command.js';
import type { Workspace } from './workspace.js';

/**
 * Puts the parts of a replay together: the same report as one run over the whole range, to the byte. The log must still say of the range
 * what it said when the parts were made.
 */
export async function runMergeCommand(
  workspace: Workspace,
  paths: readonly string[],
  options: Pick<ReplayRequest, 'reports' | 'out'> & {
    readonly paint: Paint;
    readonly signal: AbortSignal;
    readonly onProgress: (progress: ReplayProgress) => void;
  },
): Promise<ReplayRun> {
  const release = packageVersion();
  const headers = [];
  for (const path of paths) headers.push({ path, header: (await readPartFile(path, release)).header });
  const parts = headers.toSorted((a, b) => a.header.shard.index - b.header.shard.index);
  const [first] = parts;
  if (first === undefined) throw errors.REPLAY_PARTS_UNFIT({ problem: 'there are none' });
  const { request } = first.header;
  const { plan: planned } = await planOptionsOf(
    workspace,
    { ...request, reports: options.reports, out: options.out },
    options,
  );
  const plan = await planReplay(planned);
  checkParts(parts, partRecord(plan, first.header.record));

  const ranking = rankingFor(plan, { makeSpill: spillIn(workspace) });
  try {
    const { judge } = judgeFor(planned, plan);
    let findings;
    for (const { path } of parts) {
      const { part } = await readPartFile(path, release, (chunk) => ranking?.addChunk(chunk));
      const { judge: state, ...found } = part;
      judge.addState(state);
      findings = findings === undefined ? found : joinFindings(findings, found);
      options.onProgress({ rows: findings.rowsRead, total: plan.count.rows, rowsPerSecond: 0 });
    }
    if (findings === undefined) throw errors.REPLAY_PARTS_UNFIT({ problem: 'there are none' });
    const report = await reportOf(planned, { plan, findings, judge, ranking });
    return await publishReplay(workspace, options, { report, timings: undefined, paint: options.paint });
  } finally {
    ranking?.close();
  }
}
