import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import {
  type FileSystem,
  type LogFile,
  type OpenMode,
  nodeFileSystem,
} from '../../src/services/event-log/segment-log/file-system.js';

/** What a disk holds, by path from the folder. */
export type DiskImage = ReadonlyMap<string, Buffer>;

/** How much of what was not synced reached the disk all the same: a share of 0 to 1 by chance, of each kind. */
export interface Luck {
  readonly random: () => number;
  readonly share: number;
}

/** A file whatever its names: what is durable, and the changes that are not, in order. */
interface Content {
  durable: Buffer;
  pending: ((bytes: Buffer) => Buffer)[];
}

interface NameChange {
  readonly path: string;
  readonly content: Content | undefined;
}

/**
 * The real file system of one folder, with a model beside it of what a power failure would leave: data that was written
 * and not synced may be there or not, each write by itself; names that were made, changed or taken away, and whose
 * folder was not synced, may be as before, later ones only when earlier ones are there (as with a journal). `onCall` comes
 * before each call, and `image` tells what would be on the disk then.
 */
export async function powerFailureFileSystem(
  folder: string,
  onCall: (image: (luck: Luck) => DiskImage) => void,
): Promise<FileSystem> {
  const names = new Map<string, Content>();
  const durableNames = new Map<string, Content>();
  let changes: NameChange[] = [];
  const syncedFolders = new Set<string>();
  for (const [name, bytes] of await readFolder(folder)) {
    const content = { durable: bytes, pending: [] };
    for (const known of [names, durableNames]) known.set(join(folder, name), content);
    syncedFolders.add(dirname(folder)).add(folder);
  }

  function image(luck: Luck): DiskImage {
    const isThere = (): boolean => luck.random() < luck.share;
    const found = new Map(durableNames);
    for (const { path, content } of changes) {
      if (!isThere()) break;
      change(found, path, content);
    }
    const bytes = new Map<Content, Buffer>();
    const files = new Map<string, Buffer>();
    for (const [path, content] of found) {
      // A folder whose own name is not durable is not there, whatever was synced in it.
      if (!syncedFolders.has(dirname(dirname(path)))) continue;
      let held = bytes.get(content);
      if (held === undefined) {
        held = content.pending.reduce<Buffer>(
          (before, apply) => (isThere() ? apply(before) : before),
          Buffer.from(content.durable),
        );
        bytes.set(content, held);
      }
      files.set(relative(folder, path), held);
    }
    return files;
  }

  const rename = (path: string, content: Content | undefined): void => {
    change(names, path, content);
    changes.push({ path, content });
  };

  function contentOf(path: string, mode: OpenMode): Content {
    const known = names.get(path);
    if (known !== undefined) {
      if (mode === 'new') known.pending.push(() => Buffer.alloc(0));
      return known;
    }
    const made = { durable: Buffer.alloc(0), pending: [] };
    rename(path, made);
    return made;
  }

  return {
    async open(path, mode) {
      onCall(image);
      const file = await nodeFileSystem.open(path, mode);
      return modelled(file, contentOf(path, mode), {
        isDurable: mode === 'durable',
        meet: () => onCall(image),
      });
    },
    async rename(from, to) {
      onCall(image);
      await nodeFileSystem.rename(from, to);
      const content = names.get(from);
      rename(to, content);
      rename(from, undefined);
    },
    async remove(path) {
      onCall(image);
      await nodeFileSystem.remove(path);
      if (names.has(path)) rename(path, undefined);
    },
    async syncDirectory(directory) {
      onCall(image);
      await nodeFileSystem.syncDirectory(directory);
      syncedFolders.add(directory);
      for (const { path, content } of changes)
        if (dirname(path) === directory) change(durableNames, path, content);
      changes = changes.filter(({ path }) => dirname(path) !== directory);
    },
    freeBytes: async (directory) => await nodeFileSystem.freeBytes(directory),
  };
}

function modelled(
  file: LogFile,
  content: Content,
  { isDurable, meet }: { readonly isDurable: boolean; readonly meet: () => void },
): LogFile {
  const written = (bytes: Uint8Array, at: number): void => {
    const copy = Buffer.from(bytes);
    const apply = (before: Buffer): Buffer => {
      const after = Buffer.alloc(Math.max(before.length, at + copy.length));
      before.copy(after);
      copy.copy(after, at);
      return after;
    };
    if (isDurable) content.durable = apply(content.durable);
    else content.pending.push(apply);
  };
  return {
    async write(bytes, at) {
      meet();
      const taken = await file.write(bytes, at);
      written(bytes.subarray(0, taken), at);
      return taken;
    },
    writeNow(bytes, at) {
      meet();
      const taken = file.writeNow(bytes, at);
      written(bytes.subarray(0, taken), at);
      return taken;
    },
    async sync() {
      meet();
      await file.sync();
      content.durable = content.pending.reduce<Buffer>((before, apply) => apply(before), content.durable);
      content.pending = [];
    },
    async truncate(length) {
      meet();
      await file.truncate(length);
      content.pending.push((before) => before.subarray(0, length));
    },
    close: async () => await file.close(),
  };
}

/** Puts an image into an empty folder, as the machine finds it when the power is back. */
export async function writeImage(folder: string, image: DiskImage): Promise<void> {
  for (const [name, bytes] of image) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), bytes);
  }
}

async function readFolder(folder: string): Promise<DiskImage> {
  const files = new Map<string, Buffer>();
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile()) files.set(relative(folder, path), await readFile(path));
  }
  return files;
}

function change(names: Map<string, Content>, path: string, content: Content | undefined): void {
  if (content === undefined) names.delete(path);
  else names.set(path, content);
}
