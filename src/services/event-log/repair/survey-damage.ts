import { frameHash, storedHash } from '../segment-log/frame.js';
import { readHeadFile } from '../segment-log/head-file.js';
import { keptSegments } from '../segment-log/kept-segments.js';
import { DamagedFrame, scanFrames } from '../segment-log/scan-frames.js';
import { readSegmentStart, segmentName } from '../segment-log/segment-file.js';
import { readSegmentIndex } from '../segment-log/segment-index.js';
import type { Damage } from '../verify-log.js';

/** Events that are sound behind a damage, and that a read from `from` returns. Positions; `until` exclusive. */
export interface ReadableRange {
  readonly from: number;
  readonly until: number;
}

/**
 * What can still be read behind the first damage of a log, by reads that begin there: whole blocks of the damaged
 * segment that its index names, and later segments. Every frame is checked by its CRC and by the chain within its range;
 * that a range goes on from what stood before the damage cannot be known.
 */
export async function surveyDamage(directory: string, damage: Damage): Promise<readonly ReadableRange[]> {
  const head = readHeadFile(directory)?.head;
  if (head === undefined) return [];
  const segments = (await keptSegments(directory)).segments.filter((segment) => segment <= head.segment);
  const ranges: ReadableRange[] = [];
  for (const segment of segments) {
    if ((segments.find((candidate) => candidate > segment) ?? Infinity) <= damage.position) continue;
    const untilOffset = segment === head.segment ? head.offset : Infinity;
    for (const block of await blocksAfter(directory, segment, damage)) {
      const last = ranges.at(-1);
      if (last !== undefined && block.position < last.until) continue;
      const until = await soundUntil(directory, segment, { ...block, untilOffset });
      if (until === block.position) continue;
      if (last?.until === block.position) ranges[ranges.length - 1] = { from: last.from, until };
      else ranges.push({ from: block.position, until });
    }
  }
  return ranges;
}

/** Where a read may begin behind the damage: the blocks of the index, or the segment's first frame. */
async function blocksAfter(
  directory: string,
  segment: number,
  damage: Damage,
): Promise<readonly { readonly position: number; readonly offset?: number }[]> {
  const index = await readSegmentIndex(directory, segment);
  const whole =
    segmentName(segment) === damage.segment || segment <= damage.position ? [] : [{ position: segment }];
  if (index === 'missing' || index === 'damaged') return whole;
  return index.blocks.filter((block) => block.position > damage.position);
}

/** Position after the last sound frame of an unbroken run that begins there. */
async function soundUntil(
  directory: string,
  segment: number,
  from: { readonly position: number; readonly offset?: number; readonly untilOffset: number },
): Promise<number> {
  let { position } = from;
  const start = from.offset === undefined ? await readSegmentStart(directory, segment) : undefined;
  let hash = start?.previousHash;
  const range = {
    untilOffset: from.untilOffset,
    ...(from.offset === undefined ? {} : { fromOffset: from.offset }),
  };
  try {
    for await (const { header, bytes } of scanFrames(directory, segment, range)) {
      const chains = hash === undefined || frameHash(bytes, hash).equals(storedHash(bytes));
      if (header.firstPosition !== position || !chains) return position;
      hash = Buffer.from(storedHash(bytes));
      position += header.count;
    }
  } catch (error) {
    if (!(error instanceof DamagedFrame)) throw error;
  }
  return position;
}
