import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errors } from '../../platform/errors.js';
import { corrupt } from './frames-in-range.js';
import { readHeadFile } from './head-file.js';
import { keptSegments } from './kept-segments.js';
import { readSegmentStart, segmentName } from './segment-file.js';

/** A sealed segment, or the last. `recordedAt`: of its last event, microseconds UTC. `bytes`: on disk. */
export interface SegmentFact {
  readonly firstPosition: number;
  readonly endPosition: number;
  readonly recordedAt: number;
  readonly bytes: number;
}

/** The segments of the log as they stand now, the last one last; from their headers. Throws LOG_NOT_FOUND, LOG_CORRUPT. */
export async function segmentFacts(directory: string): Promise<readonly SegmentFact[]> {
  const head = readHeadFile(directory)?.head;
  if (head === undefined) throw errors.LOG_NOT_FOUND({ directory });
  const segments = (await keptSegments(directory)).segments.filter((segment) => segment <= head.segment);
  const facts: SegmentFact[] = [];
  for (const [index, firstPosition] of segments.entries()) {
    const { size: bytes } = await stat(join(directory, segmentName(firstPosition)));
    const next = segments[index + 1];
    if (next === undefined) {
      const { nextPosition: endPosition, recordedAt } = head;
      facts.push({ firstPosition, endPosition, recordedAt, bytes });
    } else {
      const following = await readSegmentStart(directory, next);
      if (following === undefined) throw corrupt(next, 0, next, "the segment's header is damaged");
      facts.push({ firstPosition, endPosition: next, recordedAt: following.recordedAt, bytes });
    }
  }
  return facts;
}
