import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errors } from '../../platform/errors.js';
import { storedHash } from '../segment-log/frame.js';
import { type Head, readHeadFile } from '../segment-log/head-file.js';
import { keptSegments } from '../segment-log/kept-segments.js';
import { DamagedFrame, scanFrames } from '../segment-log/scan-frames.js';
import { readSegmentStart, segmentHeaderBytes, segmentName } from '../segment-log/segment-file.js';

/** What a cut does, worked out before anything is touched. */
export interface CutPlan {
  readonly directory: string;
  /** The head of the log afterwards. */
  readonly end: Head;
  readonly headSequence: number;
  /** Position after the last event that the head names now; everything from `end.nextPosition` to it goes. */
  readonly headPosition: number;
  /** Bytes at the end of the segment in which the log will end. */
  readonly tailBytes: number;
  /** First positions of the segments that are set aside whole. */
  readonly segments: readonly number[];
  readonly segmentBytes: number;
}

/**
 * Works out how the log is cut so that `position` is the next one that it gives. Cuts are possible between frames only,
 * since a frame is hashed as a whole. Throws LOG_NOT_FOUND, and LOG_CUT_REFUSED saying where a cut is possible.
 */
export async function planCut(directory: string, position: number): Promise<CutPlan> {
  const state = readHeadFile(directory);
  if (state === undefined) throw errors.LOG_NOT_FOUND({ directory });
  const refused = (problem: string): Error => errors.LOG_CUT_REFUSED({ position: String(position), problem });
  if (state.head === undefined)
    throw refused('no slot of the head file is sound; `hindcast serve` writes it anew from the frames');
  const segments = (await keptSegments(directory)).segments;
  const last = segments.findLast((segment) => segment <= position);
  if (last === undefined || position > state.head.nextPosition)
    throw refused(`the log holds positions ${segments[0] ?? 0} to ${state.head.nextPosition - 1}`);
  // At the first position of a segment the log ends in the one before, so that no empty segment stays behind.
  const segment = segments.findLast((candidate) => candidate < position) ?? last;
  const end = await endAt(directory, segment, position);
  if (typeof end === 'string') throw refused(end);
  const later = segments.filter((candidate) => candidate > segment);
  const sizes = await Promise.all(
    later.map(async (name) => (await stat(join(directory, segmentName(name)))).size),
  );
  const { size } = await stat(join(directory, segmentName(segment)));
  return {
    directory,
    end,
    headSequence: state.sequence,
    headPosition: state.head.nextPosition,
    tailBytes: Math.max(0, size - end.offset),
    segments: later,
    segmentBytes: sizes.reduce((sum, bytes) => sum + bytes, 0),
  };
}

/** The head after the frame that ends at `position`, or why there is none. */
async function endAt(directory: string, segment: number, position: number): Promise<Head | string> {
  const start = await readSegmentStart(directory, segment);
  if (start === undefined)
    return `the header of ${segmentName(segment)} is damaged; cut at ${segment} or before`;
  let end: Head = {
    segment,
    offset: segmentHeaderBytes,
    nextPosition: segment,
    recordedAt: start.recordedAt,
    hash: start.previousHash,
    lastOffset: 0,
  };
  if (position === segment) return end;
  try {
    for await (const { offset, header, bytes } of scanFrames(directory, segment)) {
      const nextPosition = header.firstPosition + header.count;
      if (nextPosition > position)
        return `events ${header.firstPosition} to ${nextPosition - 1} were committed as one frame; cut at ${header.firstPosition} or ${nextPosition}`;
      end = {
        segment,
        offset: offset + header.length,
        nextPosition,
        recordedAt: header.recordedAt,
        hash: Buffer.from(storedHash(bytes)),
        lastOffset: offset,
      };
      if (nextPosition === position) return end;
    }
  } catch (error) {
    if (!(error instanceof DamagedFrame)) throw error;
  }
  return `the frames are sound up to position ${end.nextPosition} only; cut there or before`;
}
