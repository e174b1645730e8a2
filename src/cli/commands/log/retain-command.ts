import type { Command } from 'commander';
import type { SegmentFact } from '../../../services/event-log/segment-log/segment-facts.js';
import { openSegmentLog } from '../../../services/event-log/segment-log/segment-log.js';
import { systemClock } from '../../../services/platform/clock.js';
import { errors } from '../../../services/platform/errors.js';
import { configOf } from '../../global-options.js';
import { isoTime } from '../../iso-time.js';
import { logSettings } from '../../log-settings.js';
import { note, print } from '../../print.js';
import { policyOf } from '../../start-retention.js';
import { logFolder } from '../../workspace.js';

/** `hindcast log retain`: what `serve` does by itself now and then, once. */
export function retainCommand(log: Command): void {
  log
    .command('retain')
    .description('drop the oldest segments beyond log.retain and log.retainBytes (serve does it by itself)')
    .option('--dry-run', 'say what would be dropped, and drop nothing')
    .addHelpText(
      'after',
      '\nExample:\n  HINDCAST_LOG_RETAIN=90d hindcast log retain --dry-run\nWhat is left of what was dropped: docs/log.md.',
    )
    .action(async (options: { dryRun?: boolean }, command: Command) => {
      const config = configOf(command);
      if (config.log.url !== undefined) {
        throw errors.USAGE_INVALID({
          problem:
            'Retention is for a log on disk; on a cluster the streams have settings of their own: see docs/kurrentdb.md.',
        });
      }
      const policy = policyOf(config);
      if (policy === undefined) {
        throw errors.USAGE_INVALID({
          problem:
            'Neither log.retain nor log.retainBytes is set, so everything is kept. Set one in hindcast.yaml, or HINDCAST_LOG_RETAIN=90d.',
        });
      }
      const { proposeRetention } = await import('../../../projections/retention/propose-retention.js');
      const request = { dataDirectory: config.data, policy, nowMicros: systemClock.nowMicros() };
      const plan = await proposeRetention(request);
      if (options.dryRun === true) print(`would drop ${described(plan.drop)}`);
      else {
        const { applyRetention } = await import('../../../projections/retention/apply-retention.js');
        const opened = await openSegmentLog({ directory: logFolder(config), clock: systemClock });
        try {
          const applied = await applyRetention({
            dataDirectory: config.data,
            log: opened,
            policy,
            clock: systemClock,
            configuration: logSettings(config),
          });
          print(`dropped ${described(applied.plan.drop)}`);
        } finally {
          await opened.close();
        }
      }
      if (plan.waiting.length > 0) {
        note(`${described(plan.waiting)} wait for the projector: run \`hindcast projections run\``);
      }
    });
}

function described(segments: readonly SegmentFact[]): string {
  const [first] = segments;
  const last = segments.at(-1);
  if (first === undefined || last === undefined) return 'nothing';
  const bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);
  const events = last.endPosition - first.firstPosition;
  return `${segments.length} segments, ${bytes} bytes: ${events} events before position ${last.endPosition}, recorded until ${isoTime(last.recordedAt)}`;
}
