import type { Command } from 'commander';
import { systemClock } from '../../../services/platform/clock.js';
import { backupData } from '../../backup/backup-data.js';
import { configOf } from '../../global-options.js';
import { packageVersion } from '../../package-version.js';
import { print } from '../../print.js';
import { startProgress } from '../../progress.js';
import { logFolder, withWorkspace } from '../../workspace.js';

/** `hindcast log backup <dir>`: log and artefacts, while the server runs and appends. */
export function backupCommand(log: Command): void {
  log
    .command('backup')
    .argument('<folder>', 'a new folder, or one that holds an earlier backup: only what is new is copied')
    .description('copy log and artefacts as they are now, verified, while the server runs')
    .option('--quiet', 'no progress')
    .addHelpText('after', '\nExample:\n  hindcast log backup /backups/hindcast')
    .action(async (folder: string, options: { quiet?: boolean }, command: Command) => {
      const config = configOf(command);
      logFolder(config);
      const dataDirectory = config.data;
      const registry = await withWorkspace(config, async (workspace) => await workspace.registry());
      const quiet = options.quiet === true;
      const copying = startProgress({ what: 'copying', unit: 'bytes', quiet });
      const verifying = startProgress({ what: 'verifying', unit: 'bytes', quiet });
      const { manifest, copiedFiles, copiedBytes, keptFiles } = await backupData({
        dataDirectory,
        target: folder,
        registry,
        clock: systemClock,
        hindcastVersion: packageVersion(),
        onCopy: copying.update,
        onVerify: (done, total) => {
          copying.stop();
          verifying.update(done, total);
        },
      }).finally(() => {
        copying.stop();
        verifying.stop();
      });
      const { firstPosition, nextPosition, hash } = manifest.log;
      print(
        `backup of positions ${firstPosition} to ${Number(nextPosition) - 1} in ${folder}, verified whole`,
      );
      print(`copied ${copiedFiles} files (${copiedBytes} bytes), kept ${keptFiles} of the backup before`);
      print(`hash ${hash}`);
    });
}
