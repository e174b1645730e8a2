import type { ReadableRange } from '../../../services/event-log/repair/survey-damage.js';
import type { Damage, Verification } from '../../../services/event-log/verify-log.js';
import { isoTime } from '../../iso-time.js';

/** What a verification counted. */
export function verifiedLines(found: Verification): readonly string[] {
  return [
    `${found.events} events in ${found.frames} frames, ${found.segments} segments, ${found.bytes} bytes`,
    `hash ${found.hash}`,
    ...(found.dropped === undefined ? [] : [droppedLine(found.dropped)]),
  ];
}

/** Where a log is damaged, and what can still be read of it. */
export function damageLines(
  found: Verification,
  damage: Damage,
  readable: readonly ReadableRange[],
): readonly string[] {
  const { segment, offset, position, problem } = damage;
  const first = position - found.events;
  return [
    `damaged in ${segment} at byte ${offset}, position ${position}: ${problem}`,
    found.events === 0
      ? '  sound before it: nothing'
      : `  sound before it: positions ${first} to ${position - 1} (${found.events} events)`,
    ...(readable.length === 0 ? ['  readable behind it: nothing'] : []),
    ...readable.map(
      ({ from, until }) =>
        `  readable behind it: positions ${from} to ${until - 1} (${until - from} events): hindcast log export --from ${from} --to ${until}`,
    ),
  ];
}

function droppedLine({ events, segments, bytes, recordedAt }: NonNullable<Verification['dropped']>): string {
  return `after ${events} events that retention dropped (${segments} segments, ${bytes} bytes, recorded until ${isoTime(recordedAt)})`;
}
