import { copyFile, link, mkdir, readdir } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { LogReader } from '../../services/event-log/event-log.js';
import type { Clock } from '../../services/platform/clock.js';
import { errors } from '../../services/platform/errors.js';
import { acquireDatasetLock } from '../datasets/dataset-lock.js';
import { datasetsDirectory, writeManifest } from '../datasets/dataset-manifest.js';
import { baseOf, filesOf, readable } from './rebuild-projections.js';
import { removeOrphans } from './remove-files.js';

/**
 * Before the log is cut at `position`: puts datasets that reach beyond it back to where the log begins, so that they
 * never show events that are gone in the place of those that get their positions; the projector makes the rest again.
 * They stay as they were in a folder beside, since they may be the last readable trace of damaged events. Returns that
 * folder; undefined: they reach no further. Throws FOLDER_BUSY while a projector works.
 */
export async function setDatasetsAside(options: {
  readonly dataDirectory: string;
  readonly reader: LogReader;
  readonly position: number;
  readonly clock: Clock;
}): Promise<string | undefined> {
  const directory = datasetsDirectory(options.dataDirectory);
  const lock = await acquireDatasetLock(directory);
  if (lock === undefined) throw errors.FOLDER_BUSY({ directory, holder: 'the projector of another process' });
  try {
    // A manifest that cannot be read may reach anywhere.
    const old = await readable(directory);
    if (old !== undefined && old.checkpoint <= options.position) return undefined;
    const aside = freeName(`${directory}.before-cut-at-${options.position}`);
    await linkFiles(directory, aside);
    const { reader, clock } = options;
    const { firstPosition } = await reader.head();
    const base = await baseOf({ directory, reader, old, firstPosition, acceptLoss: old === undefined });
    const at = clock.nowMicros();
    const gone = old === undefined ? [] : [...filesOf(old), ...old.replaced.map((file) => file.path)];
    const next = { ...base, replaced: [...base.replaced, ...gone.map((path) => ({ path, at }))] };
    await writeManifest(directory, next);
    await removeOrphans(directory, next);
    return aside;
  } finally {
    await lock.release();
  }
}

/** The same files under another folder: they are replaced, never changed. Copies where the disk has no second names. */
async function linkFiles(from: string, to: string): Promise<void> {
  await mkdir(to);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await linkFiles(source, target);
    else if (entry.isFile() && !entry.name.startsWith('projector.lock')) {
      try {
        await link(source, target);
      } catch (error) {
        if (!(error instanceof Error && 'code' in error)) throw error;
        await copyFile(source, target);
      }
    }
  }
}

function freeName(wanted: string): string {
  let name = wanted;
  for (let number = 2; existsSync(name); number += 1) name = `${wanted}-${number}`;
  return name;
}
