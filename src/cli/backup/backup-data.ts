import { link, rm, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { syncPath } from '../../projections/datasets/replace-file.js';
import { verifyLog } from '../../services/event-log/verify-log.js';
import { scanFrames } from '../../services/event-log/segment-log/scan-frames.js';
import { storedHash } from '../../services/event-log/segment-log/frame.js';
import { listSegments } from '../../services/event-log/segment-log/segment-file.js';
import type { RegistryState } from '../../services/inference/registry.js';
import type { Clock } from '../../services/platform/clock.js';
import { errors } from '../../services/platform/errors.js';
import { dataPaths } from '../workspace.js';
import {
  type BackupFile,
  type BackupManifest,
  backupManifestName,
  readBackupManifest,
} from './backup-manifest.js';
import { copyFile, digestOf } from './copy-file.js';
import { copyLog } from './copy-log.js';
import { isFile, namesIn, openStagingFolder } from './staging-folder.js';

export interface BackupResult {
  readonly manifest: BackupManifest;
  readonly copiedFiles: number;
  readonly copiedBytes: number;
  /** Taken over from the backup that was there before. */
  readonly keptFiles: number;
}

/**
 * Copies the log up to its head and every stored artefact into a folder, while others append. The copy is verified whole
 * by the chain before it takes the place of the backup that was there, of which unchanged files are taken over. Throws
 * BACKUP_REFUSED, LOG_CORRUPT, ARTEFACT_DAMAGED; the backup before is then as it was.
 */
export async function backupData(options: BackupOptions): Promise<BackupResult> {
  const made = await makeBackup(options, 'take-over');
  // Files of the backup before did not fit between those of this log, or a segment was sealed and rewritten while it
  // was copied: all of it is copied anew, and this time the damage is the log's own.
  return made === 'unfit' ? afresh(await makeBackup(options, 'afresh')) : made;
}

function afresh(made: BackupResult | 'unfit'): BackupResult {
  if (made !== 'unfit') return made;
  throw errors.INTERNAL({ problem: 'a backup that takes nothing over found a file that does not fit' });
}

export interface BackupOptions {
  readonly dataDirectory: string;
  readonly target: string;
  readonly registry: RegistryState;
  readonly clock: Clock;
  readonly hindcastVersion: string;
  readonly onCopy: (bytes: number, totalBytes: number) => void;
  readonly onVerify: (bytes: number, totalBytes: number) => void;
}

async function makeBackup(
  options: BackupOptions,
  mode: 'take-over' | 'afresh',
): Promise<BackupResult | 'unfit'> {
  const target = resolve(options.target);
  const paths = dataPaths(options.dataDirectory);
  const inside = relative(resolve(options.dataDirectory), target);
  if (!inside.startsWith('..'))
    throw errors.BACKUP_REFUSED({ path: target, problem: 'it lies in the data folder itself' });
  if (await isFile(target)) throw errors.BACKUP_REFUSED({ path: target, problem: 'it is a file' });
  const staging = await openStagingFolder(target, ['log', 'artefacts']);
  try {
    const before = await earlierBackup(target);
    const copier = createCopier({
      target,
      staging: staging.directory,
      before: mode === 'afresh' ? undefined : before,
      onCopy: options.onCopy,
    });
    const log = await copyLog({
      from: paths.log,
      to: join(staging.directory, 'log'),
      copy: (name, size) => copier.copy(join(paths.log, name), `log/${name}`, size),
      onTotal: copier.expect,
    });
    for (const sha256 of await artefactsOf(paths.artefacts, options.registry)) {
      await copier.copy(join(paths.artefacts, sha256), `artefacts/${sha256}`, { sha256 });
    }
    await copier.finish(log.names.map((name) => `log/${name}`));
    const verified = await verifyLog({
      directory: join(staging.directory, 'log'),
      onProgress: ({ bytes, totalBytes }) => options.onVerify(bytes, totalBytes),
    });
    if (verified.damage !== undefined && mode === 'take-over') return 'unfit';
    if (verified.damage !== undefined)
      throw errors.LOG_CORRUPT({ ...verified.damage, position: String(verified.damage.position) });
    await assertContinues(target, before, { directory: join(staging.directory, 'log'), log });
    const manifest: BackupManifest = {
      formatVersion: 1,
      hindcastVersion: options.hindcastVersion,
      createdAt: new Date(options.clock.nowMicros() / 1000).toISOString(),
      log: {
        firstPosition: String(log.firstPosition),
        nextPosition: String(log.nextPosition),
        hash: log.hash,
      },
      files: copier.files(),
    };
    const path = join(staging.directory, backupManifestName);
    await writeFile(path, `${JSON.stringify(manifest, undefined, 2)}\n`, { mode: 0o600 });
    await syncPath(path);
    await staging.commit();
    return { manifest, ...copier.counts() };
  } finally {
    await staging.discard();
  }
}

async function earlierBackup(target: string): Promise<BackupManifest | undefined> {
  const names = await namesIn(target);
  if (names === undefined || names.length === 0) return undefined;
  const before = await readBackupManifest(target);
  if (before === undefined)
    throw errors.BACKUP_REFUSED({ path: target, problem: 'it holds other files, and no backup' });
  return before;
}

/** A backup is never replaced by a log that lacks what it holds, be it after a repair or from another data folder. */
async function assertContinues(
  target: string,
  before: BackupManifest | undefined,
  copy: {
    readonly directory: string;
    readonly log: { readonly firstPosition: number; readonly nextPosition: number };
  },
): Promise<void> {
  if (before === undefined) return;
  const held = Number(before.log.nextPosition);
  const { firstPosition, nextPosition } = copy.log;
  if (held <= firstPosition) return;
  const found = held > nextPosition ? undefined : await hashAt(copy.directory, held);
  if (found === before.log.hash) return;
  throw errors.BACKUP_REFUSED({
    path: target,
    problem: `the backup in it reaches to position ${held}, and this log does not go on from there`,
  });
}

/** The chain's hash before a position; undefined when no frame ends there. */
async function hashAt(directory: string, position: number): Promise<string | undefined> {
  const segment = (await listSegments(directory)).findLast((candidate) => candidate < position);
  if (segment === undefined) return undefined;
  for await (const { header, bytes } of scanFrames(directory, segment)) {
    if (header.firstPosition + header.count === position)
      return Buffer.from(storedHash(bytes)).toString('hex');
  }
  return undefined;
}

/** Every artefact in the store, and those that the registry names, whether or not they are there. */
async function artefactsOf(directory: string, registry: RegistryState): Promise<readonly string[]> {
  const stored = (await namesIn(directory)) ?? [];
  const named = Object.values(registry.models).flatMap((model) =>
    Object.values(model.versions).flatMap(({ artefacts }) =>
      [artefacts.model, artefacts.reference, artefacts.profile].flatMap((artefact) => artefact?.sha256 ?? []),
    ),
  );
  return [...new Set([...stored.filter((name) => /^[0-9a-f]{64}$/.test(name)), ...named])].toSorted();
}

/** Copies files into the staging folder, or takes them over from the backup before when they cannot have changed. */
function createCopier(options: {
  readonly target: string;
  readonly staging: string;
  readonly before: BackupManifest | undefined;
  readonly onCopy: (bytes: number, totalBytes: number) => void;
}) {
  const { target, staging } = options;
  const known = new Map((options.before?.files ?? []).map((file) => [file.path, file]));
  const files = new Map<string, BackupFile>();
  let [copiedFiles, copiedBytes, keptFiles, doneBytes, totalBytes] = [0, 0, 0, 0, 0];
  const advance = (bytes: number): void => {
    doneBytes += bytes;
    options.onCopy(doneBytes, Math.max(totalBytes, doneBytes));
  };

  const copy = async (
    from: string,
    path: string,
    {
      bytesMax = Infinity,
      sealedBytes,
      sha256,
    }: { readonly bytesMax?: number; readonly sealedBytes?: number; readonly sha256?: string },
  ): Promise<void> => {
    const to = join(staging, path);
    const earlier = known.get(path);
    const same =
      earlier !== undefined &&
      (earlier.bytes === sealedBytes || earlier.bytes === bytesMax || earlier.sha256 === sha256);
    if (same && (await tookOver(join(target, path), to, earlier.sha256))) {
      files.set(path, earlier);
      keptFiles += 1;
      advance(earlier.bytes);
      return;
    }
    const copied = await copyArtefactOrFile(from, to, { bytesMax, sha256, onBytes: advance });
    files.set(path, { path, ...copied });
    copiedFiles += 1;
    copiedBytes += copied.bytes;
  };

  return {
    copy,
    expect: (bytes: number): void => {
      totalBytes = bytes;
    },
    /** Removes what was copied of the log and then dropped by retention; counts the head, which was written, in. */
    finish: async (logPaths: readonly string[]): Promise<void> => {
      const wanted = new Set(logPaths);
      for (const path of [...files.keys()].filter((name) => name.startsWith('log/') && !wanted.has(name))) {
        files.delete(path);
        await rm(join(staging, path), { force: true });
      }
      for (const path of logPaths.filter((name) => !files.has(name)))
        files.set(path, { path, ...(await digestOf(join(staging, path))) });
    },
    files: (): BackupFile[] => [...files.values()].toSorted((a, b) => (a.path < b.path ? -1 : 1)),
    counts: () => ({ copiedFiles, copiedBytes, keptFiles }),
  };
}

async function copyArtefactOrFile(
  from: string,
  to: string,
  options: {
    readonly bytesMax: number;
    readonly sha256: string | undefined;
    readonly onBytes: (bytes: number) => void;
  },
): Promise<{ bytes: number; sha256: string }> {
  const { sha256 } = options;
  if (sha256 === undefined) return await copyFile(from, to, options);
  let copied: { bytes: number; sha256: string };
  try {
    copied = await copyFile(from, to, options);
  } catch (error) {
    throw errors.ARTEFACT_DAMAGED({ digest: sha256, problem: `${from} cannot be read` }, error);
  }
  if (copied.sha256 === sha256) return copied;
  throw errors.ARTEFACT_DAMAGED({ digest: sha256, problem: `${from} has the digest ${copied.sha256}` });
}

/** One file under two names. False when the disk has no such thing, or the earlier file is gone or damaged. */
async function tookOver(from: string, to: string, sha256: string): Promise<boolean> {
  try {
    await link(from, to);
  } catch (error) {
    if (error instanceof Error && 'code' in error) return false;
    throw error;
  }
  if ((await digestOf(to)).sha256 === sha256) return true;
  await rm(to);
  return false;
}
