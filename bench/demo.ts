import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './support/root.js';
import { markdownTable } from './support/statistics.js';

/** What the demo itself says of its seeding, projecting and memory, from an empty folder, once. */
export async function runDemoBench(): Promise<string> {
  const data = join(tmpdir(), `hindcast-bench-demo-${process.pid}`);
  const started = performance.now();
  const child = spawn(
    process.execPath,
    [join(root, 'dist', 'cli', 'hindcast-bin.js'), 'demo', '--once', '--data', data],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  );
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString('utf8');
  });
  const [code] = (await once(child, 'close')) as [number | null];
  await rm(data, { recursive: true, force: true });
  if (code !== 0) throw new Error(`the demo ended with ${code}`);
  const found = (pattern: RegExp): string => pattern.exec(text)?.[1] ?? '?';
  return markdownTable(
    ['what', 'measured', 'limit'],
    [
      ['seeding: predictions and truths into the log', `${found(/truths in ([\d.]+) s/)} s`, '20 s'],
      ['projecting them into Parquet', `${found(/before position \d+ \(([\d.]+) s\)/)} s`, ''],
      ['replay of v2 over 180 days', `${/180 days.*?(\d+\.\d+)/.exec(text)?.[1] ?? '?'} s`, ''],
      ['the whole showing', `${((performance.now() - started) / 1000).toFixed(1)} s`, ''],
      ['peak memory', `${found(/peak memory so far (\d+) MB/)} MB`, '700 MB'],
    ],
  );
}
