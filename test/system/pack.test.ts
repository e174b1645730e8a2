import { execFileSync, spawnSync } from 'node:child_process';
import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from '../support/run-command.js';
import { temporaryFolder } from '../support/temporary-folder.js';

describe('the package', () => {
  it('has bins that work when it is installed elsewhere', async () => {
    const directory = await temporaryFolder();
    const packed = execFileSync(
      'npm',
      ['pack', '--ignore-scripts', '--json', '--pack-destination', directory, '--loglevel=error'],
      { cwd: root, encoding: 'utf8' },
    );
    const [{ filename, files }] = JSON.parse(packed) as [{ filename: string; files: { path: string }[] }];
    const paths = files.map((file) => file.path);
    expect(paths).toContain('LICENSE');
    expect(paths).toContain('docs/replay-report.v1.schema.json');
    expect(
      paths.filter(
        (path) => path.startsWith('dist/bench') || path.startsWith('test/') || path.startsWith('src/'),
      ),
    ).toEqual([]);
    // As an installer lays it out; its dependencies are the locked ones of this checkout, so that no network is needed.
    const modules = join(directory, 'node_modules');
    await mkdir(modules);
    execFileSync('tar', ['-xzf', filename, '--transform', 's,^package,node_modules/hindcast,'], {
      cwd: directory,
    });
    await symlink(join(root, 'node_modules'), join(modules, 'hindcast', 'node_modules'));
    for (const bin of ['hindcast', 'replay']) {
      const result = spawnSync(
        process.execPath,
        [join(modules, 'hindcast', 'dist', 'cli', `${bin}-bin.js`), '--version'],
        { cwd: directory, encoding: 'utf8' },
      );
      expect(result.stdout.trim()).toMatch(/^\d+\.\d+\.\d+$/);
      expect(result.status).toBe(0);
    }
    const added = spawnSync(
      process.execPath,
      [
        join(modules, 'hindcast', 'dist', 'cli', 'hindcast-bin.js'),
        'model',
        'add',
        join(modules, 'hindcast', 'examples', 'flights', 'v1'),
        '--data',
        join(directory, 'data'),
      ],
      { encoding: 'utf8' },
    );
    expect(added.stdout).toContain('registered flights@v1');
  });

  it('runs by npx in the checkout', () => {
    for (const bin of ['hindcast', 'replay']) {
      const result = spawnSync('npx', ['--no-install', bin, '--version'], { cwd: root, encoding: 'utf8' });
      expect(result.stdout.trim()).toMatch(/^\d+\.\d+\.\d+$/);
      expect(result.status).toBe(0);
    }
  });
});
