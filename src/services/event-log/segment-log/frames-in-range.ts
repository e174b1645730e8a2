import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { errors } from '../../platform/errors.js';
import type { ReadQuery } from '../event-log.js';
import type { FrameHeader } from './frame.js';
import type { Head } from './head-file.js';
import { keptSegments } from './kept-segments.js';
import { DamagedFrame, type ScannedFrame, scanOpenFrames } from './scan-frames.js';
import { readSegmentStart, readStart, segmentHeaderBytes, segmentName } from './segment-file.js';
import { type SegmentIndex, readSegmentIndex } from './segment-index.js';
import { type SoundRun, soundRunBehind } from './sound-run.js';
import { firstKept } from './start-file.js';

/** What a reader of a folder keeps between reads, so that the next read need not look for its place. */
export interface ReaderCache {
  readonly indexes: Map<number, SegmentIndex>;
  /** Where the last read of the segment that is being written to stood. */
  place: { readonly segment: number; readonly offset: number; readonly position: number } | undefined;
}

const indexesMax = 4_096;

/**
 * The frames that may hold events of the query, in order, up to `head`. Throws LOG_CORRUPT at the first that is
 * damaged or missing, LOG_DROPPED when retention took what `fromPosition` asked for. Every frame's CRC is checked, also
 * of those stepped over, save where a sealed segment's index says that none is wanted. Damage that lies wholly before
 * `fromPosition` is stepped over when what follows it is proven by the chain.
 */
export async function* framesInRange(
  { directory, cache }: { directory: string; cache: ReaderCache },
  head: Head,
  query: ReadQuery,
): AsyncGenerator<ScannedFrame & { segment: number }, void, undefined> {
  const until = Math.min(query.untilPosition ?? Infinity, head.nextPosition);
  if ((query.fromPosition ?? 0) >= until) return;
  const kept = await keptSegments(directory);
  const from = Math.max(0, query.fromPosition ?? kept.first);
  if (from < kept.first) throw dropped(from, kept.first);
  if (from >= until) return;
  const segments = kept.segments.filter((segment) => segment <= head.segment);
  if (segments.at(-1) !== head.segment) {
    throw corrupt(head.segment, 0, head.segment, 'the segment that the head names is missing');
  }
  if (from < (segments[0] ?? 0)) {
    throw corrupt(kept.first, 0, kept.first, 'the segment that the log begins with is missing');
  }
  for (const [index, segment] of segments.entries()) {
    const next = segments[index + 1] ?? head.nextPosition;
    if (segment >= until || next <= from) continue;
    const file = await openKept(directory, segment, query);
    if (file === undefined) continue;
    try {
      const isOpen = segment === head.segment;
      // One that was sealed and compressed since the head was read has other offsets than the head says.
      const isRewritten = isOpen && (await readStart(file, segment))?.isCompressed === true;
      const parts = isRewritten
        ? [wholeOf(segment, head.nextPosition)]
        : isOpen
          ? [openPart(cache, head, from)]
          : await sealedParts({ directory, cache }, { segment, file, endPosition: next }, query);
      for (const part of parts) {
        if (part.fromOffset === segmentHeaderBytes && (await readStart(file, segment)) === undefined) {
          throw corrupt(segment, 0, segment, "the segment's header is damaged");
        }
        let { position, fromOffset } = part;
        for (let isRead = false; !isRead;) {
          try {
            for await (const frame of scanOpenFrames(file, { ...part, fromOffset })) {
              const { header } = frame;
              if (header.firstPosition !== position || header.count === 0) {
                throw new DamagedFrame(frame.offset, `the frame begins at position ${header.firstPosition}`);
              }
              if (position >= until) return;
              if (isOpen && !isRewritten && position >= from) {
                cache.place = { segment, offset: frame.offset, position };
              }
              position += header.count;
              if (position > from && mayHold(header, query)) yield { ...frame, segment };
            }
            if (position !== part.endPosition) throw new DamagedFrame(part.untilOffset, 'frames are missing');
            isRead = true;
          } catch (error) {
            if (!(error instanceof DamagedFrame)) throw error;
            const run =
              position < from
                ? await runBehind(file, error.offset, {
                    directory,
                    head,
                    segment,
                    following: segments[index + 1],
                  })
                : undefined;
            if (run === undefined || run.position > from || run.offset >= part.untilOffset)
              throw corrupt(segment, error.offset, position, error.problem);
            ({ position, offset: fromOffset } = run);
          }
        }
      }
    } finally {
      await file.close();
    }
  }
}

/** A segment, the one after it, and where the log ends. */
export interface SegmentPlace {
  readonly directory: string;
  readonly head: Head;
  readonly segment: number;
  readonly following: number | undefined;
}

/** Sound frames behind a damage, up to the end of the segment, whose hash the head or the next segment names. */
export async function runBehind(
  file: FileHandle,
  damagedOffset: number,
  at: SegmentPlace,
): Promise<SoundRun | undefined> {
  const { directory, head, segment, following } = at;
  const fromOffset = Math.max(damagedOffset + 1, segmentHeaderBytes);
  if (segment === head.segment)
    return await soundRunBehind(file, { fromOffset, untilOffset: head.offset, endHash: head.hash });
  const next = following === undefined ? undefined : await readSegmentStart(directory, following);
  if (next === undefined) return undefined;
  return await soundRunBehind(file, { fromOffset, untilOffset: Infinity, endHash: next.previousHash });
}

/** Undefined when retention was faster: who named no position goes on with what is kept; who did gets LOG_DROPPED. */
async function openKept(
  directory: string,
  segment: number,
  query: ReadQuery,
): Promise<FileHandle | undefined> {
  try {
    return await open(join(directory, segmentName(segment)), 'r');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    const first = await firstKept(directory);
    if (segment >= first) throw corrupt(segment, 0, segment, 'the segment is missing');
    if (query.fromPosition !== undefined) throw dropped(Math.max(segment, query.fromPosition), first);
    return undefined;
  }
}

function dropped(position: number, firstPosition: number): Error {
  return errors.LOG_DROPPED({ position: String(position), firstPosition: String(firstPosition) });
}

export function corrupt(segment: number, offset: number, position: number, problem: string): Error {
  return errors.LOG_CORRUPT({ segment: segmentName(segment), offset, position: String(position), problem });
}

interface Part {
  readonly position: number;
  readonly endPosition: number;
  readonly fromOffset: number;
  readonly untilOffset: number;
}

function openPart(cache: ReaderCache, head: Head, from: number): Part {
  const { place } = cache;
  const usable = place !== undefined && place.segment === head.segment && place.position <= from;
  return {
    position: usable ? place.position : head.segment,
    endPosition: head.nextPosition,
    fromOffset: usable ? place.offset : segmentHeaderBytes,
    untilOffset: head.offset,
  };
}

function wholeOf(segment: number, endPosition: number): Part {
  return { position: segment, endPosition, fromOffset: segmentHeaderBytes, untilOffset: Infinity };
}

/** The parts of a sealed segment that may hold what is wanted; all of it when there is no sound index for this file. */
async function sealedParts(
  { directory, cache }: { directory: string; cache: ReaderCache },
  { segment, file, endPosition }: { segment: number; file: FileHandle; endPosition: number },
  query: ReadQuery,
): Promise<Part[]> {
  const { size } = await file.stat();
  const isFor = (found: SegmentIndex | undefined): found is SegmentIndex =>
    found?.endPosition === endPosition && found.endOffset === size;
  const known = cache.indexes.get(segment);
  const index = isFor(known) ? known : await sealedIndex(directory, cache, segment);
  if (!isFor(index)) return [wholeOf(segment, endPosition)];
  const parts: Part[] = [];
  for (const [row, block] of index.blocks.entries()) {
    const following = index.blocks[row + 1];
    const part = {
      position: block.position,
      endPosition: following?.position ?? index.endPosition,
      fromOffset: block.offset,
      untilOffset: following?.offset ?? index.endOffset,
    };
    if (part.endPosition <= (query.fromPosition ?? 0)) continue;
    if (part.position >= (query.untilPosition ?? Infinity) || !mayHold(block, query)) continue;
    const last = parts.at(-1);
    if (last !== undefined && last.untilOffset === part.fromOffset) {
      parts[parts.length - 1] = { ...last, endPosition: part.endPosition, untilOffset: part.untilOffset };
    } else parts.push(part);
  }
  return parts;
}

async function sealedIndex(
  directory: string,
  cache: ReaderCache,
  segment: number,
): Promise<SegmentIndex | undefined> {
  const read = await readSegmentIndex(directory, segment);
  // A damaged index costs a scan, nothing else; `verify` reports it.
  if (read === 'missing' || read === 'damaged') return undefined;
  if (cache.indexes.size >= indexesMax) cache.indexes.clear();
  cache.indexes.set(segment, read);
  return read;
}

function mayHold(times: Pick<FrameHeader, 'occurredMin' | 'occurredMax'>, query: ReadQuery): boolean {
  return (
    times.occurredMax >= (query.occurredFrom ?? -Infinity) &&
    times.occurredMin < (query.occurredUntil ?? Infinity)
  );
}
