import type { Command } from 'commander';
import { verifyLog } from '../../services/event-log/verify-log.js';
import { errors } from '../../services/platform/errors.js';
import { configOf } from '../global-options.js';
import { listenForInterruption } from '../interruption.js';
import { isoTime } from '../iso-time.js';
import { parseCount } from '../parse-port.js';
import { print } from '../print.js';
import { startProgress } from '../progress.js';
import { logFolder, withWorkspace } from '../workspace.js';
import { logRetainCommand } from './log-retain-command.js';

/** `hindcast log …`: the log itself. */
export function logCommand(program: Command): void {
  const log = program.command('log').description('the event log itself');

  log
    .command('verify')
    .description('read the whole chain: every CRC, every hash, every position')
    .option('--expect-hash <sha256>', 'hold the head against a hash that was kept elsewhere')
    .option('--deep', 'also check every event against its schema')
    .option('--quiet', 'no progress')
    .action(async (options: { expectHash?: string; deep?: boolean; quiet?: boolean }, command: Command) => {
      const progress = startProgress({ what: 'verifying', unit: 'bytes', quiet: options.quiet === true });
      const started = performance.now();
      const found = await verifyLog({
        directory: logFolder(configOf(command)),
        onProgress: ({ bytes, totalBytes }) => progress.update(bytes, totalBytes),
        deep: options.deep === true,
        ...(options.expectHash === undefined ? undefined : { expectHash: options.expectHash }),
      });
      progress.stop();
      const seconds = (performance.now() - started) / 1000;
      print(
        `${found.events} events in ${found.frames} frames, ${found.segments} segments, ${found.bytes} bytes`,
      );
      print(`hash ${found.hash}`);
      if (found.dropped !== undefined) {
        const { events, segments, bytes, recordedAt } = found.dropped;
        print(
          `after ${events} events that retention dropped (${segments} segments, ${bytes} bytes, recorded until ${isoTime(recordedAt)})`,
        );
      }
      if (found.damage !== undefined)
        throw errors.LOG_CORRUPT({ ...found.damage, position: String(found.damage.position) });
      print(
        `whole (${Math.round(found.events / Math.max(seconds, 0.001)).toLocaleString('en-US')} events/s)`,
      );
    });

  log
    .command('stat')
    .description('where the log stands')
    .action(async (_options: object, command: Command) => {
      await withWorkspace(configOf(command), async ({ reader }) => {
        const head = await reader.head();
        print(`events ${head.nextPosition - head.firstPosition}`);
        if (head.firstPosition > 0) print(`dropped by retention ${head.firstPosition}`);
        print(`last recorded ${head.nextPosition === 0 ? '-' : isoTime(head.recordedAt)}`);
        print(`hash ${head.hash ?? '-'}`);
      });
    });

  log
    .command('tail')
    .description('the last events as JSON lines')
    .option('-n, --number <count>', 'how many', parseCount, 10)
    .option('-f, --follow', 'wait for more, until Ctrl-C')
    .action(async (options: { number: number; follow?: boolean }, command: Command) => {
      await withWorkspace(configOf(command), async ({ reader }) => {
        const fromPosition = await reader.startOfLast(options.number);
        const batches =
          options.follow === true
            ? reader.tail({ fromPosition, signal: listenForInterruption() })
            : reader.read({ fromPosition });
        for await (const events of batches) {
          for (const event of events) print(JSON.stringify({ ...event, position: String(event.position) }));
        }
      });
    });

  logRetainCommand(log);
}
