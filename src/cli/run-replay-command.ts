import { createRecordedPredictions } from '../projections/datasets/create-recorded-predictions.js';
import type { ReplayOptions, ReplayProgress, ReplayTimings } from '../replay/replay-options.js';
import type { PlanOptions } from '../replay/plan-replay.js';
import { rankingAside } from '../replay/ranking/ranking-aside.js';
import { spillFile } from '../replay/ranking/spill-file.js';
import type { Spill } from '../replay/ranking/spill.js';
import { runReplay, runReplays } from '../replay/run-replay.js';
import type { RegistryState } from '../services/inference/registry.js';
import { requireVersion } from '../services/inference/registry.js';
import { loadModelInWorker } from '../services/inference/worker-model.js';
import { systemClock } from '../services/platform/clock.js';
import { collectingSeldom } from './collect-seldom.js';
import { loadOptions } from './load-version.js';
import type { Paint } from './paint.js';
import type { ReplayRun } from './publish-replay.js';
import { publishReplay } from './publish-replay.js';
import type { ReplayRequest } from './replay-request.js';
import { planOptionsOf } from './replay-request.js';
import type { Workspace } from './workspace.js';

/** Fewer are ranked in the time that a thread takes to start. */
const rankedAsideRowsMin = 200_000;

/** Runs a replay on a data folder, writes its reports, and appends `ReplayCompleted`. */
export async function runReplayCommand(
  workspace: Workspace,
  request: ReplayRequest,
  options: {
    readonly paint: Paint;
    readonly signal: AbortSignal;
    readonly onProgress: (progress: ReplayProgress) => void;
  },
): Promise<ReplayRun> {
  let timings: ReplayTimings | undefined;
  const { registry, plan } = await planOptionsOf(workspace, request, options);
  const report = await collectingSeldom(() =>
    runReplay({
      ...engineOptions(workspace, request, { registry, plan }),
      onTimings: (measured) => {
        timings = measured;
      },
    }),
  );
  return publishReplay(workspace, request, { report, timings, paint: options.paint });
}

/** What became of one of several candidates. */
export type SeveralRun =
  | { readonly kind: 'run'; readonly run: ReplayRun }
  | { readonly kind: 'failed'; readonly error: Error };

/** As `runReplayCommand` for several candidates; the record is read once. One that cannot be replayed is answered by itself. */
export async function runReplaysCommand(
  workspace: Workspace,
  requests: readonly ReplayRequest[],
  options: Parameters<typeof runReplayCommand>[2],
): Promise<readonly SeveralRun[]> {
  const recorded = createRecordedPredictions(await workspace.analytics());
  const timings = new Map<number, ReplayTimings>();
  const several: ReplayOptions[] = [];
  for (const [index, request] of requests.entries()) {
    const planned = await planOptionsOf(workspace, request, { ...options, recorded });
    several.push({
      ...engineOptions(workspace, request, planned),
      onTimings: (measured) => {
        timings.set(index, measured);
      },
    });
  }
  const runs: SeveralRun[] = [];
  for (const [index, outcome] of (await collectingSeldom(() => runReplays(several))).entries()) {
    const request = requests[index];
    if (outcome.kind === 'failed') runs.push(outcome);
    if (request === undefined || outcome.kind === 'failed') continue;
    const done = { report: outcome.report, timings: timings.get(index), paint: options.paint };
    runs.push({ kind: 'run', run: await publishReplay(workspace, request, done) });
  }
  return runs;
}

/** The plan with what running it takes: models in workers, and room for scores in the data folder. */
export function engineOptions(
  workspace: Workspace,
  { workers }: Pick<ReplayRequest, 'workers'>,
  { registry, plan }: { readonly registry: RegistryState; readonly plan: PlanOptions },
): ReplayOptions {
  return {
    ...plan,
    loadModel: async (version, how) =>
      loadModelInWorker({
        ...(await loadOptions(workspace.artefacts, requireVersion(registry, plan.model, version))),
        stringsAs: how?.asServed === true ? 'values' : 'codes',
      }),
    ...(workers === undefined ? undefined : { workers }),
    makeSpill: spillIn(workspace),
    rankAside: {
      rowsMin: rankedAsideRowsMin,
      make: (rowsExpected) => rankingAside({ spillDirectory: workspace.directory, rowsExpected }),
    },
    clock: systemClock,
  };
}

/** Scores that have no room in memory go to files of the data folder, which go away by themselves. */
export function spillIn({ directory }: Workspace): () => Spill {
  return () => spillFile(directory);
}
