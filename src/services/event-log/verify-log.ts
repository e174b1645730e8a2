import { statSync } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { NewEvent } from '../../schemas/events.js';
import { errors, HindcastError } from '../platform/errors.js';
import { decodeEvents } from './event-codec.js';
import { MalformedPayload } from './codec/packed.js';
import { frameHash, payloadOf, storedHash, zeroHash } from './segment-log/frame.js';
import { type Head, readHeadFile } from './segment-log/head-file.js';
import { keptSegments } from './segment-log/kept-segments.js';
import { DamagedFrame, type ScannedFrame, scanOpenFrames } from './segment-log/scan-frames.js';
import { readStart, segmentHeaderBytes, segmentName } from './segment-log/segment-file.js';
import { createIndexBuilder, indexName, readSegmentIndex } from './segment-log/segment-index.js';
import { type LogStart, readStartFile, startName } from './segment-log/start-file.js';

/** What is wrong, and where. Everything before `position` is sound. */
export interface Damage {
  readonly segment: string;
  readonly offset: number;
  readonly position: number;
  readonly problem: string;
  /** It costs no event, and the next writer mends it by itself. */
  readonly isMendedByOpening?: true;
}

export interface Verification {
  readonly events: number;
  readonly frames: number;
  readonly segments: number;
  readonly bytes: number;
  /** What retention dropped before the first event that is kept; undefined: nothing. Times: microseconds UTC. */
  readonly dropped:
    | {
        readonly events: number;
        readonly segments: number;
        readonly bytes: number;
        /** `recordedAt` of the last one. */
        readonly recordedAt: number;
        readonly droppedAt: number;
      }
    | undefined;
  /** The hash of the last sound frame. */
  readonly hash: string;
  /** The log had the expected hash before this position; undefined: nowhere in what was read. */
  readonly expectedAt: number | undefined;
  readonly damage: Damage | undefined;
}

/**
 * Reads the whole log as far as its head and checks every CRC, the chain of hashes, positions, `recordedAt`, segment
 * headers, index files and the head file; with `deep` every event against its schema too. `expectHash`: a hash kept
 * elsewhere, which is looked for along the chain: where it stands, everything before is what it was then (that a tail was
 * cut off cannot be seen otherwise). Stops at the first damage. Throws LOG_NOT_FOUND.
 */
export async function verifyLog(options: VerifyOptions): Promise<Verification> {
  const directory = resolve(options.directory);
  for (;;) {
    const begun = await beginningText(directory);
    const found = await verifyOnce(directory, options);
    // What retention drops while it is verified is no damage: what is left is verified from where the log begins now.
    if (found.damage === undefined || begun === (await beginningText(directory))) return found;
  }
}

async function beginningText(directory: string): Promise<string> {
  return JSON.stringify(await readBeginning(directory));
}

export interface VerifyOptions {
  readonly directory: string;
  readonly onProgress?: (progress: {
    readonly events: number;
    readonly bytes: number;
    readonly totalBytes: number;
  }) => void;
  readonly expectHash?: string;
  readonly deep?: boolean;
}

async function verifyOnce(directory: string, options: VerifyOptions): Promise<Verification> {
  const state = readHeadFile(directory);
  if (state === undefined) throw errors.LOG_NOT_FOUND({ directory });
  const sum = { events: 0, frames: 0, segments: 0, bytes: 0 };
  const startFile = await readBeginning(directory);
  if ('problem' in startFile) {
    const damage = { segment: startName, offset: 0, position: 0, ...startFile };
    const hash = Buffer.from(zeroHash).toString('hex');
    return { ...sum, dropped: undefined, hash, expectedAt: undefined, damage };
  }
  const { start } = startFile;
  let hash: Uint8Array = start?.hash ?? zeroHash;
  let position = start?.firstPosition ?? 0;
  let recordedAt = start?.recordedAt ?? -Infinity;
  const expected = options.expectHash === undefined ? undefined : Buffer.from(options.expectHash, 'hex');
  let expectedAt = expected?.equals(hash) === true ? position : undefined;
  const { head } = state;
  const done = (damage: Damage | undefined): Verification => ({
    ...sum,
    dropped:
      start === undefined
        ? undefined
        : {
            events: start.firstPosition,
            segments: start.segmentsDropped,
            bytes: start.bytesDropped,
            recordedAt: start.recordedAt,
            droppedAt: start.droppedAt,
          },
    hash: Buffer.from(hash).toString('hex'),
    expectedAt,
    damage,
  });
  if (head === undefined) return done(headDamage('both slots are', 0));
  const segments = (await keptSegments(directory)).segments.filter((segment) => segment <= head.segment);
  const totalBytes = bytesOf(directory, segments, head);

  for (const segment of segments) {
    const name = segmentName(segment);
    let offset = 0;
    const indexed = createIndexBuilder(segment);
    const file = await openExisting(join(directory, name));
    if (file === undefined) {
      return done({ segment: name, offset: 0, position, problem: 'the segment is missing' });
    }
    try {
      const header = await readStart(file, segment);
      if (segment !== position) throw new DamagedFrame(0, `expected the segment to begin at ${position}`);
      if (header === undefined || !Buffer.from(header.previousHash).equals(hash)) {
        throw new DamagedFrame(0, "the segment's header does not chain on the segment before");
      }
      const isLast = segment === head.segment;
      // One that was sealed and compressed since the head was read has other offsets than the head says.
      const isRewritten = isLast && header.isCompressed === true;
      for await (const frame of scanOpenFrames(
        file,
        isLast && !isRewritten ? { untilOffset: head.offset } : {},
      )) {
        if (position >= head.nextPosition) break;
        offset = frame.offset;
        checkChain(frame, { hash, position, recordedAt });
        if (options.deep === true) checkEvents(frame);
        indexed.add(frame.offset, frame.header);
        hash = Buffer.from(storedHash(frame.bytes));
        position += frame.header.count;
        if (expected?.equals(hash) === true) expectedAt = position;
        recordedAt = frame.header.recordedAt;
        sum.frames += 1;
        sum.events += frame.header.count;
        sum.bytes += frame.header.length;
        offset += frame.header.length;
        options.onProgress?.({ events: sum.events, bytes: sum.bytes, totalBytes });
      }
      sum.segments += 1;
      if (isLast) {
        const endOffset = isRewritten ? head.offset : Math.max(offset, segmentHeaderBytes);
        checkEnd({ head, offset: endOffset, position, hash });
      }
      const stored = isLast ? 'missing' : await readSegmentIndex(directory, segment);
      const isWrong = stored !== 'missing' && JSON.stringify(stored) !== JSON.stringify(indexed.finish());
      // That of a file which took this one's place meanwhile says nothing about this one.
      if (isWrong && !(await wasReplaced(file, join(directory, name)))) {
        return done({
          segment: indexName(segment),
          offset: 0,
          position,
          problem: 'the index is damaged; delete it, and readers scan instead',
        });
      }
    } catch (error) {
      const problem = problemOf(error);
      if (problem === undefined) throw error;
      return done({
        segment: name,
        offset: error instanceof DamagedFrame ? error.offset : offset,
        position,
        problem,
      });
    } finally {
      await file.close();
    }
  }
  if (position !== head.nextPosition) {
    return done({
      segment: segmentName(head.segment),
      offset: head.offset,
      position,
      problem: 'segments are missing',
    });
  }
  return done(state.damaged ? headDamage('a slot is', head.nextPosition) : undefined);
}

/** Damage that costs no event: the writer finds the end from the other slot, or from the frames. */
function headDamage(what: string, position: number): Damage {
  const problem = `${what} damaged; opening the log for writing mends it`;
  return { segment: 'head', offset: 0, position, problem, isMendedByOpening: true };
}

async function readBeginning(
  directory: string,
): Promise<{ start: LogStart | undefined } | Pick<Damage, 'problem' | 'isMendedByOpening'>> {
  try {
    const state = await readStartFile(directory);
    return state?.damaged === true
      ? { problem: 'a copy is damaged; opening the log for writing mends it', isMendedByOpening: true }
      : { start: state?.start };
  } catch (error) {
    const problem = problemOf(error);
    if (problem === undefined) throw error;
    return { problem };
  }
}

async function openExisting(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Bytes that the segments hold, without what was only prepared. */
function bytesOf(directory: string, segments: readonly number[], head: Head): number {
  let bytes = head.offset;
  for (const segment of segments) {
    if (segment === head.segment) continue;
    bytes += statSync(join(directory, segmentName(segment)), { throwIfNoEntry: false })?.size ?? 0;
  }
  return bytes;
}

function checkChain(
  frame: ScannedFrame,
  before: { hash: Uint8Array; position: number; recordedAt: number },
): void {
  const { header, bytes, offset } = frame;
  if (header.firstPosition !== before.position) {
    throw new DamagedFrame(offset, `the frame begins at position ${header.firstPosition}`);
  }
  if (!frameHash(bytes, before.hash).equals(storedHash(bytes))) {
    throw new DamagedFrame(offset, 'the hash does not chain on the frame before');
  }
  if (header.recordedAt < before.recordedAt) throw new DamagedFrame(offset, 'recordedAt goes back');
}

async function wasReplaced(file: FileHandle, path: string): Promise<boolean> {
  return (await file.stat()).ino !== (await stat(path)).ino;
}

function checkEnd(end: { head: Head; offset: number; position: number; hash: Uint8Array }): void {
  const { head, offset, position, hash } = end;
  if (position !== head.nextPosition || offset !== head.offset || !Buffer.from(head.hash).equals(hash)) {
    throw new DamagedFrame(offset, 'the log does not end where its head says');
  }
}

function checkEvents(frame: ScannedFrame): void {
  const { firstPosition, recordedAt, count } = frame.header;
  const events = decodeEvents(payloadOf(frame.bytes), { firstPosition, recordedAt });
  if (events.length !== count)
    throw new DamagedFrame(frame.offset, 'the frame holds another number of events');
  for (const { position, recordedAt: _recordedAt, ...event } of events) {
    const parsed = NewEvent.safeParse(event);
    if (parsed.success) continue;
    const [issue] = parsed.error.issues;
    throw new DamagedFrame(
      frame.offset,
      `event ${position} at ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`,
    );
  }
}

function problemOf(error: unknown): string | undefined {
  if (error instanceof DamagedFrame) return error.problem;
  if (error instanceof MalformedPayload) return error.message;
  if (error instanceof HindcastError) return error.message;
  return undefined;
}
