import { mkdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Durability } from '../../../schemas/durability.js';
import type { StoredEvent } from '../../../schemas/events.js';
import type { Clock } from '../../platform/clock.js';
import { errors } from '../../platform/errors.js';
import { limits } from '../../platform/limits.js';
import { type Timers, systemTimers } from '../../platform/timers.js';
import { BufferedQueue, type LostEvents } from '../buffered-queue.js';
import { CommitQueue } from '../commit-queue.js';
import type { EventLog } from '../event-log.js';
import { type WriterLock, acquireWriterLock } from '../writer-lock.js';
import { type DroppedSegments, dropSegments } from './drop-segments.js';
import { readHeadFile } from './head-file.js';
import { type Recovery, recoverEnd, removeLeftovers } from './recover.js';
import { type FileSystem, type LogFolder, nodeFileSystem } from './file-system.js';
import { createReader } from './segment-log-reader.js';
import { type Maintenance, createMaintenance } from './maintenance.js';
import {
  type CompressionReport,
  type SealedCompressor,
  createSealedCompressor,
} from './sealed-compressor.js';
import { SegmentWriter } from './segment-writer.js';
import { serveAppends } from '../append-server.js';
import { asWriteFailure } from '../write-failure.js';

export interface SegmentLogOptions {
  readonly directory: string;
  readonly clock: Clock;
  /** Size of a segment file; limits.segmentBytes unless told. */
  readonly segmentBytes?: number;
  /** Sealed segments are written anew with compressed frames, beside everything else; off unless told. */
  readonly compressSealed?: boolean;
  /** What came of each. */
  readonly onCompression?: (report: CompressionReport) => void;
  /** `durable` unless told. Buffered: appends of events that say so of themselves are acknowledged before they are. */
  readonly durability?: Durability;
  /** Acknowledged events that could not be made durable; the log refuses appends from then on. */
  readonly onLost?: (lost: LostEvents) => void;
  readonly timers?: Timers;
  /** How files are written; a test puts faults into it. */
  readonly fileSystem?: FileSystem;
  /** Awaited before another process gets the answer to what it appended through this one. */
  readonly onForeignAppend?: (events: readonly StoredEvent[]) => Promise<void> | void;
}

/** The log, and what only its holder can do. */
export interface SegmentLog extends EventLog {
  /** What opening had to mend: the caller logs it. */
  readonly recovery: Recovery;
  /** Events that are acknowledged, and not durable yet; 0 unless buffered. */
  acknowledgedEvents(): number;
  /** The next append begins a new segment, when the last has events and there is room on the disk. */
  turnSegment(): void;
  /**
   * Makes the log begin at a segment's first position, and removes the segments before it. Whoever asks has carried
   * forward what must outlive them. Throws LOG_CORRUPT when that segment is damaged or there is none, LOG_WRITE_FAILED.
   */
  dropBefore(firstPosition: number): Promise<DroppedSegments>;
}

/**
 * Opens the log in a folder for writing, making it when there is none. Throws LOG_IN_USE when a process that lives
 * holds it, LOG_CORRUPT when it ends in damage that no torn write leaves, LOG_DISK_FULL or LOG_WRITE_FAILED when the
 * disk does not take what opening writes.
 */
export async function openSegmentLog(options: SegmentLogOptions): Promise<SegmentLog> {
  const directory = resolve(options.directory);
  const folder = { directory, fileSystem: options.fileSystem ?? nodeFileSystem };
  await makeFolder(folder).catch(throwWriteFailure);
  const lock = await acquireWriterLock(directory);
  let log: SegmentLog | undefined;
  try {
    const maintenance = createMaintenance();
    const compressor =
      options.compressSealed === true
        ? createSealedCompressor({
            folder,
            maintenance,
            onCompression: options.onCompression ?? (() => undefined),
          })
        : undefined;
    const opened = await openWriter(folder, {
      segmentBytes: options.segmentBytes ?? limits.segmentBytes,
      onSealed: () => compressor?.look(),
    }).catch(throwWriteFailure);
    log = assemble({ folder, options, compressor, maintenance, ...opened });
    compressor?.look();
    const server = await serveAppends({
      socketPath: lock.socketPath,
      log,
      onForeignAppend: options.onForeignAppend ?? (() => undefined),
    });
    return closingAll(log, server, lock);
  } catch (error) {
    await log?.close();
    await lock.release();
    throw error;
  }
}

function throwWriteFailure(error: unknown): never {
  throw asWriteFailure(error);
}

function closingAll(log: SegmentLog, server: { close(): Promise<void> }, lock: WriterLock): SegmentLog {
  let closing: Promise<void> | undefined;
  const closeAll = async () => {
    // The log first, so that nothing is taken from here on.
    const [logClosed, serverClosed] = await Promise.allSettled([log.close(), server.close()]);
    await lock.release();
    if (logClosed.status === 'rejected') throw asWriteFailure(logClosed.reason);
    if (serverClosed.status === 'rejected') throw serverClosed.reason;
  };
  return { ...log, close: () => (closing ??= closeAll()) };
}

/** Makes the folder, and its name durable: its own, and that of every folder above that was made for it. */
async function makeFolder({ directory, fileSystem }: LogFolder): Promise<void> {
  const created = await mkdir(directory, { recursive: true, mode: 0o700 });
  if (created === undefined) return;
  for (let made = directory; made.length >= created.length; made = dirname(made)) {
    await fileSystem.syncDirectory(dirname(made));
  }
}

async function openWriter(
  folder: LogFolder,
  { segmentBytes, onSealed }: { readonly segmentBytes: number; readonly onSealed: () => void },
): Promise<{ writer: SegmentWriter; recovery: Recovery }> {
  await removeLeftovers(folder);
  const state = readHeadFile(folder.directory);
  const { end, eventsAfterHead, tornTail } = await recoverEnd(folder, state?.head);
  const writer = await SegmentWriter.open({
    folder,
    segmentBytes,
    end,
    headSequence: state?.sequence ?? 0,
    onSealed,
  });
  return { writer, recovery: { eventsAfterHead, tornTail, headDamaged: state?.damaged ?? false } };
}

function assemble(parts: {
  folder: LogFolder;
  writer: SegmentWriter;
  options: SegmentLogOptions;
  maintenance: Maintenance;
  recovery: Recovery;
  compressor: SealedCompressor | undefined;
}): SegmentLog {
  const { writer, options } = parts;
  const { clock, durability = { mode: 'durable' } } = options;
  const waiting = new Set<() => void>();
  const buffered =
    durability.mode === 'buffered'
      ? new BufferedQueue({
          commitFrame: async (events, payload, recordedAt) => {
            await writer.commit(events, payload, { recordedAt });
            for (const wake of Array.from(waiting)) wake();
          },
          end: () => writer.head,
          windowMs: durability.windowMs,
          clock,
          timers: options.timers ?? systemTimers,
          onLost: options.onLost ?? (() => undefined),
        })
      : undefined;
  const queue =
    buffered ??
    new CommitQueue(async (events, payload, { isLone }) => {
      const firstPosition = writer.head.nextPosition;
      const recordedAt = Math.max(clock.nowMicros(), writer.head.recordedAt);
      await writer.commit(events, payload, { recordedAt, inPlace: isLone });
      for (const wake of Array.from(waiting)) wake();
      return { firstPosition, recordedAt };
    });
  const reader = createReader({
    directory: parts.folder.directory,
    head: async () => writer.head,
    changed: async (head, signal) => await changedSince(head.nextPosition, signal),
  });

  async function changedSince(position: number, signal: AbortSignal): Promise<void> {
    if (writer.head.nextPosition !== position || signal.aborted) return;
    await new Promise<void>((done) => {
      const wake = () => {
        waiting.delete(wake);
        signal.removeEventListener('abort', wake);
        done();
      };
      waiting.add(wake);
      signal.addEventListener('abort', wake);
    });
  }

  return {
    ...reader,
    capabilities: { densePositions: true, adjacentAppends: true, monotonicRecordedAt: true, durable: true },
    recovery: parts.recovery,
    acknowledgedEvents: () => buffered?.acknowledgedEvents ?? 0,
    append: async (events) => await queue.append(events),
    turnSegment: () => writer.turnNext(),
    async dropBefore(firstPosition) {
      if (firstPosition > writer.head.segment) {
        throw errors.INTERNAL({ problem: `the segment at ${firstPosition} is not there to begin with` });
      }
      // The head on disk must not name a segment that is gone, whatever a power failure takes of it.
      await writer.syncHead().catch(throwWriteFailure);
      const droppedAt = clock.nowMicros();
      return await parts.maintenance
        .run(async () => await dropSegments(parts.folder, { firstPosition, droppedAt }))
        .catch(throwWriteFailure);
    },
    async close() {
      try {
        await queue.close();
      } finally {
        await parts.compressor?.close();
        await reader.close();
        await writer.close();
      }
    },
  };
}
