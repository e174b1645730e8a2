import { Command } from 'commander';
import { configCommand } from './commands/config-command.js';
import { completionCommand } from './commands/completion-command.js';
import { demoCommand } from './commands/demo-command.js';
import { driftCommand } from './commands/drift-command.js';
import { importCommand } from './commands/import-command.js';
import { logCommand } from './commands/log-command.js';
import { modelCommand } from './commands/model-command.js';
import { outcomesCommand } from './commands/outcomes-command.js';
import { projectionsCommand } from './commands/projections-command.js';
import { serveCommand } from './commands/serve-command.js';
import { showCommand } from './commands/show-command.js';
import { sqlCommand } from './commands/sql-command.js';
import { addGlobalOptions } from './global-options.js';
import { packageVersion } from './package-version.js';

/** The whole `hindcast` command line. Commander's complaints are thrown, so that the exit code is ours. */
export function hindcastProgram(): Command {
  const program = addGlobalOptions(new Command('hindcast'))
    .description(
      'Stores every prediction of a deployed model, and re-runs that history against a candidate before it ships.',
    )
    .version(packageVersion())
    .showHelpAfterError('(see --help)')
    .addHelpText(
      'after',
      '\nThe differential test of a candidate is a command of its own: replay --model v2 --since 7d',
    );
  serveCommand(program);
  modelCommand(program);
  sqlCommand(program);
  driftCommand(program);
  showCommand(program);
  importCommand(program);
  outcomesCommand(program);
  logCommand(program);
  projectionsCommand(program);
  configCommand(program);
  demoCommand(program);
  completionCommand(program);
  throwInsteadOfExit(program);
  return program;
}

function throwInsteadOfExit(command: Command): void {
  command.exitOverride();
  for (const child of command.commands) throwInsteadOfExit(child);
}
