import { Option } from 'commander';
import type { Command } from 'commander';
import type { DriftReport } from '../../projections/drift/drift-report.js';
import { renderDrift } from '../../projections/drift/render-drift.js';
import { parseTimeOption } from '../../replay/time-option.js';
import { resolveModelReference, servingVersion } from '../../services/inference/registry.js';
import type { RegistryState } from '../../services/inference/registry.js';
import { systemClock } from '../../services/platform/clock.js';
import { errors } from '../../services/platform/errors.js';
import { configOf } from '../global-options.js';
import { paint } from '../paint.js';
import { readProfile } from '../read-profile.js';
import { print } from '../print.js';
import type { Workspace } from '../workspace.js';
import { withWorkspace } from '../workspace.js';

interface DriftOptions {
  readonly model?: string;
  readonly since: string;
  readonly until?: string;
  readonly json?: boolean;
}

/** `hindcast drift`: every feature and output of the live traffic against the reference profile. */
export function driftCommand(program: Command): void {
  program
    .command('drift')
    .option(
      '--model <version>',
      '[name@]version whose reference profile to compare with (default: the one that serves)',
    )
    .addOption(new Option('--since <time>', 'a duration back from now or an instant').default('24h'))
    .option('--until <time>', 'a duration back from now or an instant (default: now)')
    .option('--json', 'as JSON')
    .description('what changed against training, in what direction, how sure we are')
    .action(async (options: DriftOptions, command: Command) => {
      await withWorkspace(configOf(command), async (workspace) => {
        const report = await driftReport(workspace, options, systemClock.nowMicros());
        print(
          options.json === true
            ? JSON.stringify(report, undefined, 2)
            : renderDrift(report, paint(process.stdout)),
        );
      });
    });
}

/** The report of a range, against the profile of a version. Throws DRIFT_NO_REFERENCE and DRIFT_NO_ROWS. */
export async function driftReport(
  workspace: Workspace,
  options: DriftOptions,
  nowMicros: number,
): Promise<DriftReport> {
  const { computeDrift } = await import('../../projections/drift/compute-drift.js');
  const registry = await workspace.registry();
  const { model, version, registered } = resolveModelReference(
    registry,
    options.model ?? theServingOne(registry),
  );
  const profile = await readProfile(workspace.artefacts, registered);
  if (profile === undefined) throw errors.DRIFT_NO_REFERENCE({ model, version });
  return computeDrift({
    analytics: await workspace.analytics(),
    model,
    manifest: registered.manifest,
    profile,
    from: parseTimeOption(options.since, nowMicros, '--since'),
    until: options.until === undefined ? nowMicros : parseTimeOption(options.until, nowMicros, '--until'),
  });
}

function theServingOne(registry: RegistryState): string {
  const known = Object.keys(registry.models);
  const model = known[0];
  if (model === undefined || known.length > 1) throw errors.MODEL_NAME_NEEDED({ known });
  const version = servingVersion(registry, model);
  if (version === undefined) throw errors.MODEL_NOT_PROMOTED({ model });
  return `${model}@${version}`;
}
