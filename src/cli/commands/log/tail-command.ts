import type { Command } from 'commander';
import type { StoredEvent } from '../../../schemas/events.js';
import type { LogReader, ReadQuery } from '../../../services/event-log/event-log.js';
import { modelOf } from '../../../services/event-log/model-of.js';
import { errors } from '../../../services/platform/errors.js';
import { cloudEvent } from '../../export/cloud-event.js';
import { type LineOutput, standardOutput } from '../../export/line-output.js';
import { configOf } from '../../global-options.js';
import { listenForInterruption } from '../../interruption.js';
import { parseCount } from '../../parse-port.js';
import { parsePosition } from '../../parse-position.js';
import { withWorkspace } from '../../workspace.js';
import { eventLine } from './event-line.js';
import { type LogFilterOptions, addLogFilter, logFilter } from './log-filter.js';

interface TailOptions extends LogFilterOptions {
  readonly number?: number;
  readonly from?: number;
  readonly follow?: boolean;
  readonly json?: boolean;
}

const numberDefault = 10;
const linesAtOnce = 1_024;

/** `hindcast log tail`: the last events, and with --follow those that come. */
export function tailCommand(log: Command): void {
  addLogFilter(log.command('tail'))
    .description('the last events, one a line; with --follow also those to come')
    .option('-n, --number <count>', `how many (default: ${numberDefault})`, parseCount)
    .option('--from <position>', 'everything from this position on instead', parsePosition)
    .option('-f, --follow', 'wait for more, until Ctrl-C')
    .option('--json', 'as JSON lines, in the form of `hindcast log export`')
    .addHelpText(
      'after',
      '\nExample:\n  hindcast log tail --follow --types PredictionRejected,PredictionFailed',
    )
    .action(async (options: TailOptions, command: Command) => {
      if (options.from !== undefined && options.number !== undefined)
        throw errors.USAGE_INVALID({ problem: 'Give --from or --number, not both.' });
      await withWorkspace(configOf(command), async (workspace) => {
        const { reader } = workspace;
        const filter = await logFilter(workspace, options);
        const signal = options.follow === true ? listenForInterruption() : undefined;
        const { nextPosition } = await reader.head();
        const output = standardOutput();
        const lines = (events: readonly StoredEvent[]): string[] =>
          events.map((event) =>
            options.json === true ? JSON.stringify(cloudEvent(event)) : eventLine(event),
          );
        const show = async (events: readonly StoredEvent[]): Promise<boolean> =>
          await writeSome(output, events, lines);
        if (options.from === undefined) {
          const count = options.number ?? numberDefault;
          const last = await lastEvents(reader, filter, nextPosition, count);
          if (!(await show(last))) return;
        } else {
          const query = { ...filter, fromPosition: options.from, untilPosition: nextPosition };
          for await (const events of reader.read(query)) if (!(await show(events))) return;
        }
        if (signal === undefined) return;
        const fromPosition = Math.max(nextPosition, options.from ?? 0);
        for await (const events of reader.tail({ fromPosition, signal })) {
          if (!(await show(events.filter((event) => isWanted(event, filter))))) return;
        }
      });
    });
}

async function writeSome(
  output: LineOutput,
  events: readonly StoredEvent[],
  lines: (events: readonly StoredEvent[]) => string[],
): Promise<boolean> {
  for (let at = 0; at < events.length; at += linesAtOnce) {
    if (!(await output.write(lines(events.slice(at, at + linesAtOnce))))) return false;
  }
  return true;
}

/** The last `count` events that the filter lets through, looked for from the end in ever longer stretches. */
async function lastEvents(
  reader: LogReader,
  filter: Pick<ReadQuery, 'types' | 'model'>,
  untilPosition: number,
  count: number,
): Promise<readonly StoredEvent[]> {
  const { firstPosition } = await reader.head();
  for (let stretch = count; ; stretch *= 8) {
    const fromPosition = await reader.startOfLast(stretch);
    let found: StoredEvent[] = [];
    for await (const events of reader.read({ ...filter, fromPosition, untilPosition })) {
      found = [...found, ...events].slice(-count);
    }
    if (found.length === count || fromPosition <= firstPosition) return found;
  }
}

function isWanted(event: StoredEvent, { types, model }: Pick<ReadQuery, 'types' | 'model'>): boolean {
  return (types?.includes(event.type) ?? true) && (model === undefined || modelOf(event) === model);
}
