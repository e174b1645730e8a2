import { earlierReplays } from '../projections/datasets/earlier-replays.js';
import { dryRun } from '../replay/dry-run/dry-run.js';
import { renderDryRun } from '../replay/dry-run/render-dry-run.js';
import type { ReplayProgress } from '../replay/replay-options.js';
import { requireVersion } from '../services/inference/registry.js';
import { exitCodes } from '../services/platform/errors.js';
import { loadOptions } from './load-version.js';
import type { Paint } from './paint.js';
import type { ReplayRequest } from './replay-request.js';
import { planOptionsOf } from './replay-request.js';
import type { Workspace } from './workspace.js';

/** The plan of a replay as text. Exit 0 for one that can be run, 3 for one that would be INVALID. */
export async function runDryRun(
  workspace: Workspace,
  request: ReplayRequest,
  options: {
    readonly paint: Paint;
    readonly signal: AbortSignal;
    readonly onProgress: (progress: ReplayProgress) => void;
  },
): Promise<{ readonly text: string; readonly exitCode: number }> {
  const { registry, plan } = await planOptionsOf(workspace, request, options);
  const found = await dryRun({
    ...plan,
    digestOf: async (version) =>
      (await loadOptions(workspace.artefacts, requireVersion(registry, plan.model, version))).artefactDigest,
    earlier: await earlierReplays(await workspace.analytics(), plan.model),
  });
  return {
    text: renderDryRun(found, options.paint),
    exitCode: found.problem === undefined ? exitCodes.ok : exitCodes.invalid,
  };
}
