import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { LogFolder } from './file-system.js';
import { corrupt } from './frames-in-range.js';
import { keptSegments } from './kept-segments.js';
import { listSegments, readSegmentStart, segmentName } from './segment-file.js';
import { firstKept, readStartFile, writeStartFile } from './start-file.js';

/** What was dropped from the beginning of the log: whole segments. */
export interface DroppedSegments {
  readonly segments: number;
  readonly bytes: number;
  readonly events: number;
}

/**
 * Makes the log begin with the segment `firstPosition`, which is sealed or the last, and removes those before it. The
 * step that counts is the start file: a crash before it leaves the log as it was, one after it leaves files that no
 * reader looks at, and that the next drop or opening removes. Throws LOG_CORRUPT when the new first segment is damaged.
 */
export async function dropSegments(
  folder: LogFolder,
  { firstPosition, droppedAt }: { readonly firstPosition: number; readonly droppedAt: number },
): Promise<DroppedSegments> {
  const { directory } = folder;
  const before = await readStartFile(directory);
  const { first, segments } = await keptSegments(directory);
  const gone = segments.filter((segment) => segment < firstPosition);
  if (gone.length > 0) {
    const header = segments.includes(firstPosition)
      ? await readSegmentStart(directory, firstPosition)
      : undefined;
    if (header === undefined) {
      throw corrupt(firstPosition, 0, firstPosition, "the segment's header is damaged or missing");
    }
    let bytes = 0;
    for (const segment of gone) bytes += (await stat(join(directory, segmentName(segment)))).size;
    await writeStartFile(folder, {
      firstPosition,
      recordedAt: header.recordedAt,
      droppedAt,
      segmentsDropped: (before?.start.segmentsDropped ?? 0) + gone.length,
      bytesDropped: (before?.start.bytesDropped ?? 0) + bytes,
      hash: header.previousHash,
    });
    await removeDropped(folder);
    return { segments: gone.length, bytes, events: firstPosition - first };
  }
  await removeDropped(folder);
  return { segments: 0, bytes: 0, events: 0 };
}

/** Removes segments and indexes from before the log's beginning, oldest first. */
export async function removeDropped(folder: LogFolder): Promise<void> {
  const { directory, fileSystem } = folder;
  const first = await firstKept(directory);
  if (first === 0) return;
  const segments = (await listSegments(directory)).filter((segment) => segment < first);
  for (const segment of segments) await fileSystem.remove(join(directory, segmentName(segment)));
  for (const name of await readdir(directory)) {
    const indexed = /^(\d{20})\.index(?:\.part)?$/.exec(name)?.[1];
    if (indexed !== undefined && Number(indexed) < first) await fileSystem.remove(join(directory, name));
  }
  if (segments.length > 0) await fileSystem.syncDirectory(directory);
}
