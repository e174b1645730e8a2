import type { FileHandle } from 'node:fs/promises';
import { frameHash, frameMagic, storedHash } from './frame.js';
import { DamagedFrame, scanOpenFrames } from './scan-frames.js';

/** Where frames begin that are sound up to the end of what was looked at. */
export interface SoundRun {
  readonly position: number;
  readonly offset: number;
}

const chunkBytes = 1024 * 1024;
/** Text that a caller sent may hold the mark of a frame any number of times, and each costs a look. */
const candidatesMax = 1_000;

/**
 * The frames behind a damage that are whole, chain on each other without a gap and end with `endHash`, which the log is
 * known to have there: no bytes inside a damaged frame can pass for them, whoever wrote those. Undefined: there are none.
 */
export async function soundRunBehind(
  file: FileHandle,
  range: { readonly fromOffset: number; readonly untilOffset: number; readonly endHash: Uint8Array },
): Promise<SoundRun | undefined> {
  const { untilOffset, endHash } = range;
  let from = range.fromOffset;
  for (let looked = 0; looked < candidatesMax; looked += 1) {
    const offset = await nextMagic(file, from, untilOffset);
    if (offset === undefined) return undefined;
    const run = await runFrom(file, offset, untilOffset);
    if (run.position !== undefined && run.hash !== undefined && Buffer.from(endHash).equals(run.hash))
      return { position: run.position, offset };
    from = Math.max(run.endOffset, offset + 1);
  }
  return undefined;
}

/** How far frames are sound and chain from an offset on, and the hash of the last one. */
async function runFrom(
  file: FileHandle,
  fromOffset: number,
  untilOffset: number,
): Promise<{ position?: number; hash?: Buffer; endOffset: number }> {
  let first: number | undefined;
  let next = 0;
  let hash: Buffer | undefined;
  let endOffset = fromOffset;
  const reached = (): { position?: number; hash?: Buffer; endOffset: number } =>
    first === undefined || hash === undefined ? { endOffset } : { position: first, hash, endOffset };
  try {
    for await (const { offset, header, bytes } of scanOpenFrames(file, { fromOffset, untilOffset })) {
      first ??= header.firstPosition;
      const continues =
        hash === undefined ||
        (header.firstPosition === next && frameHash(bytes, hash).equals(storedHash(bytes)));
      if (!continues) return reached();
      next = header.firstPosition + header.count;
      hash = Buffer.from(storedHash(bytes));
      endOffset = offset + header.length;
    }
  } catch (error) {
    if (!(error instanceof DamagedFrame)) throw error;
  }
  return reached();
}

/** The offset at which the mark of a frame stands next. */
async function nextMagic(
  file: FileHandle,
  fromOffset: number,
  untilOffset: number,
): Promise<number | undefined> {
  const buffer = Buffer.allocUnsafe(chunkBytes);
  for (let offset = fromOffset; offset < untilOffset;) {
    const { bytesRead } = await file.read(buffer, 0, Math.min(chunkBytes, untilOffset - offset), offset);
    if (bytesRead < frameMagic.length) return undefined;
    const found = buffer.subarray(0, bytesRead).indexOf(frameMagic);
    if (found >= 0) return offset + found;
    offset += bytesRead - frameMagic.length + 1;
  }
  return undefined;
}
