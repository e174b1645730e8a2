import { mkdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { nodeFileSystem } from '../../services/event-log/segment-log/file-system.js';
import { keptSegments } from '../../services/event-log/segment-log/kept-segments.js';
import { buildSegmentIndex, writeSegmentIndex } from '../../services/event-log/segment-log/segment-index.js';
import { verifyLog } from '../../services/event-log/verify-log.js';
import type { Verification } from '../../services/event-log/verify-log.js';
import { errors } from '../../services/platform/errors.js';
import {
  type BackupFile,
  type BackupManifest,
  backupManifestName,
  readBackupManifest,
} from './backup-manifest.js';
import { copyFile } from './copy-file.js';
import { isFile, namesIn, openStagingFolder } from './staging-folder.js';

/**
 * Makes a data folder from a backup: every file is held against its SHA-256, the log against its chain and the head that
 * the backup names, and only then does the folder get its name. Throws RESTORE_REFUSED when the folder is not empty,
 * BACKUP_DAMAGED when anything differs; the folder is then as it was.
 */
export async function restoreData(options: {
  readonly backup: string;
  readonly dataDirectory: string;
  /** Every event against its schema too. */
  readonly deep: boolean;
  readonly onCopy: (bytes: number, totalBytes: number) => void;
  readonly onVerify: (bytes: number, totalBytes: number) => void;
}): Promise<{ readonly manifest: BackupManifest; readonly verified: Verification }> {
  const backup = resolve(options.backup);
  const target = resolve(options.dataDirectory);
  if (await isFile(backup)) throw errors.BACKUP_DAMAGED({ path: backup, problem: 'it is a file' });
  if (await isFile(target)) throw errors.RESTORE_REFUSED({ directory: target, problem: 'it is a file' });
  const manifest = await readBackupManifest(backup);
  if ((await namesIn(backup)) === undefined) throw errors.FILE_NOT_FOUND({ path: backup });
  if (manifest === undefined)
    throw errors.BACKUP_DAMAGED({ path: backup, problem: `it has no ${backupManifestName}` });
  const present = await namesIn(target);
  if (present !== undefined && present.length > 0)
    throw errors.RESTORE_REFUSED({
      directory: target,
      problem: `it is not empty (${present.slice(0, 3).join(', ')}${present.length > 3 ? ', …' : ''})`,
    });
  await mkdir(dirname(target), { recursive: true });
  const staging = await openStagingFolder(target, ['log', 'artefacts']);
  try {
    const totalBytes = manifest.files.reduce((sum, file) => sum + file.bytes, 0);
    let done = 0;
    for (const file of manifest.files) {
      await restoreFile({ backup, staging: staging.directory, file });
      done += file.bytes;
      options.onCopy(done, totalBytes);
    }
    const verified = await verifyLog({
      directory: join(staging.directory, 'log'),
      deep: options.deep,
      onProgress: ({ bytes, totalBytes: all }) => options.onVerify(bytes, all),
    });
    if (verified.damage !== undefined) {
      const { segment, offset, position, problem } = verified.damage;
      throw errors.BACKUP_DAMAGED({
        path: backup,
        problem: `its log is damaged in ${segment} at byte ${offset} (position ${position}): ${problem}`,
      });
    }
    if (verified.hash !== manifest.log.hash)
      throw errors.BACKUP_DAMAGED({
        path: backup,
        problem: `its log ends with the hash ${verified.hash}, and the manifest says ${manifest.log.hash}`,
      });
    await makeIndexes(join(staging.directory, 'log'));
    await staging.commit();
    return { manifest, verified };
  } finally {
    await staging.discard();
  }
}

/** Of every sealed segment, as the writer would have left it. */
async function makeIndexes(directory: string): Promise<void> {
  const sealed = (await keptSegments(directory)).segments.slice(0, -1);
  for (const segment of sealed) {
    const index = await buildSegmentIndex(directory, segment);
    await writeSegmentIndex({ directory, fileSystem: nodeFileSystem }, segment, index);
  }
}

async function restoreFile(options: {
  readonly backup: string;
  readonly staging: string;
  readonly file: BackupFile;
}): Promise<void> {
  const { backup, staging, file } = options;
  const from = join(backup, file.path);
  const damaged = (problem: string, cause?: unknown): Error =>
    errors.BACKUP_DAMAGED({ path: from, problem }, cause);
  if (file.path.startsWith('artefacts/') && basename(file.path) !== file.sha256)
    throw damaged('the manifest gives it another digest than its name');
  let copied: { readonly bytes: number; readonly sha256: string };
  try {
    copied = await copyFile(from, join(staging, file.path));
  } catch (error) {
    throw damaged('it is missing or cannot be read', error);
  }
  if (copied.sha256 !== file.sha256 || copied.bytes !== file.bytes)
    throw damaged(`its SHA-256 is ${copied.sha256}, and the manifest says ${file.sha256}`);
}
