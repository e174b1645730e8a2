import type { Scalar } from '../../schemas/json-value.js';
import type { RetentionPlan, RetentionPolicy } from '../../services/event-log/plan-retention.js';
import type { DroppedSegments } from '../../services/event-log/segment-log/drop-segments.js';
import type { SegmentLog } from '../../services/event-log/segment-log/segment-log.js';
import { snapshotEvents } from '../../services/inference/registry-snapshot-events.js';
import { registryEventTypes } from '../../services/inference/registry.js';
import type { Clock } from '../../services/platform/clock.js';
import { errors } from '../../services/platform/errors.js';
import { newId } from '../../services/platform/new-id.js';
import { loadRegistry } from '../load-registry.js';
import { proposeRetention } from './propose-retention.js';

export interface AppliedRetention {
  readonly plan: RetentionPlan;
  readonly dropped: DroppedSegments;
  /** `recordedAt` of the oldest event that is kept, microseconds UTC; undefined: the log is empty. */
  readonly oldestRecordedAt: number | undefined;
}

const snapshotAttemptsMax = 10;

/**
 * Drops what the policy does not keep: plan → carry registry and configuration forward → drop. A crash between any
 * two steps costs at most a snapshot that nothing needs. Throws what planning throws, and what appending does.
 */
export async function applyRetention(options: {
  readonly dataDirectory: string;
  readonly log: SegmentLog;
  readonly policy: RetentionPolicy;
  readonly clock: Clock;
  /** What is in force, by key: kept with the registry. */
  readonly configuration: Readonly<Record<string, Scalar>>;
}): Promise<AppliedRetention> {
  const { dataDirectory, log, policy, clock } = options;
  const propose = async () => await proposeRetention({ dataDirectory, policy, nowMicros: clock.nowMicros() });
  let plan = await propose();
  // A log with little traffic would fill a segment in years, and drop nothing before.
  if (plan.isLastDue) log.turnSegment();
  if (plan.drop.length > 0 || plan.isLastExpired) await carryForward(options);
  if (plan.isLastExpired) plan = await propose();
  const dropped = await log.dropBefore(plan.firstPosition);
  return { plan, dropped, oldestRecordedAt: await oldestRecordedAt(log) };
}

async function carryForward(options: {
  readonly dataDirectory: string;
  readonly log: SegmentLog;
  readonly clock: Clock;
  readonly configuration: Readonly<Record<string, Scalar>>;
}): Promise<void> {
  const { dataDirectory, log, clock, configuration } = options;
  for (let attempt = 0; attempt < snapshotAttemptsMax; attempt += 1) {
    const { state, position: asOfPosition } = await loadRegistry({ dataDirectory, reader: log });
    const occurredAt = clock.nowMicros();
    const events = snapshotEvents({ state, asOfPosition, configuration, occurredAt, newId });
    const { firstPosition } = await log.append(events);
    if (!(await hasRegistryEvents(log, asOfPosition, firstPosition))) return;
    // A model was registered, promoted or retired in between, so the fold ignores this snapshot.
  }
  throw errors.INTERNAL({ problem: `the registry changed during each of ${snapshotAttemptsMax} snapshots` });
}

async function hasRegistryEvents(log: SegmentLog, from: number, until: number): Promise<boolean> {
  if (from >= until) return false;
  const read = log.read({ fromPosition: from, untilPosition: until, types: registryEventTypes });
  for await (const batch of read) if (batch.length > 0) return true;
  return false;
}

async function oldestRecordedAt(log: SegmentLog): Promise<number | undefined> {
  const { firstPosition } = await log.head();
  const read = log.read({ fromPosition: firstPosition, untilPosition: firstPosition + 1 });
  for await (const [oldest] of read) return oldest?.recordedAt;
  return undefined;
}
