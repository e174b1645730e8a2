import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { errors } from '../../services/platform/errors.js';

const Digest = z.string().regex(/^[0-9a-f]{64}$/);
const Position = z.string().regex(/^\d{1,16}$/);

/** A file of a backup: its path below the backup's folder, with `/`. */
export const BackupFile = z.strictObject({
  path: z.string().regex(/^(?:log\/[\w.-]+|artefacts\/[0-9a-f]{64})$/),
  bytes: z.int().nonnegative(),
  sha256: Digest,
});
export type BackupFile = z.infer<typeof BackupFile>;

/**
 * `backup.json`: what a backup holds. A folder without it is none: it is written last. Positions are decimal strings;
 * `log.nextPosition` and `log.hash`: the log's head when the backup began.
 */
export const BackupManifest = z.strictObject({
  formatVersion: z.literal(1),
  hindcastVersion: z.string(),
  createdAt: z.iso.datetime(),
  log: z.strictObject({ firstPosition: Position, nextPosition: Position, hash: Digest }),
  files: z.array(BackupFile),
});
export type BackupManifest = z.infer<typeof BackupManifest>;

export const backupManifestName = 'backup.json';

/** Undefined when the folder holds none. Throws BACKUP_DAMAGED when it is not readable as one. */
export async function readBackupManifest(directory: string): Promise<BackupManifest | undefined> {
  const path = join(directory, backupManifestName);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && ['ENOENT', 'ENOTDIR'].includes(String(error.code)))
      return undefined;
    throw error;
  }
  try {
    return BackupManifest.parse(JSON.parse(text));
  } catch (error) {
    throw errors.BACKUP_DAMAGED({ path, problem: 'it is not a manifest that this release can read' }, error);
  }
}
