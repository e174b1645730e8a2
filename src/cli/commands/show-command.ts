import type { Command } from 'commander';
import { renderPrediction } from '../../projections/queries/render-prediction.js';
import { configOf } from '../global-options.js';
import { print } from '../print.js';
import { withWorkspace } from '../workspace.js';

/** `hindcast show <prediction id>`: one prediction whole. */
export function showCommand(program: Command): void {
  program
    .command('show')
    .argument('<prediction id>', 'from a reply, or from SQL (column prediction_id)')
    .option('--json', 'as JSON')
    .description('one prediction whole: inputs, outputs, truth, what every replay said of it')
    .action(async (id: string, options: { json?: boolean }, command: Command) => {
      const { showPrediction } = await import('../../projections/queries/show-prediction.js');
      await withWorkspace(configOf(command), async (workspace) => {
        const shown = await showPrediction({
          analytics: await workspace.analytics(),
          reader: workspace.reader,
          id,
        });
        print(options.json === true ? JSON.stringify(shown, undefined, 2) : renderPrediction(shown));
      });
    });
}
