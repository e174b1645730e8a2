import type { Command } from 'commander';
import { parseTimeOption } from '../../../replay/time-option.js';
import type { ReadQuery } from '../../../services/event-log/event-log.js';
import { systemClock } from '../../../services/platform/clock.js';
import { errors } from '../../../services/platform/errors.js';
import { cloudEvent } from '../../export/cloud-event.js';
import { fileOutput, standardOutput } from '../../export/line-output.js';
import { configOf } from '../../global-options.js';
import { listenForInterruption } from '../../interruption.js';
import { parsePosition } from '../../parse-position.js';
import { note } from '../../print.js';
import { startProgress } from '../../progress.js';
import { withWorkspace } from '../../workspace.js';
import { type LogFilterOptions, addLogFilter, logFilter } from './log-filter.js';

interface ExportOptions extends LogFilterOptions {
  readonly since?: string;
  readonly until?: string;
  readonly from?: number;
  readonly to?: number;
  readonly out?: string;
  readonly quiet?: boolean;
}

/** `hindcast log export`: events as JSON lines, each a CloudEvent. */
export function exportCommand(log: Command): void {
  addLogFilter(log.command('export'))
    .description('events as JSON lines, in the form of CloudEvents 1.0')
    .option('--since <time>', 'what happened from then on: a duration back from now or an instant')
    .option('--until <time>', 'what happened before then')
    .option('--from <position>', 'from this position on', parsePosition)
    .option('--to <position>', 'before this position', parsePosition)
    .option('--out <file>', 'to a file, which appears whole or not at all (default: standard output)')
    .option('--quiet', 'no progress')
    .addHelpText(
      'after',
      '\nExample:\n  hindcast log export --since 24h --types OutcomeObserved --out truths.jsonl\nNaN, infinities, −0, 64-bit integers and bytes come through exactly: see docs/events.md.',
    )
    .action(async (options: ExportOptions, command: Command) => {
      const signal = listenForInterruption();
      const now = systemClock.nowMicros();
      const range = rangeOf(options, now);
      await withWorkspace(configOf(command), async (workspace) => {
        const filter = await logFilter(workspace, options);
        const { nextPosition } = await workspace.reader.head();
        const output = options.out === undefined ? standardOutput() : await fileOutput(options.out);
        const progress = startProgress({
          what: 'exporting',
          unit: 'events',
          quiet: options.quiet === true || options.out === undefined,
        });
        let written = 0;
        try {
          for await (const events of workspace.reader.read({ ...filter, ...range, signal })) {
            if (!(await output.write(events.map((event) => JSON.stringify(cloudEvent(event)))))) return;
            written += events.length;
            progress.update(events.at(-1)?.position ?? 0, Math.min(nextPosition, options.to ?? Infinity));
          }
          await output.finish();
        } catch (error) {
          await output.discard();
          throw error;
        } finally {
          progress.stop();
        }
        if (options.out !== undefined) note(`${written} events written to ${options.out}`);
      });
    });
}

function rangeOf(
  { since, until, from, to }: ExportOptions,
  now: number,
): Pick<ReadQuery, 'occurredFrom' | 'occurredUntil' | 'fromPosition' | 'untilPosition'> {
  const occurredFrom = since === undefined ? undefined : parseTimeOption(since, now, '--since');
  const occurredUntil = until === undefined ? undefined : parseTimeOption(until, now, '--until');
  if (occurredFrom !== undefined && occurredUntil !== undefined && occurredFrom >= occurredUntil)
    throw errors.USAGE_INVALID({
      problem: '--since is not before --until, so nothing can lie between them.',
    });
  if (from !== undefined && to !== undefined && from >= to)
    throw errors.USAGE_INVALID({ problem: '--from is not before --to, so nothing can lie between them.' });
  return {
    ...(occurredFrom === undefined ? {} : { occurredFrom }),
    ...(occurredUntil === undefined ? {} : { occurredUntil }),
    ...(from === undefined ? {} : { fromPosition: from }),
    ...(to === undefined ? {} : { untilPosition: to }),
  };
}
