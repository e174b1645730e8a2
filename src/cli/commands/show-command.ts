import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import { renderPrediction } from '../../projections/queries/render-prediction.js';
import { configOf } from '../global-options.js';
import { paint } from '../paint.js';
import { print } from '../print.js';
import { withWorkspace } from '../workspace.js';

interface ShowFlags {
  readonly candidate?: readonly string[];
  readonly why?: boolean;
  readonly json?: boolean;
}

/** `hindcast show <prediction id>`: one prediction whole. */
export function showCommand(program: Command): void {
  program
    .command('show')
    .argument('<prediction id>', 'from a reply, or from SQL (column prediction_id)')
    .option(
      '--candidate <versions>',
      'also what these versions say of it, replayed or not; several with commas',
      parseVersions,
    )
    .option('--why', 'which features move the answer, also where both agree')
    .option('--json', 'as JSON')
    .description('one prediction whole: inputs, outputs, truth, what every replay said of it and why')
    .addHelpText(
      'after',
      '\nA disagreement is explained one feature at a time: the candidate is run with\neach feature at its reference value (median of training, of texts the most\nfrequent), and so is the version that it is held against.\n\nExample:\n  hindcast show 0198c5a4-… --candidate v2,v3',
    )
    .action(async (id: string, flags: ShowFlags, command: Command) => {
      const { showPrediction } = await import('../../projections/queries/show-prediction.js');
      const { answersOfVersions } = await import('../answers-of-versions.js');
      const { renderAnswers } = await import('../../replay/attribution/render-answers.js');
      await withWorkspace(configOf(command), async (workspace) => {
        const shown = await showPrediction({
          analytics: await workspace.analytics(),
          reader: workspace.reader,
          id,
        });
        const { answers, others } = await answersOfVersions(workspace, shown, {
          candidates: flags.candidate ?? [],
          always: flags.why === true,
        });
        if (flags.json === true) {
          print(JSON.stringify({ ...shown, answers }, undefined, 2));
          return;
        }
        print(renderPrediction(shown));
        print('');
        if (answers.length > 0) print(renderAnswers(answers, paint(process.stdout)));
        else print('Replays: none of its time since; --candidate <version> shows what one says of it');
        if (others > 0) print(`\nand ${others} more, earlier: --json lists every replay of its time`);
      });
    });
}

function parseVersions(text: string, before: readonly string[] = []): string[] {
  const versions = text.split(',').map((name) => name.trim());
  if (versions.includes(''))
    throw new InvalidArgumentError('expected [name@]version, or several with commas between');
  return [...before, ...versions];
}
