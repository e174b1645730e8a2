import type { Command } from 'commander';
import { backupCommand } from './log/backup-command.js';
import { exportCommand } from './log/export-command.js';
import { repairCommand } from './log/repair-command.js';
import { restoreCommand } from './log/restore-command.js';
import { retainCommand } from './log/retain-command.js';
import { statCommand } from './log/stat-command.js';
import { tailCommand } from './log/tail-command.js';
import { verifyCommand } from './log/verify-command.js';

/** `hindcast log …`: the log itself. */
export function logCommand(program: Command): void {
  const log = program.command('log').description('the event log itself');
  verifyCommand(log);
  statCommand(log);
  tailCommand(log);
  exportCommand(log);
  backupCommand(log);
  restoreCommand(log);
  repairCommand(log);
  retainCommand(log);
}
