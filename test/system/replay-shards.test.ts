import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { ReplayReport } from '../../src/replay/report/report-schema.js';
import { smallDemo, succeed } from '../support/flights-folder.js';
import { root, runCommand, startCommand } from '../support/run-command.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const range = ['--since', '2013-07-01', '--until', '2013-07-20', '--as-of', '2013-07-21'];
let data: string;
let out: string;

async function replay(args: readonly string[]) {
  return runCommand('replay', [...args, '--data', data]);
}

async function shard(share: string, folder: string, more: readonly string[] = []): Promise<string> {
  const [index, of] = share.split('/');
  const args = ['--model', 'v2', ...range, '--shard', share, '--out', join(out, folder), '--data', data];
  await succeed('replay', [...args, ...more]);
  return join(out, folder, `shard-${index}-of-${of}.part`);
}

beforeAll(async () => {
  const folder = await temporaryFolder();
  data = join(folder, 'data');
  out = join(folder, 'out');
  await smallDemo(data);
}, 120_000);

describe('a replay in parts', () => {
  it('gives the report of the whole when they are merged, to the byte, and its exit code', async () => {
    const whole = await replay(['--model', 'v2', ...range, '--report', 'json', '--out', join(out, 'whole')]);
    const parts = [];
    for (const share of ['1/3', '2/3', '3/3']) parts.push(await shard(share, 'thirds'));
    const merged = await replay([
      'merge',
      ...parts.reverse(),
      '--report',
      'json',
      '--out',
      join(out, 'merged'),
    ]);
    expect(merged.code).toBe(whole.code);
    expect(merged.stdout).toBe(whole.stdout);
    const [one, other] = await Promise.all(
      ['whole', 'merged'].map((folder) => readFile(join(out, folder, 'report.json'), 'utf8')),
    );
    expect(other).toBe(one);
  });

  it('may have more parts than there is work for', async () => {
    const whole = await replay(['--model', 'v2', ...range]);
    const parts = [];
    for (let index = 1; index <= 7; index += 1) parts.push(await shard(`${index}/7`, 'sevenths'));
    expect((await replay(['merge', ...parts])).stdout).toBe(whole.stdout);
  });

  it('has the slices that were asked for, in every part alike', async () => {
    const slices = ['--slice', 'wind_speed,visib'];
    const whole = await replay(['--model', 'v2', ...range, ...slices]);
    expect(whole.stdout).toContain('wind_speed');
    const parts = [await shard('1/2', 'sliced', slices), await shard('2/2', 'sliced', slices)];
    expect((await replay(['merge', ...parts])).stdout).toBe(whole.stdout);
    const other = await replay(['merge', parts[0] ?? '', await shard('2/2', 'unsliced')]);
    expect(other.stderr).toContain('differ in slices');
  });

  it('refuses parts that are missing, given twice, or of another replay', async () => {
    const parts = [await shard('1/2', 'halves'), await shard('2/2', 'halves')];
    const [first = '', second = ''] = parts;
    const other = await shard('2/2', 'other', ['--expect', 'same']);
    for (const [given, words] of [
      [[first], 'of 2 parts 2 missing'],
      [[first, second, first], 'given twice'],
      [[first, other], 'differ in expect ("same" against "no-worse")'],
    ] as const) {
      const result = await replay(['merge', ...given]);
      expect(result.code).toBe(64);
      expect(result.stderr).toContain('REPLAY_PARTS_UNFIT');
      expect(result.stderr).toContain(words);
    }
  });

  it('refuses parts that were made before the log said otherwise', async () => {
    const args = ['--model', 'v2', '--since', '2013-07-01', '--until', '2013-07-20', '--data', data];
    const at = ['--as-of', '2013-07-10'];
    for (const [share, more] of [
      ['1/2', []],
      ['2/2', at],
    ] as const) {
      await succeed('replay', [...args, ...more, '--shard', share, '--out', join(out, 'moved')]);
    }
    const result = await replay([
      'merge',
      ...[1, 2].map((index) => join(out, 'moved', `shard-${index}-of-2.part`)),
    ]);
    expect(result.code).toBe(64);
    expect(result.stderr).toContain('differ in knownUntil');
  });

  it('refuses a file that is no part, and one of which a byte has changed', async () => {
    const part = await shard('1/1', 'damaged');
    const bytes = await readFile(part);
    const refused = async (changed: Uint8Array | string, words: string) => {
      await writeFile(part, changed);
      const result = await replay(['merge', part]);
      expect(result.code).toBe(64);
      expect(result.stderr).toContain('REPLAY_PART_INVALID');
      expect(result.stderr).toContain(words);
    };
    await refused('a shopping list', 'it is no part of a replay');
    await refused(bytes.subarray(0, bytes.length - 1_000), 'its checksum does not fit');
    for (const at of [40, bytes.length >> 1, bytes.length - 1]) {
      const flipped = Buffer.from(bytes);
      flipped[at] = (flipped[at] ?? 0) ^ 4;
      await refused(flipped, 'its checksum does not fit');
    }
    expect((await replay(['merge', join(out, 'nothing.part')])).stderr).toContain('REPLAY_PART_INVALID');
  });

  it.each([
    [['--shard', '0/3'], 'expected a share'],
    [['--shard', '4/3'], 'expected a share'],
    [['--shard', 'half'], 'expected a share'],
    [['--shard', '1/2', '--since', '7d'], '--shard needs --since and --until as instants'],
    [['--shard', '1/2', ...range, '--report', 'html'], '--shard writes a part and no report'],
    [['--shard', '1/2', ...range, '--dry-run'], '--shard has no plan of its own'],
    [['--shard', '1/2', ...range, '--model', 'v2,v3'], '--shard takes one candidate'],
  ])('%j is a mistake in usage', async (args, words) => {
    const result = await replay(['--model', 'v2', ...args]);
    expect(result.code).toBe(64);
    expect(result.stderr).toContain(words);
  });
});

it('ends with its verdict also when nobody reads the words', async () => {
  const args = ['--model', 'v3', ...range, '--data', data, '--quiet'];
  const child = startCommand('replay', args);
  child.stdout?.destroy();
  const [code]: unknown[] = await once(child, 'close');
  expect(code).toBe((await runCommand('replay', args)).code);
  expect(code).not.toBe(70);
});

it('is the same to the byte with two workers', async () => {
  const reports = [];
  for (const workers of ['1', '2']) {
    const folder = join(out, `workers-${workers}`);
    await replay(['--model', 'v2', ...range, '--workers', workers, '--report', 'json', '--out', folder]);
    reports.push(await readFile(join(folder, 'report.json'), 'utf8'));
  }
  expect(reports[1]).toBe(reports[0]);
});

it('Ctrl-C ends a replay with 130 and a report of what it reached, which is not recorded', async () => {
  const folder = join(out, 'interrupted');
  const count = ['sql', 'select count(*) from replays', '--data', data];
  const before = (await succeed('hindcast', count)).stdout;
  const args = ['--model', 'v2', ...range, '--report', 'json', '--out', folder, '--data', data];
  const result = await runCommand('replay', args, {
    nodeArgs: ['--import', join(root, 'test', 'support', 'interrupt-at-first-progress.mjs')],
  });
  expect(result.code).toBe(130);
  expect(result.stdout).toMatch(/^INCONCLUSIVE/);
  const report = ReplayReport.parse(JSON.parse(await readFile(join(folder, 'report.json'), 'utf8')));
  expect(report.isComplete).toBe(false);
  const { recorded, notReached, compared } = report.waterfall;
  expect(notReached).toBeGreaterThan(0);
  expect(compared).toBe(recorded - notReached);
  expect(result.stderr).toContain('it was interrupted');
  expect((await succeed('hindcast', count)).stdout).toBe(before);
});
