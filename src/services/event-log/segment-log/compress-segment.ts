import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { deflateRaw } from 'node:zlib';
import { MalformedPayload } from '../codec/packed.js';
import { isDiskFull } from '../write-failure.js';
import { hasNoRoom } from '../../platform/no-room.js';
import { type LogFile, type LogFolder, writeFully } from './file-system.js';
import { frameHash, isCompressed, payloadOf, storedHash, withCompressedPayload } from './frame.js';
import { DamagedFrame, scanOpenFrames } from './scan-frames.js';
import { encodeSegmentHeader, readStart, segmentHeaderBytes, segmentName } from './segment-file.js';
import { createIndexBuilder, indexName, writeSegmentIndex } from './segment-index.js';

/**
 * `compressed`: it has its new form. `kept`: it has that already, or would hardly become smaller. `damaged`: left as it
 * is, for `verify` to tell. `no-room`: for both forms side by side. `stopped`: by the signal.
 */
export type Compression =
  | { readonly kind: 'compressed'; readonly bytesBefore: number; readonly bytesAfter: number }
  | { readonly kind: 'kept' | 'damaged' | 'no-room' | 'stopped' };

export const rewrittenName = 'rewritten.segment';
/** What is not smaller by this much is not worth a decompression at every read. */
const shareMax = 0.95;
const pieceBytes = 1024 * 1024;
const compress = promisify(deflateRaw);

/**
 * Writes a sealed segment anew with compressed payloads, and puts it in place of the old in one step: a reader has
 * the one or the other, and one that has the old open goes on with it. Every frame is checked against the chain
 * before, and its compressed form after, so nothing damaged is ever put in place. MUST NOT be called for a segment
 * that a head on disk may still name: offsets change.
 */
export async function compressSegment(
  folder: LogFolder,
  segment: number,
  signal: AbortSignal,
): Promise<Compression> {
  const { directory, fileSystem } = folder;
  const path = join(directory, segmentName(segment));
  const aside = join(directory, rewrittenName);
  const from = await open(path, 'r');
  try {
    const start = await readStart(from, segment);
    if (start === undefined) return { kind: 'damaged' };
    if (start.isCompressed === true) return { kind: 'kept' };
    const bytesBefore = (await from.stat()).size;
    const into = await fileSystem.open(aside, 'new');
    const index = createIndexBuilder(segment);
    let bytesAfter = segmentHeaderBytes;
    try {
      const writer = gatheringWriter(into);
      await writer.add(encodeSegmentHeader({ ...start, isCompressed: true }));
      let hash: Uint8Array = start.previousHash;
      for await (const { bytes, header } of scanOpenFrames(from)) {
        if (signal.aborted) return { kind: 'stopped' };
        if (!frameHash(bytes, hash).equals(storedHash(bytes))) return { kind: 'damaged' };
        const rewritten = await smaller(bytes);
        if (!frameHash(rewritten, hash).equals(storedHash(bytes))) return { kind: 'damaged' };
        hash = Buffer.from(storedHash(bytes));
        index.add(bytesAfter, { ...header, length: rewritten.byteLength });
        await writer.add(rewritten);
        bytesAfter += rewritten.byteLength;
      }
      if (bytesAfter > bytesBefore * shareMax) return { kind: 'kept' };
      await writer.flush();
      await into.sync();
    } finally {
      await into.close();
    }
    // First the index away: readers do without one, and never have that of the other form.
    await fileSystem.remove(join(directory, indexName(segment)));
    await fileSystem.rename(aside, path);
    await fileSystem.syncDirectory(directory);
    await writeSegmentIndex(folder, segment, index.finish());
    return { kind: 'compressed', bytesBefore, bytesAfter };
  } catch (error) {
    if (error instanceof DamagedFrame || error instanceof MalformedPayload) return { kind: 'damaged' };
    if (hasNoRoom(error) || isDiskFull(error)) return { kind: 'no-room' };
    throw error;
  } finally {
    await from.close();
    await fileSystem.remove(aside);
  }
}

/** The frame with its payload compressed, or as it is when that would not make it smaller. */
async function smaller(frame: Buffer): Promise<Buffer> {
  if (isCompressed(frame)) return frame;
  const payload = payloadOf(frame);
  const compressed = await compress(payload);
  return compressed.byteLength < payload.byteLength
    ? withCompressedPayload(frame, compressed)
    : Buffer.from(frame);
}

/** Writes one after the other what is given in small parts. */
function gatheringWriter(file: LogFile): { add(bytes: Uint8Array): Promise<void>; flush(): Promise<void> } {
  let parts: Uint8Array[] = [];
  let gathered = 0;
  let at = 0;
  const flush = async (): Promise<void> => {
    const bytes = Buffer.concat(parts);
    parts = [];
    gathered = 0;
    await writeFully(file, bytes, at);
    at += bytes.byteLength;
  };
  return {
    async add(bytes) {
      parts.push(bytes);
      gathered += bytes.byteLength;
      if (gathered >= pieceBytes) await flush();
    },
    flush,
  };
}
