import { setImmediate as turn } from 'node:timers/promises';
import type { LogFolder } from './file-system.js';
import { type Compression, compressSegment } from './compress-segment.js';
import { keptSegments } from './kept-segments.js';
import type { Maintenance } from './maintenance.js';
import { readSegmentStart } from './segment-file.js';

/** A compression that ended, or the reason why it could not be tried. */
export type CompressionReport = { readonly segment: number } & (
  | Compression
  | { readonly kind: 'failed'; readonly error: unknown }
);

export interface SealedCompressor {
  /** Looks, beside everything else, for sealed segments that are not compressed yet. */
  look(): void;
  /** Stops what it is at; nothing half done is left. */
  close(): Promise<void>;
}

/**
 * Compresses sealed segments one after the other. The last two segments stay as they are: the one that is written to,
 * and the one before, which a head on disk may still name.
 */
export function createSealedCompressor(options: {
  readonly folder: LogFolder;
  readonly maintenance: Maintenance;
  readonly onCompression: (report: CompressionReport) => void;
}): SealedCompressor {
  const { folder, maintenance } = options;
  const stopping = new AbortController();
  /** Segments that have their form. */
  const settled = new Set<number>();
  let running: Promise<void> | undefined;
  let isAsked = false;

  async function work(): Promise<void> {
    while (isAsked && !stopping.signal.aborted) {
      isAsked = false;
      const segments = (await keptSegments(folder.directory)).segments.slice(0, -2);
      for (const segment of segments.filter((candidate) => !settled.has(candidate))) {
        if (stopping.signal.aborted) return;
        const report = await maintenance.run(async () => await compressOne(segment));
        if (report === undefined) continue;
        options.onCompression(report);
        await turn();
      }
    }
  }

  async function compressOne(segment: number): Promise<CompressionReport | undefined> {
    // Retention may have taken it since the folder was listed.
    if (!(await keptSegments(folder.directory)).segments.includes(segment)) return undefined;
    try {
      if ((await readSegmentStart(folder.directory, segment))?.isCompressed === true) {
        settled.add(segment);
        return undefined;
      }
      const compression = await compressSegment(folder, segment, stopping.signal);
      // Without room it is tried again when the next segment is sealed.
      if (compression.kind !== 'no-room' && compression.kind !== 'stopped') settled.add(segment);
      return { segment, ...compression };
    } catch (error) {
      settled.add(segment);
      return { segment, kind: 'failed', error };
    }
  }

  return {
    look() {
      isAsked = true;
      running ??= work().finally(() => {
        running = undefined;
      });
    },
    async close() {
      stopping.abort();
      await running;
    },
  };
}
