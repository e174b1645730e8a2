import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { NewEvent } from '../../../schemas/events.js';
import type { HindcastError } from '../../platform/errors.js';
import { asWriteFailure, isDiskFull } from '../write-failure.js';
import { type LogFile, type LogFolder, writeFully, writeFullyNow } from './file-system.js';
import { encodeFrame, zeroHash } from './frame.js';
import { type Head, HeadWriter } from './head-file.js';
import { prepareSegment, segmentHeaderBytes, segmentName, startSegment } from './segment-file.js';
import {
  type IndexBuilder,
  buildSegmentIndex,
  createIndexBuilder,
  writeSegmentIndex,
} from './segment-index.js';

/**
 * The way through the thread pool costs some 20 to 75 µs, half of what a fast disk takes to sync. A lone small frame
 * is therefore written in place, while the disk has lately been so fast that the event loop hardly notices.
 */
const inPlaceMicrosMax = 300;
const inPlaceBytesMax = 256 * 1024;
const writesAveraged = 8;

/** Writes one frame at a time at the end of the log, and turns to a new segment when one is full. */
export class SegmentWriter {
  readonly #folder: LogFolder;
  readonly #segmentBytes: number;
  readonly #headWriter: HeadWriter;
  #file: LogFile;
  #fileBytes: number;
  #head: Head;
  /** Undefined when this writer did not see the segment from its beginning. */
  #index: IndexBuilder | undefined;
  #prepared: Promise<void> | undefined;
  readonly #onSealed: () => void;
  #failure: HindcastError | undefined;
  #isTurnAsked = false;
  /** Moving average of what a synced write takes; as slow until the first was measured. */
  #writeMicros = inPlaceMicrosMax;

  private constructor(fields: {
    folder: LogFolder;
    segmentBytes: number;
    headWriter: HeadWriter;
    file: LogFile;
    fileBytes: number;
    head: Head;
    onSealed: () => void;
  }) {
    this.#folder = fields.folder;
    this.#onSealed = fields.onSealed;
    this.#segmentBytes = fields.segmentBytes;
    this.#headWriter = fields.headWriter;
    this.#file = fields.file;
    this.#fileBytes = fields.fileBytes;
    this.#head = fields.head;
    this.#index =
      fields.head.offset === segmentHeaderBytes ? createIndexBuilder(fields.head.segment) : undefined;
  }

  /**
   * `end`: where the log ends, undefined for a new log. `headSequence`: the greatest in the head file. `onSealed`:
   * called when a segment has been followed by another.
   */
  static async open(options: {
    readonly folder: LogFolder;
    readonly segmentBytes: number;
    readonly end: Head | undefined;
    readonly headSequence: number;
    readonly onSealed?: () => void;
  }): Promise<SegmentWriter> {
    const { folder, segmentBytes } = options;
    const end = options.end ?? (await startLog(folder, segmentBytes));
    const path = join(folder.directory, segmentName(end.segment));
    const file = await folder.fileSystem.open(path, 'durable');
    try {
      const headWriter = await HeadWriter.open(folder, { sequence: options.headSequence, head: end });
      const { size } = await stat(path);
      const onSealed = options.onSealed ?? (() => undefined);
      return new SegmentWriter({
        folder,
        segmentBytes,
        headWriter,
        file,
        fileBytes: size,
        head: end,
        onSealed,
      });
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  get head(): Head {
    return this.#head;
  }

  /**
   * Durable, and visible to readers, when it resolves. Rejects with LOG_DISK_FULL when there is no room for another
   * segment: nothing has changed, and the next commit may succeed. After any other rejection every commit is refused
   * with its reason, since nobody knows what the disk holds. `inPlace`: the caller's thread may wait for the disk.
   */
  async commit(
    events: readonly NewEvent[],
    payload: Uint8Array,
    { recordedAt, inPlace = false }: { readonly recordedAt: number; readonly inPlace?: boolean },
  ): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      await this.#commit(events, payload, { recordedAt, inPlace });
    } catch (error) {
      if (isDiskFull(error)) throw error;
      this.#failure = asWriteFailure(error);
      throw this.#failure;
    }
  }

  /** The next commit begins a new segment, when the last has frames and there is room for another. */
  turnNext(): void {
    this.#isTurnAsked = true;
  }

  /** After it the head on disk is no older than the one that readers see. */
  async syncHead(): Promise<void> {
    await this.#headWriter.sync();
  }

  async close(): Promise<void> {
    // A segment that could not be prepared is no loss to a log that closes.
    await this.#prepared?.catch(() => undefined);
    try {
      // After a failure the head is found again by reading on from the one that is on disk.
      if (this.#failure === undefined) await this.#headWriter.sync();
    } finally {
      await this.#headWriter.close();
      await this.#file.close();
    }
  }

  async #commit(
    events: readonly NewEvent[],
    payload: Uint8Array,
    { recordedAt, inPlace }: { readonly recordedAt: number; readonly inPlace: boolean },
  ): Promise<void> {
    const { occurredMin, occurredMax } = timesOf(events);
    const firstPosition = this.#head.nextPosition;
    const { bytes, hash } = encodeFrame(
      { firstPosition, count: events.length, recordedAt, occurredMin, occurredMax, payload },
      this.#head.hash,
    );
    if (this.#head.offset + bytes.length > this.#fileBytes) await this.#rotate(bytes.length);
    else if (this.#isTurnAsked) await this.#turnAsAsked(bytes.length);
    const { segment, offset } = this.#head;
    const start = performance.now();
    if (inPlace && bytes.length <= inPlaceBytesMax && this.#writeMicros < inPlaceMicrosMax) {
      writeFullyNow(this.#file, bytes, offset);
    } else await writeFully(this.#file, bytes, offset);
    this.#writeMicros += ((performance.now() - start) * 1000 - this.#writeMicros) / writesAveraged;
    this.#index?.add(offset, {
      length: bytes.length,
      firstPosition,
      count: events.length,
      recordedAt,
      occurredMin,
      occurredMax,
    });
    const head = {
      segment,
      offset: offset + bytes.length,
      nextPosition: firstPosition + events.length,
      recordedAt,
      hash,
      lastOffset: offset,
    };
    this.#headWriter.write(head);
    this.#head = head;
    this.#prepareAhead();
  }

  async #turnAsAsked(frameBytes: number): Promise<void> {
    this.#isTurnAsked = false;
    if (this.#head.offset === segmentHeaderBytes) return;
    try {
      await this.#rotate(frameBytes);
    } catch (error) {
      // There is room in the last one still.
      if (!isDiskFull(error)) throw error;
    }
  }

  async #rotate(frameBytes: number): Promise<void> {
    const { segment, nextPosition, recordedAt, hash, offset } = this.#head;
    const bytes = Math.max(this.#segmentBytes, segmentHeaderBytes + frameBytes);
    await this.#assurePrepared(bytes);
    // Before the turn, so that a disk without room for it changes nothing. Readers ask for it once the segment is sealed.
    const index = this.#index?.finish() ?? (await buildSegmentIndex(this.#folder.directory, segment));
    await writeSegmentIndex(this.#folder, segment, index);
    // The head may be no older than the segment before the last, so that recovery reads little.
    await this.#headWriter.sync();
    const next = await startSegment(this.#folder, {
      firstPosition: nextPosition,
      recordedAt,
      previousHash: hash,
    });
    const sealed = this.#file;
    this.#file = next;
    this.#fileBytes = bytes;
    try {
      await sealed.truncate(offset);
    } finally {
      await sealed.close();
    }
    this.#index = createIndexBuilder(nextPosition);
    const head = {
      segment: nextPosition,
      offset: segmentHeaderBytes,
      nextPosition,
      recordedAt,
      hash,
      lastOffset: 0,
    };
    this.#headWriter.write(head);
    this.#head = head;
    this.#onSealed();
  }

  /** A segment of so many bytes waits to be started when it resolves. */
  async #assurePrepared(bytes: number): Promise<void> {
    const prepared = this.#prepared;
    this.#prepared = undefined;
    // One that could not be made ahead is tried once more, and its reason is then met here.
    const isReady =
      (await prepared?.then(
        () => true,
        () => false,
      )) ?? false;
    if (!isReady || bytes > this.#segmentBytes) await prepareSegment(this.#folder, bytes);
  }

  /** The next segment is made while this one fills, so that turning to it costs a rename. */
  #prepareAhead(): void {
    if (this.#prepared !== undefined || this.#head.offset < this.#fileBytes / 2) return;
    const prepared = prepareSegment(this.#folder, this.#segmentBytes);
    // The rotation that awaits this tries again; close needs no segment.
    prepared.catch(() => undefined);
    this.#prepared = prepared;
  }
}

async function startLog(folder: LogFolder, segmentBytes: number): Promise<Head> {
  await prepareSegment(folder, segmentBytes);
  const file = await startSegment(folder, { firstPosition: 0, recordedAt: 0, previousHash: zeroHash });
  await file.close();
  return {
    segment: 0,
    offset: segmentHeaderBytes,
    nextPosition: 0,
    recordedAt: 0,
    hash: zeroHash,
    lastOffset: 0,
  };
}

function timesOf(events: readonly NewEvent[]): { occurredMin: number; occurredMax: number } {
  let occurredMin = Infinity;
  let occurredMax = -Infinity;
  for (const { occurredAt } of events) {
    if (occurredAt < occurredMin) occurredMin = occurredAt;
    if (occurredAt > occurredMax) occurredMax = occurredAt;
  }
  return { occurredMin, occurredMax };
}
