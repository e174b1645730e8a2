import type { Command } from 'commander';
import type { ReportFormat } from '../replay/report/render-report.js';
import { configOf } from './global-options.js';
import { listenForInterruption } from './interruption.js';
import { paint } from './paint.js';
import { note, print } from './print.js';
import { startProgress } from './progress.js';
import { reportOption } from './report-option.js';
import { dataPaths, withWorkspace } from './workspace.js';

/** `replay merge <parts…>`: the report that one run over the whole range would have given. */
export function mergeCommand(program: Command): void {
  program
    .command('merge')
    .argument('<parts...>', 'all parts of one range, written with --shard 1/n to n/n')
    .description('put the parts of a replay together: report, verdict and exit code of the whole range')
    .addOption(reportOption())
    .option('--out <dir>', 'folder for the reports (default: <data>/reports/merged)')
    .option('--quiet', 'no progress, and nothing beside the result but warnings')
    .action(async (paths: readonly string[], _flags: unknown, command: Command) => {
      // The parent has options of these names too, and takes them first.
      const flags: { report: ReportFormat[]; out?: string; quiet?: boolean } = command.optsWithGlobals();
      const config = configOf(command);
      const signal = listenForInterruption();
      const quiet = flags.quiet === true;
      const { runMergeCommand } = await import('./run-merge-command.js');
      const progress = startProgress({ what: 'merging', unit: 'rows', quiet });
      const run = await withWorkspace(config, (workspace) =>
        runMergeCommand(workspace, paths, {
          reports: flags.report,
          out: flags.out ?? `${dataPaths(config.data).reports}/merged`,
          paint: paint(process.stdout),
          signal,
          onProgress: ({ rows, total }) => progress.update(rows, total),
        }),
      ).finally(() => progress.stop());
      print(run.text);
      if (!quiet) for (const path of run.written) note(`wrote ${path}`);
      if (run.notRecorded !== undefined) note(`the result is not in the log: ${run.notRecorded}`);
      process.exitCode = run.exitCode;
    });
}
