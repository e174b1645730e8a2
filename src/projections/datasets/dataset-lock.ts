import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { threadId } from 'node:worker_threads';
import { newId } from '../../services/platform/new-id.js';

export interface DatasetLock {
  release(): Promise<void>;
}

interface Holder {
  readonly pid: number;
  readonly threadId: number;
  /** The kernel's start time of the process, where /proc has one: a pid that was given again is another holder. */
  readonly started: string;
  readonly token: string;
}

/**
 * The right to write the datasets of a folder; undefined: another process (or thread) has it. A lock whose process
 * is gone is taken over.
 */
export async function acquireDatasetLock(directory: string): Promise<DatasetLock | undefined> {
  await mkdir(directory, { recursive: true });
  const path = lockPath(directory);
  const mine: Holder = {
    pid: process.pid,
    threadId,
    started: await processStart(process.pid),
    token: newId(),
  };
  const aside = `${path}.${mine.token}`;
  try {
    await writeFile(aside, JSON.stringify(mine));
    // Linking makes the name with its content in one step, and fails when the name is there.
    if (!(await tryLink(aside, path)) && !((await removeStale(path)) && (await tryLink(aside, path)))) {
      return undefined;
    }
  } finally {
    await rm(aside, { force: true });
  }
  return {
    release: async () => {
      const holder = await readHolder(path);
      if (holder?.token === mine.token) await rm(path, { force: true });
    },
  };
}

/** Frees a lock that a thread of this process held when it ended. */
export async function releaseLockOfThread(directory: string, thread: number): Promise<void> {
  const path = lockPath(directory);
  const holder = await readHolder(path);
  if (holder?.pid === process.pid && holder.threadId === thread) await rm(path, { force: true });
}

function lockPath(directory: string): string {
  return join(directory, 'projector.lock');
}

async function removeStale(path: string): Promise<boolean> {
  const holder = await readHolder(path);
  if (holder === undefined) return true;
  if (await isAlive(holder)) return false;
  const aside = `${path}.stale.${newId()}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return true;
    throw error;
  }
  const moved = await readHolder(aside);
  // Somebody else may have taken the stale lock over a moment ago: what was moved aside is then theirs, and goes back.
  const stolen = moved !== undefined && moved.token !== holder.token;
  if (stolen) await tryLink(aside, path);
  await rm(aside, { force: true });
  return !stolen;
}

async function isAlive(holder: Holder): Promise<boolean> {
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    if (hasCode(error, 'ESRCH')) return false;
    if (!hasCode(error, 'EPERM')) throw error;
  }
  return (await processStart(holder.pid)) === holder.started;
}

async function processStart(pid: number): Promise<string> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // Fields follow the last parenthesis: a command's name may hold spaces. The start time is the 22nd field.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return '';
    throw error;
  }
}

async function readHolder(path: string): Promise<Holder | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'));
    return isHolder(value) ? value : undefined;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

function isHolder(value: unknown): value is Holder {
  return (
    typeof value === 'object' &&
    value !== null &&
    'pid' in value &&
    typeof value.pid === 'number' &&
    'threadId' in value &&
    typeof value.threadId === 'number' &&
    'started' in value &&
    typeof value.started === 'string' &&
    'token' in value &&
    typeof value.token === 'string'
  );
}

async function tryLink(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
