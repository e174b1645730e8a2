import { type FileHandle, constants as flags, open, rename, rm, statfs } from 'node:fs/promises';
import { writeSync } from 'node:fs';

/** How a file is opened for writing. */
export type OpenMode =
  /** A new file; what had the name before is emptied. */
  | 'new'
  /** One that is there; every write is durable when it returns. */
  | 'durable'
  /** One that is there, or a new one; its content stays. */
  | 'kept';

/** A file that the log writes to. A call that fails MAY have done a part of its work. */
export interface LogFile {
  /** Resolves with how many of the bytes the system took: at least 1, perhaps fewer than all. */
  write(bytes: Uint8Array, at: number): Promise<number>;
  /** As `write`, before it returns: without the way through the thread pool, and with everything else waiting. */
  writeNow(bytes: Uint8Array, at: number): number;
  sync(): Promise<void>;
  truncate(length: number): Promise<void>;
  close(): Promise<void>;
}

/** What the log asks of a file system to become durable; tests put faults into one. Errors are Node's, with their code. */
export interface FileSystem {
  open(path: string, mode: OpenMode): Promise<LogFile>;
  rename(from: string, to: string): Promise<void>;
  /** Nothing happens when there is no such file. */
  remove(path: string): Promise<void>;
  /** Makes names in the folder durable. */
  syncDirectory(directory: string): Promise<void>;
  /** Room for files on the disk that holds the folder. */
  freeBytes(directory: string): Promise<number>;
}

/** A folder of the log, and the way to its disk. */
export interface LogFolder {
  readonly directory: string;
  readonly fileSystem: FileSystem;
}

const openFlags: { readonly [mode in OpenMode]: number } = {
  new: flags.O_RDWR | flags.O_CREAT | flags.O_TRUNC,
  durable: flags.O_RDWR | flags.O_DSYNC,
  kept: flags.O_RDWR | flags.O_CREAT,
};

export const nodeFileSystem: FileSystem = {
  open: async (path, mode) => fileOver(await open(path, openFlags[mode], 0o600)),
  rename,
  remove: async (path) => await rm(path, { force: true }),
  async syncDirectory(directory) {
    const folder = await open(directory, 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  },
  async freeBytes(directory) {
    const { bfree, bsize } = await statfs(directory);
    return bfree * bsize;
  },
};

function fileOver(handle: FileHandle): LogFile {
  return {
    write: async (bytes, at) => (await handle.write(bytes, 0, bytes.byteLength, at)).bytesWritten,
    writeNow: (bytes, at) => writeSync(handle.fd, bytes, 0, bytes.byteLength, at),
    sync: async () => await handle.sync(),
    truncate: async (length) => await handle.truncate(length),
    close: async () => await handle.close(),
  };
}

/** Writes all of `bytes`, whatever the system takes at once. */
export async function writeFully(file: LogFile, bytes: Uint8Array, at: number): Promise<void> {
  let written = 0;
  while (written < bytes.byteLength) {
    const rest = written === 0 ? bytes : bytes.subarray(written);
    written += taken(await file.write(rest, at + written));
  }
}

/** As `writeFully`, before it returns. */
export function writeFullyNow(file: LogFile, bytes: Uint8Array, at: number): void {
  let written = 0;
  while (written < bytes.byteLength) {
    const rest = written === 0 ? bytes : bytes.subarray(written);
    written += taken(file.writeNow(rest, at + written));
  }
}

function taken(bytes: number): number {
  if (bytes === 0) throw new Error('the system took no bytes');
  return bytes;
}
