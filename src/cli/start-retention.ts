import { applyRetention, type AppliedRetention } from '../projections/retention/apply-retention.js';
import { runRetention } from '../projections/retention/run-retention.js';
import type { RetentionPolicy } from '../services/event-log/plan-retention.js';
import type { SegmentLog } from '../services/event-log/segment-log/segment-log.js';
import type { Clock } from '../services/platform/clock.js';
import type { Config } from '../services/platform/config.js';
import type { Logger } from '../services/platform/logger.js';
import type { Metrics } from '../services/platform/metrics.js';
import type { Timers } from '../services/platform/timers.js';
import { isoTime } from './iso-time.js';
import { logSettings } from './log-settings.js';

/** What the configuration keeps; undefined: everything. */
export function policyOf({ log }: Config): RetentionPolicy | undefined {
  const { retainMs, retainBytes } = log;
  if (retainMs === undefined && retainBytes === undefined) return undefined;
  return { retainMicros: retainMs === undefined ? undefined : retainMs * 1000, retainBytes };
}

/** Applies the configured retention now and then, and tells what came of it. */
export function startRetention(options: {
  readonly config: Config;
  readonly policy: RetentionPolicy;
  readonly log: SegmentLog;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly metrics: Metrics;
  readonly logger: Logger;
}): { stop(): Promise<void> } {
  const { config, policy, log, clock, timers, metrics, logger } = options;
  const stopping = new AbortController();
  const running = runRetention({
    apply: () =>
      applyRetention({ dataDirectory: config.data, log, policy, clock, configuration: logSettings(config) }),
    timers,
    signal: stopping.signal,
    onApplied: (applied) => {
      metrics.retention(applied);
      report(applied, logger);
    },
    onError: (error) => {
      metrics.retentionFailed();
      logger.error({ err: error }, 'retention dropped nothing; it is tried again');
    },
  });
  return {
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}

function report({ plan, dropped, oldestRecordedAt }: AppliedRetention, logger: Logger): void {
  const oldest = oldestRecordedAt === undefined ? undefined : isoTime(oldestRecordedAt);
  if (dropped.segments > 0)
    logger.info({ ...dropped, firstPosition: plan.firstPosition, oldest }, 'retention dropped segments');
  if (plan.waiting.length > 0)
    logger.warn(
      { segments: plan.waiting.length },
      'segments that retention does not keep wait for the projector; run `hindcast projections run` when none runs',
    );
}
