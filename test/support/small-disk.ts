import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A disk of `bytes` in memory, mounted in a folder of its own; undefined where this user may not mount. */
export function mountSmallDisk(bytes: number): { readonly folder: string; unmount(): void } | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'hindcast-disk-'));
  const mount = ['mount', '-t', 'tmpfs', '-o', `size=${bytes},mode=0777`, 'tmpfs', folder];
  for (const way of [[], ['sudo', '-n']]) {
    if (!succeeds([...way, ...mount])) continue;
    return {
      folder,
      unmount() {
        if (!succeeds([...way, 'umount', folder])) throw new Error(`${folder} could not be unmounted`);
        rmSync(folder, { recursive: true });
      },
    };
  }
  rmSync(folder, { recursive: true });
  return undefined;
}

function succeeds([command = '', ...args]: readonly string[]): boolean {
  return spawnSync(command, args).status === 0;
}

/** What a test with a small disk needs. */
export const smallDisks = {
  what: 'the right to mount a small tmpfs',
  get present(): boolean {
    const probe = mountSmallDisk(64 * 1024);
    probe?.unmount();
    return probe !== undefined;
  },
};
