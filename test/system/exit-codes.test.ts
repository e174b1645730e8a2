import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { folderWithV1 } from '../support/flights-folder.js';
import { root, runCommand, startCommand, startServerProcess } from '../support/run-command.js';
import { temporaryFolder } from '../support/temporary-folder.js';

describe('exit codes', () => {
  it.each(['hindcast', 'replay'] as const)('%s --help and --version end with 0', async (bin) => {
    expect((await runCommand(bin, ['--help'])).code).toBe(0);
    const version = await runCommand(bin, ['--version']);
    expect(version.code).toBe(0);
    expect(version.stdout.trim()).toMatch(/^\d+\.\d+\.\d+$/);
  });

  it.each([
    ['hindcast', ['no-such-command']],
    ['hindcast', ['sql']],
    ['hindcast', ['serve', '--port', 'many']],
    ['hindcast', ['model', 'add']],
    ['replay', []],
    ['replay', ['--model', 'v2', '--expect', 'miracles']],
    ['replay', ['--model', 'v2', '--report', 'pdf']],
    ['replay', ['--model', 'v2', '--unknown']],
  ] as const)('%s %j is a mistake in usage and ends with 64', async (bin, args) => {
    const result = await runCommand(bin, args);
    expect(result.code).toBe(64);
    expect(result.stderr).toMatch(/error|--help/);
  });

  it.each([
    ['hindcast', ['sql', 'select 1']],
    ['replay', ['--model', 'v2']],
  ] as const)('%s %j without a log says so and ends with 64', async (bin, args) => {
    const result = await runCommand(bin, [...args, '--data', join(await temporaryFolder(), 'nothing')]);
    expect(result.code).toBe(64);
    expect(result.stderr).toContain('LOG_NOT_FOUND');
  });

  it.each(['hindcast', 'replay'] as const)(
    'an uncaught error in %s ends with 70, never with 1',
    async (bin) => {
      const crash = join(root, 'test', 'support', 'crash.mjs');
      const args =
        bin === 'hindcast' ? ['serve', '--port', '0', '--data', await temporaryFolder()] : ['--model', 'v2'];
      const result = await runCommand(bin, args, { nodeArgs: ['--import', crash] });
      expect(result.code).toBe(70);
      expect(result.stderr).toContain('planted fault');
    },
  );

  it('a reader that goes away early, such as head, is no fault', async () => {
    const child = startCommand('hindcast', ['log', 'stat', '--data', await folderWithV1()]);
    child.stdout?.destroy();
    let words = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      words += chunk.toString('utf8');
    });
    expect((await once(child, 'close'))[0]).toBe(0);
    expect(words).toBe('');
  });

  it('Ctrl-C ends a server with 130 and SIGTERM ends it with 0, both after an orderly stop', async () => {
    const data = await temporaryFolder();
    const interrupted = await startServerProcess(data);
    expect(await interrupted.stop('SIGINT')).toBe(130);
    const terminated = await startServerProcess(data);
    expect(await terminated.stop('SIGTERM')).toBe(0);
  });

  it('Ctrl-C while following the log ends with 130', async () => {
    const data = await temporaryFolder();
    const server = await startServerProcess(data);
    await server.stop();
    const child = startCommand('hindcast', ['log', 'tail', '--follow', '--data', data], {
      nodeArgs: ['--import', join(root, 'test', 'support', 'say-when-listening.mjs')],
    });
    await once(child.stderr!, 'data');
    child.kill('SIGINT');
    expect((await once(child, 'close'))[0]).toBe(130);
  });
});
