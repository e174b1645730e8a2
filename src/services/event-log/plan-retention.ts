import type { SegmentFact } from './segment-log/segment-facts.js';

/** What may stay. An event's age is counted from its `recordedAt`; bytes are those of segment files. */
export interface RetentionPolicy {
  readonly retainMicros: number | undefined;
  readonly retainBytes: number | undefined;
}

export interface RetentionPlan {
  /** The first segment that stays begins here. */
  readonly firstPosition: number;
  /** Segments to drop, oldest first. */
  readonly drop: readonly SegmentFact[];
  /** Segments that the policy does not keep, but that the projector has not taken yet. */
  readonly waiting: readonly SegmentFact[];
  /** The last segment has gathered events for so long that the next ones should begin another. */
  readonly isLastDue: boolean;
  /** All events of the last segment are too old and projected: it can be dropped once another has begun. */
  readonly isLastExpired: boolean;
}

/** A segment's events are dropped together, so it gathers them for at most this share of the time that they stay. */
const gatheringShare = 1 / 16;

/**
 * Which segments to drop: from the oldest on, sealed ones (never the last) whose events are all too old, or that the
 * size has no room for, and that lie wholly before `projectedPosition`.
 *
 * The log's own clock counts, not `occurredAt`: history that was imported or seeded yesterday is a day old however long
 * ago it happened, and somebody who imports a year of it to replay it does not lose it the same night.
 */
export function planRetention(options: {
  readonly segments: readonly SegmentFact[];
  readonly policy: RetentionPolicy;
  readonly projectedPosition: number;
  readonly nowMicros: number;
}): RetentionPlan {
  const { segments, policy, projectedPosition, nowMicros } = options;
  const oldest = policy.retainMicros === undefined ? -Infinity : nowMicros - policy.retainMicros;
  const bytesMax = policy.retainBytes ?? Infinity;
  let bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);
  const drop: SegmentFact[] = [];
  const waiting: SegmentFact[] = [];
  for (const segment of segments.slice(0, -1)) {
    if (segment.recordedAt >= oldest && bytes <= bytesMax) break;
    bytes -= segment.bytes;
    if (waiting.length > 0 || segment.endPosition > projectedPosition) waiting.push(segment);
    else drop.push(segment);
  }
  const last = segments.at(-1);
  const hasEvents = last !== undefined && last.endPosition > last.firstPosition;
  const { retainMicros = Infinity } = policy;
  return {
    isLastDue: hasEvents && last.previousRecordedAt < nowMicros - retainMicros * gatheringShare,
    isLastExpired:
      hasEvents && last.recordedAt < oldest && last.endPosition <= projectedPosition && waiting.length === 0,
    firstPosition: drop.at(-1)?.endPosition ?? segments[0]?.firstPosition ?? 0,
    drop,
    waiting,
  };
}
