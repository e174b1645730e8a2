import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errors } from '../platform/errors.js';

/** Models and reference profiles by their SHA-256: beside the log, the other thing that cannot be rebuilt. */
export interface ArtefactStore {
  /** Durable when it resolves. Idempotent; puts a damaged file right again. */
  put(bytes: Uint8Array): Promise<{ readonly sha256: string; readonly bytes: number }>;
  /** Where an artefact stands, or would stand. Says nothing about its content: `verify` does. */
  path(sha256: string): string;
  /** The bytes, with the digest checked. Throws ARTEFACT_DAMAGED. */
  read(sha256: string): Promise<Buffer>;
  /** Throws ARTEFACT_DAMAGED when the file is missing or its content has another digest. */
  verify(sha256: string): Promise<void>;
}

/** Opens the folder; it is made on the first `put`. Several processes may share it. */
export function openArtefactStore(directory: string): ArtefactStore {
  const path = (sha256: string): string => {
    if (!/^[0-9a-f]{64}$/.test(sha256)) {
      throw errors.ARTEFACT_DAMAGED({
        digest: sha256,
        problem: 'this is not a SHA-256 digest in lower-case hex',
      });
    }
    return join(directory, sha256);
  };

  async function read(sha256: string): Promise<Buffer> {
    const file = path(sha256);
    let bytes: Buffer;
    try {
      bytes = await readFile(file);
    } catch (cause) {
      throw errors.ARTEFACT_DAMAGED({ digest: sha256, problem: problemOf(cause, file) }, cause);
    }
    const found = digestOf(bytes);
    if (found === sha256) return bytes;
    const problem = `${file} holds ${bytes.length} bytes whose digest is ${found}`;
    throw errors.ARTEFACT_DAMAGED({ digest: sha256, problem });
  }

  return {
    path,
    read,
    async verify(sha256) {
      await read(sha256);
    },
    async put(bytes) {
      const sha256 = digestOf(bytes);
      if (!(await holds(path(sha256), sha256))) await writeDurably(directory, path(sha256), bytes);
      return { sha256, bytes: bytes.byteLength };
    },
  };
}

async function holds(file: string, sha256: string): Promise<boolean> {
  try {
    return digestOf(await readFile(file)) === sha256;
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return false;
    throw cause;
  }
}

async function writeDurably(directory: string, file: string, bytes: Uint8Array): Promise<void> {
  await mkdir(directory, { recursive: true });
  const aside = `${file}.${randomUUID()}.tmp`;
  try {
    const handle = await open(aside, 'wx');
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(aside, file);
  } catch (cause) {
    await rm(aside, { force: true });
    throw cause;
  }
  // The rename itself is durable only when the folder is.
  const folder = await open(directory, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function problemOf(cause: unknown, file: string): string {
  if (codeOf(cause) === 'ENOENT') return `there is no file ${file}`;
  return cause instanceof Error ? cause.message : String(cause);
}

function codeOf(cause: unknown): unknown {
  return cause instanceof Error && 'code' in cause ? cause.code : undefined;
}
