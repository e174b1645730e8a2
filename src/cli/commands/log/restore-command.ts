import type { Command } from 'commander';
import { restoreData } from '../../backup/restore-data.js';
import { configOf } from '../../global-options.js';
import { print } from '../../print.js';
import { startProgress } from '../../progress.js';
import { logFolder } from '../../workspace.js';
import { verifiedLines } from './verification-lines.js';

/** `hindcast log restore <backup> --data <new folder>`: a data folder that serves, made from a backup. */
export function restoreCommand(log: Command): void {
  log
    .command('restore')
    .argument('<backup>', 'a folder that `hindcast log backup` made')
    .description('make a data folder from a backup; everything in it is verified first')
    .option('--deep', 'also check every event against its schema')
    .option('--quiet', 'no progress')
    .addHelpText(
      'after',
      '\nExample:\n  hindcast log restore /backups/hindcast --data ./restored\n  hindcast serve --data ./restored',
    )
    .action(async (backup: string, options: { deep?: boolean; quiet?: boolean }, command: Command) => {
      const config = configOf(command);
      logFolder(config);
      const dataDirectory = config.data;
      const quiet = options.quiet === true;
      const copying = startProgress({ what: 'copying', unit: 'bytes', quiet });
      const verifying = startProgress({ what: 'verifying', unit: 'bytes', quiet });
      const { manifest, verified } = await restoreData({
        backup,
        dataDirectory,
        deep: options.deep === true,
        onCopy: copying.update,
        onVerify: (done, total) => {
          copying.stop();
          verifying.update(done, total);
        },
      }).finally(() => {
        copying.stop();
        verifying.stop();
      });
      for (const line of verifiedLines(verified)) print(line);
      print(`restored from the backup of ${manifest.createdAt} to ${dataDirectory}; whole`);
      print(`start it: hindcast serve --data ${dataDirectory}`);
    });
}
