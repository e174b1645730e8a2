import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { limits } from '../../platform/limits.js';
import { type FrameHeader, checkFrame, frameHeaderBytes, frameLengthAt } from './frame.js';
import { readStart, segmentHeaderBytes, segmentName } from './segment-file.js';

/** `bytes`: the whole frame, only until the next one is asked for. */
export interface ScannedFrame {
  readonly offset: number;
  readonly header: FrameHeader;
  readonly bytes: Buffer;
}

/** Bytes that are no whole, sound frame, where one was looked for. */
export class DamagedFrame extends Error {
  override readonly name = 'DamagedFrame';
  readonly offset: number;
  readonly problem: string;

  constructor(offset: number, problem: string) {
    super(`byte ${offset}: ${problem}`);
    this.offset = offset;
    this.problem = problem;
  }
}

const chunkBytes = 1024 * 1024;
const lengthFieldEnd = 12;

/** Bytes of a segment's file. */
export interface OffsetRange {
  readonly fromOffset?: number;
  readonly untilOffset?: number;
}

/**
 * The frames of one segment from an offset on, CRC checked, until `untilOffset` or where nothing more was written.
 * Throws DamagedFrame at the first that is not sound. Reads big pieces; holds one at a time.
 */
export async function* scanFrames(
  directory: string,
  segment: number,
  range: OffsetRange = {},
): AsyncGenerator<ScannedFrame, void, undefined> {
  const file = await open(join(directory, segmentName(segment)), 'r');
  try {
    if ((range.fromOffset ?? 0) <= segmentHeaderBytes && (await readStart(file, segment)) === undefined) {
      throw new DamagedFrame(0, "the segment's header is damaged");
    }
    yield* scanOpenFrames(file, range);
  } finally {
    await file.close();
  }
}

/** As `scanFrames`, of a file that is open: what is renamed over its name meanwhile does not matter. */
export async function* scanOpenFrames(
  file: FileHandle,
  { fromOffset = segmentHeaderBytes, untilOffset = Infinity }: OffsetRange = {},
): AsyncGenerator<ScannedFrame, void, undefined> {
  let buffer: Buffer = Buffer.allocUnsafe(Math.min(chunkBytes, untilOffset - fromOffset));
  let start = 0;
  let end = 0;
  let offset = fromOffset;
  while (offset < untilOffset) {
    const left = untilOffset - offset;
    if (end - start < Math.min(frameHeaderBytes, left)) {
      ({ buffer, start, end } = await refill(file, offset, buffer, Math.min(chunkBytes, left)));
    }
    if (end - start < lengthFieldEnd) {
      if (end === start || buffer.subarray(start, end).every((byte) => byte === 0)) return;
      throw new DamagedFrame(offset, 'the file ends inside a frame');
    }
    const length = frameLengthAt(buffer, start);
    if (length === 'empty') return;
    if (length === undefined) throw new DamagedFrame(offset, 'no frame begins here');
    if (length > limits.frameBytesMax + frameHeaderBytes) {
      throw new DamagedFrame(offset, `a frame cannot have ${length} bytes`);
    }
    if (length > left) throw new DamagedFrame(offset, 'the frame reaches past the head');
    if (end - start < length) {
      ({ buffer, start, end } = await refill(
        file,
        offset,
        buffer,
        Math.min(Math.max(length, chunkBytes), left),
      ));
    }
    if (end - start < length) throw new DamagedFrame(offset, 'the file ends inside a frame');
    const bytes = buffer.subarray(start, start + length);
    const header = checkFrame(bytes);
    if ('problem' in header) throw new DamagedFrame(offset, header.problem);
    yield { offset, header, bytes };
    start += length;
    offset += length;
  }
}

async function refill(
  file: FileHandle,
  offset: number,
  buffer: Buffer,
  wanted: number,
): Promise<{ buffer: Buffer; start: number; end: number }> {
  const target = buffer.length >= wanted ? buffer : Buffer.allocUnsafe(wanted);
  let end = 0;
  while (end < wanted) {
    const { bytesRead } = await file.read(target, end, wanted - end, offset + end);
    if (bytesRead === 0) break;
    end += bytesRead;
  }
  return { buffer: target, start: 0, end };
}
