import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Replaces a file's content durably: a reader sees the old or the new text, also after a crash. */
export async function replaceFile(path: string, text: string): Promise<void> {
  const aside = `${path}.tmp`;
  const file = await open(aside, 'w');
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(aside, path);
  await syncPath(dirname(path));
}

/** Flushes a file, or a folder's list of names, to the disk. */
export async function syncPath(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
