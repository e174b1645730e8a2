import type { Command } from 'commander';
import { logStatistics } from '../../../services/event-log/repair/log-statistics.js';
import { durabilityText } from '../../../schemas/durability.js';
import { configOf } from '../../global-options.js';
import { isoTime } from '../../iso-time.js';
import { logSettings } from '../../log-settings.js';
import { print } from '../../print.js';
import { logFolder } from '../../workspace.js';

/** `hindcast log stat`: where the log stands. Reads no more than the ends of it. */
export function statCommand(log: Command): void {
  log
    .command('stat')
    .description('where the log stands: positions, times, segments, bytes, hash, who writes')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      '\nExample:\n  hindcast log stat\nKeep the hash elsewhere: `hindcast log verify --expect-hash <it>` then sees a tail that was cut off.',
    )
    .action(async (options: { json?: boolean }, command: Command) => {
      const config = configOf(command);
      const found = await logStatistics(logFolder(config));
      const events = found.nextPosition - found.firstPosition;
      const bytesPerEvent = events === 0 ? undefined : found.bytes / events;
      const time = (micros: number | undefined): string => (micros === undefined ? '-' : isoTime(micros));
      if (options.json === true) {
        print(
          JSON.stringify({
            ...found,
            firstPosition: String(found.firstPosition),
            nextPosition: String(found.nextPosition),
            events,
            bytesPerEvent: bytesPerEvent ?? null,
            firstRecordedAt: found.firstRecordedAt === undefined ? null : time(found.firstRecordedAt),
            lastRecordedAt: found.lastRecordedAt === undefined ? null : time(found.lastRecordedAt),
            writer: found.writer ?? null,
            dropped:
              found.dropped === undefined
                ? null
                : { ...found.dropped, recordedAt: time(found.dropped.recordedAt) },
            settings: logSettings(config),
          }),
        );
        return;
      }
      const count = (value: number): string => value.toLocaleString('en-US');
      print(
        `events         ${count(events)}${events === 0 ? '' : ` (positions ${found.firstPosition} to ${found.nextPosition - 1})`}`,
      );
      print(`first recorded ${time(found.firstRecordedAt)}`);
      print(`last recorded  ${time(found.lastRecordedAt)}`);
      print(`segments       ${count(found.segments)}`);
      print(
        `bytes          ${count(found.bytes)}${bytesPerEvent === undefined ? '' : ` (${bytesPerEvent.toFixed(1)} an event)`}`,
      );
      if (found.dropped !== undefined) {
        const { segments, bytes, recordedAt } = found.dropped;
        print(
          `dropped        ${count(found.firstPosition)} events (${count(segments)} segments, ${count(bytes)} bytes, recorded until ${time(recordedAt)})`,
        );
      }
      print(`durability     ${durabilityText(config.log.durability)}`);
      print(`retention      ${retentionText(logSettings(config))}`);
      print(`hash           ${found.hash}`);
      print(
        `writer         ${found.writer === undefined ? 'nobody' : `pid ${found.writer.pid} on ${found.writer.host}`}`,
      );
      for (const name of found.keptAside) print(`kept aside     ${name}`);
    });
}

function retentionText(settings: ReturnType<typeof logSettings>): string {
  const kept = ['log.retain', 'log.retainBytes'].flatMap((key) =>
    typeof settings[key] === 'string' ? [`${key} ${settings[key]}`] : [],
  );
  return kept.length === 0 ? 'everything is kept' : kept.join(', ');
}
