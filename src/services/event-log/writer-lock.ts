import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { errors } from '../platform/errors.js';

/** Who holds the lock. `startedAt`: tells a process from a later one with the same id; null where that is not known. */
export const LockHolder = z.strictObject({
  id: z.uuid(),
  pid: z.int().positive(),
  startedAt: z.string().nullable(),
  host: z.string(),
  socketPath: z.string(),
});
export type LockHolder = z.infer<typeof LockHolder>;

export interface WriterLock {
  /** Where the holder takes events from other processes. */
  readonly socketPath: string;
  release(): Promise<void>;
}

const lockName = 'writer.lock';
const attemptsMax = 50;
/** A socket's path has at most 104 to 108 bytes, depending on the system. */
const socketPathBytesMax = 90;

/**
 * Takes the lock of a folder or throws LOG_IN_USE naming its holder. The lock of a process that is gone is taken
 * over. Of any number of processes that try at once, one succeeds:
 *
 * - A lock file appears whole or not at all (`link` of a file that was written aside).
 * - Only who holds the *claim* on a stale lock's id may replace it. The claim is a file too, made by `link`, and
 *   is of use only while the lock still has that id: it is checked after the claim is held, and from then on nobody
 *   else can change it. A claim whose owner is gone is claimed in the same way.
 */
export async function acquireWriterLock(directory: string): Promise<WriterLock> {
  const holder: LockHolder = {
    id: randomUUID(),
    pid: process.pid,
    startedAt: processStart(process.pid) ?? null,
    host: hostname(),
    socketPath: socketPathIn(directory),
  };
  const path = join(directory, lockName);
  const aside = `${path}.${holder.id}`;
  try {
    await writeFile(aside, JSON.stringify(holder), { mode: 0o600, flag: 'wx' });
    for (let attempt = 1; attempt <= attemptsMax; attempt += 1) {
      if (await linkNew(aside, path)) return heldLock(path, holder);
      const current = await readHolder(path);
      if (current === undefined) continue;
      if (isAlive(current)) throw inUse(directory, current);
      if (await takeOver(directory, { path, aside, stale: current })) return heldLock(path, holder);
    }
  } finally {
    await rm(aside, { force: true });
  }
  throw inUse(directory, await readHolder(path));
}

/** Who holds the lock of this folder, when it is held by a process that lives. */
export async function findLockHolder(directory: string): Promise<LockHolder | undefined> {
  const holder = await readHolder(join(directory, lockName));
  return holder !== undefined && isAlive(holder) ? holder : undefined;
}

async function takeOver(
  directory: string,
  { path, aside, stale }: { path: string; aside: string; stale: LockHolder },
): Promise<boolean> {
  const superseded: string[] = [];
  let claim = claimPath(path, stale.id);
  while (!(await linkNew(aside, claim))) {
    const claimer = await readHolder(claim);
    if (claimer === undefined) return false;
    if (isAlive(claimer)) throw inUse(directory, claimer);
    superseded.push(claim);
    claim = claimPath(path, claimer.id);
  }
  try {
    if ((await readHolder(path))?.id !== stale.id) return false;
    // A second name for the file, since renaming takes the first away.
    const replacement = `${aside}.lock`;
    await link(aside, replacement);
    await rename(replacement, path);
    for (const left of superseded) await rm(left, { force: true });
    return true;
  } finally {
    await rm(claim, { force: true });
  }
}

function heldLock(path: string, holder: LockHolder): WriterLock {
  return {
    socketPath: holder.socketPath,
    async release() {
      // Never somebody else's: a lock can be taken over only from a process that is gone.
      if ((await readHolder(path))?.id === holder.id) await rm(path, { force: true });
    },
  };
}

function claimPath(path: string, id: string): string {
  return `${path}.claim-${id}`;
}

/** Makes `path` a name of the file `from`; false when the name is taken. */
async function linkNew(from: string, path: string): Promise<boolean> {
  try {
    await link(from, path);
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  }
}

async function readHolder(path: string): Promise<LockHolder | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
  const parsed = LockHolder.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  throw errors.LOG_IN_USE({
    directory: path,
    holder: 'the lock file is not readable; remove it when nothing writes',
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** A process on another machine cannot be asked, so it counts as alive. */
function isAlive(holder: LockHolder): boolean {
  if (holder.host !== hostname()) return true;
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    if (hasCode(error, 'ESRCH')) return false;
    // It is there, under another user.
    if (!hasCode(error, 'EPERM')) throw error;
  }
  const found = processFacts(holder.pid);
  // A process that ended and was not collected by its parent yet still has its number, but writes nothing any more.
  if (found?.ended === true) return false;
  return holder.startedAt === null || found === undefined || found.startedAt === holder.startedAt;
}

/** Undefined where the system does not tell. */
function processStart(pid: number): string | undefined {
  return processFacts(pid)?.startedAt;
}

interface ProcessFacts {
  /** When it began, in the system's own counting, with the boot it belongs to. */
  readonly startedAt: string;
  /** It is a zombie, or dead. */
  readonly ended: boolean;
}

function processFacts(pid: number): ProcessFacts | undefined {
  const statPath = `/proc/${pid}/stat`;
  if (!existsSync(statPath)) return undefined;
  try {
    const stat = readFileSync(statPath, 'latin1');
    // The second field is the command in parentheses, which may itself hold spaces and parentheses.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const state = fields[0] ?? '';
    const ticks = fields[19];
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
    return ticks === undefined
      ? undefined
      : { startedAt: `${boot} ${ticks}`, ended: ['Z', 'X', 'x'].includes(state) };
  } catch (error) {
    // It ended between the two looks, or this system has no such file.
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ESRCH')) return undefined;
    throw error;
  }
}

function socketPathIn(directory: string): string {
  const inside = join(directory, 'writer.sock');
  return Buffer.byteLength(inside) <= socketPathBytesMax
    ? inside
    : join(tmpdir(), `hindcast-${randomUUID()}.sock`);
}

function inUse(directory: string, holder: LockHolder | undefined): Error {
  const who = holder === undefined ? 'it changes hands all the time' : `pid ${holder.pid} on ${holder.host}`;
  return errors.LOG_IN_USE({ directory, holder: who });
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
