import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errors } from '../../platform/errors.js';
import { corrupt } from './frames-in-range.js';
import { readHeadFile } from './head-file.js';
import { keptSegments } from './kept-segments.js';
import { readSegmentStart, segmentName } from './segment-file.js';

/**
 * A sealed segment, or the last. `bytes`: on disk. Times are of events, microseconds UTC: `recordedAt` of its last one,
 * `previousRecordedAt` of the last one before it, 0 when there is none.
 */
export interface SegmentFact {
  readonly firstPosition: number;
  readonly endPosition: number;
  readonly previousRecordedAt: number;
  readonly recordedAt: number;
  readonly bytes: number;
}

/** The segments of the log as they stand now, the last one last; from their headers. Throws LOG_NOT_FOUND, LOG_CORRUPT. */
export async function segmentFacts(directory: string): Promise<readonly SegmentFact[]> {
  const head = readHeadFile(directory)?.head;
  if (head === undefined) throw errors.LOG_NOT_FOUND({ directory });
  const segments = (await keptSegments(directory)).segments.filter((segment) => segment <= head.segment);
  const found: { firstPosition: number; bytes: number; previousRecordedAt: number }[] = [];
  for (const firstPosition of segments) {
    const { size: bytes } = await stat(join(directory, segmentName(firstPosition)));
    const start = await readSegmentStart(directory, firstPosition);
    if (start === undefined) {
      throw corrupt(firstPosition, 0, firstPosition, "the segment's header is damaged");
    }
    found.push({ firstPosition, bytes, previousRecordedAt: start.recordedAt });
  }
  return found.map((segment, index) => ({
    ...segment,
    endPosition: found[index + 1]?.firstPosition ?? head.nextPosition,
    recordedAt: found[index + 1]?.previousRecordedAt ?? head.recordedAt,
  }));
}
