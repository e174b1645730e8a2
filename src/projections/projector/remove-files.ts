import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DatasetManifest } from '../datasets/dataset-manifest.js';
import { writeManifest } from '../datasets/dataset-manifest.js';

/** How long a file that was replaced stays for readers that opened the state before, microseconds. */
export const graceMicros = 10 * 60 * 1_000_000;

/** Removes replaced files whose grace is over. Returns the state without them; it is in force when it differs. */
export async function removeIdleFiles(
  directory: string,
  manifest: DatasetManifest,
  nowMicros: number,
): Promise<DatasetManifest> {
  const idle = manifest.replaced.filter((file) => file.at + graceMicros <= nowMicros);
  if (idle.length === 0) return manifest;
  const next = { ...manifest, replaced: manifest.replaced.filter((file) => !idle.includes(file)) };
  // First the state that forgets them: a crash in between leaves orphans, never a name without a file.
  await writeManifest(directory, next);
  for (const file of idle) await rm(join(directory, file.path), { force: true });
  return next;
}

/** Removes what a crash left: parts that no state names. Only the holder of the lock may call it. */
export async function removeOrphans(directory: string, manifest: DatasetManifest): Promise<number> {
  const named = new Set([
    ...manifest.models.flatMap((model) => [
      ...model.parts.map((part) => part.path),
      ...(model.patches === undefined ? [] : [model.patches.path]),
    ]),
    ...Object.values(manifest.shared).flatMap((parts) => parts.map((part) => part.path)),
    ...manifest.replaced.map((file) => file.path),
  ]);
  let removed = 0;
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    if (!/^(?:of|all)-/.test(entry.name)) continue;
    for (const name of await readdir(join(directory, entry.name))) {
      const path = join(entry.name, name);
      if (named.has(path)) continue;
      await rm(join(directory, path), { force: true });
      removed += 1;
    }
  }
  return removed;
}
