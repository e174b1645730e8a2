import { createWriteStream } from 'node:fs';
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { once } from 'node:events';
import { dirname, resolve } from 'node:path';
import type { Writable } from 'node:stream';
import { syncPath } from '../../projections/datasets/replace-file.js';
import { errors } from '../../services/platform/errors.js';

/** Takes lines as fast as whoever reads them, and no faster. */
export interface LineOutput {
  /** False when nobody reads any more: a pipe whose other end has closed. */
  write(lines: readonly string[]): Promise<boolean>;
  /** Everything that was written has left; a file has its name from now on. */
  finish(): Promise<void>;
  /** A file is not put in place; nothing is left of it. */
  discard(): Promise<void>;
}

/** Lines to standard output. */
export function standardOutput(): LineOutput {
  const pipe = watched(process.stdout);
  return {
    write: pipe.write,
    finish: async () => undefined,
    discard: async () => undefined,
  };
}

/**
 * Lines to a file, written aside and renamed at the end; it replaces one of that name. Throws FILE_NOT_WRITABLE before
 * anything is written.
 */
export async function fileOutput(path: string): Promise<LineOutput> {
  const target = resolve(path);
  const aside = `${target}.part`;
  const handle = await openAside(aside, target);
  const stream = createWriteStream(aside, { fd: handle });
  const file = watched(stream);
  const end = async (): Promise<void> => {
    stream.end();
    if (!stream.closed) await once(stream, 'close');
  };
  return {
    write: async (lines) => {
      if (await file.write(lines)) return true;
      throw file.failure() ?? new Error(`${aside} cannot be written`);
    },
    finish: async () => {
      await end();
      await syncPath(aside);
      await rename(aside, target);
      await syncPath(dirname(target));
    },
    discard: async () => {
      await end();
      await rm(aside, { force: true });
    },
  };
}

async function openAside(aside: string, target: string): Promise<FileHandle> {
  // What cannot be looked at is answered by the opening below.
  const found = await stat(target).catch(() => undefined);
  if (found?.isDirectory() === true)
    throw errors.FILE_NOT_WRITABLE({ path: target, problem: 'it is a folder' });
  try {
    return await open(aside, 'w', 0o600);
  } catch (error) {
    const problem = error instanceof Error && 'code' in error ? problems.get(String(error.code)) : undefined;
    if (problem === undefined) throw error;
    throw errors.FILE_NOT_WRITABLE({ path: target, problem }, error);
  }
}

const problems = new Map([
  ['ENOENT', 'the folder that it would lie in does not exist'],
  ['ENOTDIR', 'what it would lie in is no folder'],
  ['EISDIR', 'a folder has the name under which it would be written'],
  ['EACCES', 'this user may not write there'],
  ['EPERM', 'this user may not write there'],
  ['EROFS', 'the disk can only be read'],
]);

function watched(stream: Writable): {
  readonly write: LineOutput['write'];
  readonly failure: () => Error | undefined;
} {
  let failure: Error | undefined;
  stream.on('error', (error) => {
    failure ??= error;
  });
  return {
    failure: () => failure,
    write: async (lines) => {
      const text = lines.map((line) => `${line}\n`).join('');
      if (failure === undefined && !stream.write(text)) await drained(stream, () => failure);
      if (failure === undefined) return true;
      if ('code' in failure && failure.code === 'EPIPE') return false;
      throw failure;
    },
  };
}

/** Resolves when the stream takes more, or will take nothing any more. */
async function drained(stream: Writable, failure: () => Error | undefined): Promise<void> {
  const over = new AbortController();
  try {
    const { signal } = over;
    await Promise.race([once(stream, 'drain', { signal }), once(stream, 'close', { signal })]);
  } catch (error) {
    // The error that the stream met is answered by who asked for the write.
    if (failure() === undefined) throw error;
  } finally {
    over.abort();
  }
}
