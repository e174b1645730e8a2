import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { frameHash, storedHash } from '../segment-log/frame.js';
import { type SegmentPlace, runBehind } from '../segment-log/frames-in-range.js';
import { readHeadFile } from '../segment-log/head-file.js';
import { keptSegments } from '../segment-log/kept-segments.js';
import { DamagedFrame, scanFrames } from '../segment-log/scan-frames.js';
import { readSegmentStart, segmentHeaderBytes, segmentName } from '../segment-log/segment-file.js';
import { readSegmentIndex } from '../segment-log/segment-index.js';
import type { SoundRun } from '../segment-log/sound-run.js';
import type { Damage } from '../verify-log.js';

/** Events that are sound behind a damage, and that a read from `from` returns. Positions; `until` exclusive. */
export interface ReadableRange {
  readonly from: number;
  readonly until: number;
}

/**
 * What can still be read behind the first damage of a log, by reads that begin there: of the damaged segment
 * what is proven by the hash at its end, and whole blocks that its index names; and later segments. Every frame is checked
 * by its CRC and by the chain within its range; that a range goes on from what stood before the damage cannot be known.
 */
export async function surveyDamage(directory: string, damage: Damage): Promise<readonly ReadableRange[]> {
  const head = readHeadFile(directory)?.head;
  if (head === undefined) return [];
  const segments = (await keptSegments(directory)).segments.filter((segment) => segment <= head.segment);
  const ranges: ReadableRange[] = [];
  for (const [index, segment] of segments.entries()) {
    const following = segments[index + 1];
    if ((following ?? Infinity) <= damage.position) continue;
    const untilOffset = segment === head.segment ? head.offset : Infinity;
    for (const block of await blocksAfter(directory, segment, damage)) {
      const last = ranges.at(-1);
      if (last !== undefined && block.position < last.until) continue;
      add(ranges, block.position, await soundUntil(directory, segment, { ...block, untilOffset }));
    }
    const end = following ?? head.nextPosition;
    const isFirst = segmentName(segment) === damage.segment;
    if (!isFirst && ranges.at(-1)?.until === end) continue;
    const damagedOffset = isFirst ? damage.offset : segmentHeaderBytes;
    const run = await runOf({ directory, head, segment, following }, damagedOffset);
    if (run === undefined || run.position <= damage.position) continue;
    // It holds every block of this segment behind its beginning.
    while ((ranges.at(-1)?.from ?? -1) >= run.position) ranges.pop();
    add(ranges, run.position, end);
  }
  return ranges;
}

function add(ranges: ReadableRange[], from: number, until: number): void {
  if (from === until) return;
  const last = ranges.at(-1);
  if (last?.until === from) ranges[ranges.length - 1] = { from: last.from, until };
  else ranges.push({ from, until });
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

/** What follows the damage in a segment up to its end, when the chain proves it; no read begins under a damaged header. */
async function runOf(at: SegmentPlace, damagedOffset: number): Promise<SoundRun | undefined> {
  const { directory, segment } = at;
  if ((await readSegmentStart(directory, segment)) === undefined) return undefined;
  const file = await open(join(directory, segmentName(segment)), 'r');
  try {
    return await runBehind(file, damagedOffset, at);
  } finally {
    await file.close();
  }
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
