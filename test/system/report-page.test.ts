import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { smallDemo } from '../support/flights-folder.js';
import { chromium, describeWith } from '../support/optional.js';
import { runCommand } from '../support/run-command.js';
import { temporaryFolder } from '../support/temporary-folder.js';

describeWith(chromium, 'the report page in a real browser', () => {
  let directory = '';

  const rendered = (path: string, width: number): string =>
    execFileSync(
      chromium.command,
      [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        `--user-data-dir=${join(directory, 'browser')}`,
        `--window-size=${width},1200`,
        '--dump-dom',
        `file://${path}`,
      ],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 64 * 1024 * 1024 },
    );

  beforeAll(async () => {
    directory = await temporaryFolder();
    const data = join(directory, 'demo');
    expect((await smallDemo(data)).code).toBe(0);
    await runCommand('replay', [
      '--model',
      'v3',
      '--data',
      data,
      '--since',
      '2013-07-07',
      '--until',
      '2013-07-21',
      '--report',
      'html',
      '--out',
      directory,
      '--quiet',
    ]);
  });

  it('names nothing outside itself, and forbids scripts', async () => {
    const page = await readFile(join(directory, 'report.html'), 'utf8');
    expect(page).not.toMatch(/(?:src|href)=["'](?!#)|url\(|@import|https?:\/\/(?!www\.w3\.org)/);
    expect(page).toContain(`default-src 'none'`);
    expect(page.length).toBeLessThan(2 * 1024 * 1024);
  });

  it.each([1280, 500])(
    'shows the verdict first and does not scroll sideways at a width of %i',
    async (width) => {
      // The page forbids scripts; the copy that is measured does not.
      const page = (await readFile(join(directory, 'report.html'), 'utf8')).replace(
        /<meta http-equiv="Content-Security-Policy"[^>]*>/,
        '',
      );
      const probe = join(directory, 'probe.html');
      await writeFile(
        probe,
        `${page}<script>document.title = [document.documentElement.scrollWidth, innerWidth, document.querySelector('h1').innerText.split(' ')[0]].join(' ')</script>`,
      );
      const [scrollWidth, innerWidth, first] = (
        /<title>([^<]*)<\/title>/.exec(rendered(probe, width))?.[1] ?? ''
      ).split(' ');
      expect(Number(innerWidth)).toBeGreaterThan(0);
      expect(Number(scrollWidth)).toBeLessThanOrEqual(Number(innerWidth));
      expect(first).toMatch(/^FAIL/);
    },
  );
});
