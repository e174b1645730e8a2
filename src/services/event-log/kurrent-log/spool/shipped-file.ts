import { open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { errors } from '../../../platform/errors.js';

const Shipped = z.strictObject({ formatVersion: z.literal(1), position: z.int().nonnegative() });

export const shippedFileName = 'shipped.json';

/** Everything before this position of the spool is in the cluster; 0 when nothing was shipped yet. Throws LOG_CORRUPT. */
export async function readShipped(directory: string): Promise<number> {
  let text: string;
  try {
    text = await readFile(join(directory, shippedFileName), 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return 0;
    throw error;
  }
  try {
    return Shipped.parse(JSON.parse(text)).position;
  } catch (error) {
    throw errors.LOG_CORRUPT(
      {
        segment: join(directory, shippedFileName),
        offset: 0,
        position: '0',
        problem: 'it holds no position',
      },
      error,
    );
  }
}

/** Replaces the position durably: after a crash it is the old or the new one. */
export async function writeShipped(directory: string, position: number): Promise<void> {
  const path = join(directory, shippedFileName);
  const aside = `${path}.tmp`;
  const file = await open(aside, 'w');
  try {
    await file.writeFile(JSON.stringify({ formatVersion: 1, position } satisfies z.infer<typeof Shipped>));
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(aside, path);
  const folder = await open(directory, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
