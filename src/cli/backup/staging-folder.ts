import { readdir, rename, rm, mkdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncPath } from '../../projections/datasets/replace-file.js';
import { acquireWriterLock } from '../../services/event-log/writer-lock.js';
import { HindcastError, errors } from '../../services/platform/errors.js';

/** A folder that is filled beside its final place, and put there whole. */
export interface StagingFolder {
  readonly directory: string;
  /** Puts it in the place of `target`, durably; what was there goes. */
  commit(): Promise<void>;
  /** Removes it, when it was not put in place. */
  discard(): Promise<void>;
}

/**
 * Makes `<target>.part`, with the given folders in it. One process at a time holds it; what one that died left there is
 * removed. Throws FOLDER_BUSY while another process fills it.
 */
export async function openStagingFolder(target: string, folders: readonly string[]): Promise<StagingFolder> {
  const directory = `${target}.part`;
  const before = `${target}.old`;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const lock = await lockOf(directory);
  const lockNames = new Set(['writer.lock', 'writer.sock']);
  for (const name of await readdir(directory)) {
    if (!lockNames.has(name)) await rm(join(directory, name), { recursive: true, force: true });
  }
  // A crash between the two renames of a commit: the earlier content is the one that is whole.
  if (!(await exists(target)) && (await exists(before))) await rename(before, target);
  for (const folder of folders) await mkdir(join(directory, folder), { mode: 0o700 });
  let committed = false;
  return {
    directory,
    commit: async () => {
      for (const folder of folders) await syncPath(join(directory, folder));
      await lock.release();
      await syncPath(directory);
      await rm(before, { recursive: true, force: true });
      if (await exists(target)) await rename(target, before);
      await rename(directory, target);
      committed = true;
      await syncPath(dirname(target));
      await rm(before, { recursive: true, force: true });
    },
    discard: async () => {
      if (committed) return;
      await lock.release();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function lockOf(directory: string): Promise<Awaited<ReturnType<typeof acquireWriterLock>>> {
  try {
    return await acquireWriterLock(directory);
  } catch (error) {
    if (error instanceof HindcastError && error.code === 'LOG_IN_USE')
      throw errors.FOLDER_BUSY({ directory, holder: String(error.details['holder']) }, error);
    throw error;
  }
}

/** Names in a folder; undefined when there is no folder of that name. */
export async function namesIn(directory: string): Promise<readonly string[] | undefined> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Whether something that is no folder has this name. */
export async function isFile(path: string): Promise<boolean> {
  // What cannot be looked at is answered when it is used.
  const found = await stat(path).catch(() => undefined);
  return found?.isDirectory() === false;
}

async function exists(directory: string): Promise<boolean> {
  return (await namesIn(directory)) !== undefined;
}
