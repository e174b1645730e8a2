import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { NewEvent } from '../../../schemas/events.js';
import { encodeFrame, zeroHash } from './frame.js';
import { type Head, HeadWriter } from './head-file.js';
import {
  openForCommits,
  prepareSegment,
  segmentHeaderBytes,
  segmentName,
  startSegment,
  writeFully,
} from './segment-file.js';
import {
  type IndexBuilder,
  buildSegmentIndex,
  createIndexBuilder,
  writeSegmentIndex,
} from './segment-index.js';

/** Writes one frame at a time at the end of the log, and turns to a new segment when one is full. */
export class SegmentWriter {
  readonly #directory: string;
  readonly #segmentBytes: number;
  readonly #headWriter: HeadWriter;
  #file: FileHandle;
  #fileBytes: number;
  #head: Head;
  /** Undefined when this writer did not see the segment from its beginning. */
  #index: IndexBuilder | undefined;
  #prepared: Promise<void> | undefined;

  private constructor(fields: {
    directory: string;
    segmentBytes: number;
    headWriter: HeadWriter;
    file: FileHandle;
    fileBytes: number;
    head: Head;
  }) {
    this.#directory = fields.directory;
    this.#segmentBytes = fields.segmentBytes;
    this.#headWriter = fields.headWriter;
    this.#file = fields.file;
    this.#fileBytes = fields.fileBytes;
    this.#head = fields.head;
    this.#index =
      fields.head.offset === segmentHeaderBytes ? createIndexBuilder(fields.head.segment) : undefined;
  }

  /** `end`: where the log ends, undefined for a new log. `headSequence`: the greatest in the head file. */
  static async open(options: {
    readonly directory: string;
    readonly segmentBytes: number;
    readonly end: Head | undefined;
    readonly headSequence: number;
  }): Promise<SegmentWriter> {
    const { directory, segmentBytes } = options;
    const end = options.end ?? (await startLog(directory, segmentBytes));
    const file = await openForCommits(join(directory, segmentName(end.segment)));
    const headWriter = HeadWriter.open(directory, options.headSequence);
    // Both slots, so that what was damaged is whole again.
    headWriter.write(end);
    headWriter.write(end);
    headWriter.sync();
    const { size } = await file.stat();
    return new SegmentWriter({ directory, segmentBytes, headWriter, file, fileBytes: size, head: end });
  }

  get head(): Head {
    return this.#head;
  }

  /** Durable, and visible to readers, when it resolves. After a rejection nothing more may be written. */
  async commit(events: readonly NewEvent[], payload: Uint8Array, recordedAt: number): Promise<void> {
    const { occurredMin, occurredMax } = timesOf(events);
    const firstPosition = this.#head.nextPosition;
    const { bytes, hash } = encodeFrame(
      { firstPosition, count: events.length, recordedAt, occurredMin, occurredMax, payload },
      this.#head.hash,
    );
    if (this.#head.offset + bytes.length > this.#fileBytes) await this.#rotate(bytes.length);
    const { segment, offset } = this.#head;
    await writeFully(this.#file, bytes, offset);
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

  async close(): Promise<void> {
    // A segment that could not be prepared is no loss to a log that closes.
    await this.#prepared?.catch(() => undefined);
    this.#headWriter.sync();
    this.#headWriter.close();
    await this.#file.close();
  }

  async #rotate(frameBytes: number): Promise<void> {
    const { segment, nextPosition, recordedAt, hash, offset } = this.#head;
    // The head may be no older than the segment before the last, so that recovery reads little.
    this.#headWriter.sync();
    const bytes = Math.max(this.#segmentBytes, segmentHeaderBytes + frameBytes);
    const prepared = this.#prepared;
    this.#prepared = undefined;
    if (prepared === undefined || bytes > this.#segmentBytes) await prepareSegment(this.#directory, bytes);
    else await prepared;
    const next = await startSegment(this.#directory, {
      firstPosition: nextPosition,
      recordedAt,
      previousHash: hash,
    });
    const index = this.#index?.finish() ?? (await buildSegmentIndex(this.#directory, segment));
    await writeSegmentIndex(this.#directory, segment, index);
    await this.#file.truncate(offset);
    await this.#file.close();
    this.#file = next;
    this.#fileBytes = bytes;
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
  }

  /** The next segment is made while this one fills, so that turning to it costs a rename. */
  #prepareAhead(): void {
    if (this.#prepared !== undefined || this.#head.offset < this.#fileBytes / 2) return;
    const prepared = prepareSegment(this.#directory, this.#segmentBytes);
    // The error is met by the rotation that awaits this, or by close, which needs no segment.
    prepared.catch(() => undefined);
    this.#prepared = prepared;
  }
}

async function startLog(directory: string, segmentBytes: number): Promise<Head> {
  await prepareSegment(directory, segmentBytes);
  const file = await startSegment(directory, { firstPosition: 0, recordedAt: 0, previousHash: zeroHash });
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
