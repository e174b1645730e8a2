import { Option } from 'commander';
import type { Command } from 'commander';
import { configOf } from '../global-options.js';
import { listenForInterruption } from '../interruption.js';
import { note, print } from '../print.js';
import { startProgress } from '../progress.js';
import { withAppender } from '../workspace.js';

/** `hindcast import`: last month's predictions from a file, so that replay, drift and SQL work on them. */
export function importCommand(program: Command): void {
  program
    .command('import')
    .argument('<file>', 'CSV, JSON lines or Parquet')
    .requiredOption('--mapping <file.yaml>', 'which column holds what (docs/import.md)')
    .addOption(new Option('--quiet', 'no progress'))
    .description('take in predictions (and truths) that were logged elsewhere')
    .action(async (file: string, options: { mapping: string; quiet?: boolean }, command: Command) => {
      const signal = listenForInterruption();
      const { importPredictions } = await import('../import-predictions.js');
      await withAppender(configOf(command), async ({ appender }) => {
        const progress = startProgress({ what: 'importing', unit: 'rows', quiet: options.quiet === true });
        try {
          const summary = await importPredictions({
            file,
            mapping: options.mapping,
            appender,
            signal,
            onProgress: progress.update,
          });
          progress.stop();
          print(`imported ${summary.predictions} predictions and ${summary.outcomes} outcomes`);
          for (const [reason, rows] of summary.skipped) note(`skipped ${rows} rows: ${reason}`);
        } finally {
          progress.stop();
        }
      });
    });
}
