import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { folderWithV1, smallDemo, succeed } from '../support/flights-folder.js';
import { jsonSchemaProblems } from '../support/json-schema.js';
import { runCommand } from '../support/run-command.js';
import type { CommandResult } from '../support/run-command.js';
import { temporaryFolder } from '../support/temporary-folder.js';

describe('hindcast demo --once, its clock fixed to July 2013', () => {
  let data = '';
  let first: CommandResult;
  const range = ['--since', '2013-07-14', '--until', '2013-07-21'];

  beforeAll(async () => {
    data = join(await temporaryFolder(), 'demo');
    first = await smallDemo(data);
  });

  it('ends with 0 and shows v2 and v3 judged on the truth, drift and SQL', () => {
    expect(first.stderr + first.stdout).toContain('starting in');
    expect(first.code).toBe(0);
    for (const shown of ['v2 over', 'PASS', 'FAIL', 'log loss', 'Drift', 'in_origin'])
      expect(first.stdout).toContain(shown);
  });

  it('serves every flight up to now through v1, and gives truths only to flights that arrived', async () => {
    const result = await succeed('hindcast', [
      'sql',
      '--data',
      data,
      '--format',
      'json',
      `select count(*) as n, count(distinct key) as keys, count(truth) as truths, count(*) filter (version <> 'v1') as others,
              max(occurred_at) <= timestamp '2013-07-21' as past, count(*) filter (truth_known_at <= occurred_at) as early from flights`,
    ]);
    const row = JSON.parse(result.stdout);
    expect(row).toMatchObject({ n: row.keys, others: 0, past: true, early: 0 });
    expect(row.n).toBeGreaterThan(15_000);
    expect(row.truths).toBeLessThan(row.n);
  });

  it('resumes where it stopped when run again, and says so', async () => {
    const again = await smallDemo(data);
    expect(again.code).toBe(0);
    expect(again.stdout).toContain('resuming in');
    expect(again.stdout).toMatch(/\n0 predictions and 0 truths/);
  });

  it('writes the same reports, byte for byte, when a replay is run twice', async () => {
    const reports: Buffer[][] = [];
    for (const out of ['a', 'b']) {
      const result = await runCommand('replay', [
        '--model',
        'v2',
        '--data',
        data,
        ...range,
        '--report',
        'json,html,md,junit',
        '--out',
        join(data, out),
        '--quiet',
      ]);
      expect(result.stderr).not.toContain('error');
      reports.push(
        await Promise.all(
          ['report.json', 'report.html', 'report.md', 'junit.xml'].map((name) =>
            readFile(join(data, out, name)),
          ),
        ),
      );
      expect(await readFile(join(data, out, 'report.html'), 'utf8')).toContain('<svg');
    }
    expect(reports[0]).toEqual(reports[1]);
    const [json, page, markdown, junit] = (reports[0] ?? []).map(String);
    expect(jsonSchemaProblems(JSON.parse(json ?? ''))).toEqual([]);
    expect(markdown).toMatch(/^## ❔ INCONCLUSIVE · flights: v2 against what v1 answered\n\n\*\*Log loss /);
    expect(junit).toContain('<testsuite name="replay flights@v2" tests="2" failures="2" errors="0"');

    // The page names a hash that the log has, and had before the first run was recorded.
    const hash = /its hash there<\/dt>\s*<dd>\s*<span class="mono">([0-9a-f]{64})</.exec(page ?? '')?.[1];
    const run: unknown = JSON.parse(await readFile(join(data, 'b', 'run.json'), 'utf8'));
    expect(run).not.toMatchObject({ log: { hash } });
    const verify = (wanted: string) =>
      runCommand('hindcast', ['log', 'verify', '--data', data, '--expect-hash', wanted]);
    expect(await verify(hash ?? '')).toMatchObject({ code: 0 });
    expect((await verify('f'.repeat(64))).stderr).toContain('f'.repeat(64));
  });

  it('fails v3 with exit 1, and names the worst predictions by id', async () => {
    const result = await runCommand('replay', ['--model', 'v3', '--data', data, ...range, '--quiet']);
    expect(result.code).toBe(1);
    expect(result.stdout).toContain('FAIL');
    expect(result.stdout).toMatch(/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}/);
  });

  it('plans without running or recording anything: 0 for a plan that can be run, 3 for one that cannot', async () => {
    const replays = async (): Promise<string> =>
      (await succeed('hindcast', ['sql', '--data', data, '--format', 'csv', 'select count(*) from replays']))
        .stdout;
    const before = await replays();
    const plan = await succeed('replay', ['--model', 'v2', '--data', data, ...range, '--dry-run']);
    expect(plan.stdout).toMatch(/^PLAN {2}flights: v2 against what v1 answered/);
    expect(plan.stdout).toContain("differ as in v2's replay");
    expect(plan.stdout).toContain('correlate by 0.5');
    expect(Math.max(...plan.stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
    const own = await runCommand('replay', ['--model', 'v1', '--data', data, ...range, '--dry-run']);
    expect(own.code).toBe(3);
    expect(own.stdout).toContain('no row is left to compare');
    const nothing = await runCommand('replay', [
      '--model',
      'v2',
      '--data',
      data,
      '--since',
      '2012-01-01',
      '--until',
      '2012-02-01',
      '--dry-run',
    ]);
    expect(nothing.code).toBe(3);
    expect(await replays()).toBe(before);
  });

  it('judges several candidates in one table, with a folder each and the exit code of the worst', async () => {
    const out = join(data, 'several');
    const result = await runCommand('replay', [
      '--model',
      'v2,flights@v3',
      '--data',
      data,
      ...range,
      '--report',
      'md',
      '--out',
      out,
      '--quiet',
    ]);
    expect(result.code).toBe(1);
    expect(result.stdout).toMatch(/^v2 +INCONCLUSIVE +log-loss +[+−]/m);
    expect(result.stdout).toMatch(/^flights@v3 +FAIL +log-loss +\+/m);
    expect(result.stderr).toBe('');
    expect(await readFile(join(out, 'v2', 'report.md'), 'utf8')).toContain('flights: v2');
    expect(await readFile(join(out, 'flights-v3', 'report.md'), 'utf8')).toContain('flights: v3');
  });

  it.each(['v2,v9', 'v2,v2', 'v2,flights@v2', 'v2,,v3'])('runs none of %s', async (models) => {
    const result = await runCommand('replay', ['--model', models, '--data', data, ...range]);
    expect(result.code).toBe(64);
    expect(result.stdout).toBe('');
  });

  it('cannot tell from an hour of traffic, and says how much is needed', async () => {
    const result = await runCommand('replay', [
      '--model',
      'v2',
      '--data',
      data,
      '--since',
      '2013-07-14T12:00:00Z',
      '--until',
      '2013-07-14T13:00:00Z',
      '--quiet',
    ]);
    expect(result.code).toBe(2);
    expect(result.stdout).toContain('INCONCLUSIVE');
  });

  it('ends with 3 when nothing was predicted in the range, and says what there is', async () => {
    const result = await runCommand('replay', [
      '--model',
      'v2',
      '--data',
      data,
      '--since',
      '2012-01-01',
      '--until',
      '2012-02-01',
      '--quiet',
    ]);
    expect(result.code).toBe(3);
    expect(result.stderr).toContain('REPLAY_RANGE_EMPTY');
    expect(result.stderr).toContain('2013-07');
  });

  it.each([
    [['--model', 'v9'], 'MODEL_VERSION_NOT_FOUND'],
    [['--model', 'v2', '--since', 'last tuesday'], 'TIME_INVALID'],
    [['--model', 'v2', '--where', 'no such thing ('], 'USAGE_INVALID'],
  ])('replay %j is a usage error', async (args, code) => {
    const result = await runCommand('replay', [...args, '--data', data, '--quiet']);
    expect(result.code).toBe(64);
    expect(result.stderr).toContain(code);
  });

  it('keeps the log whole', async () => {
    expect((await succeed('hindcast', ['log', 'verify', '--data', data, '--quiet'])).stdout).toContain(
      'whole',
    );
  });

  it('prints drift as a table and as JSON', async () => {
    const table = await succeed('hindcast', ['drift', '--data', data, ...range]);
    expect(table.stdout).toContain('carrier');
    const json = JSON.parse(
      (await succeed('hindcast', ['drift', '--data', data, ...range, '--json'])).stdout,
    );
    expect(json).toHaveProperty('fields');
  });

  it('says that no prediction is in the range of a drift, and what to do', async () => {
    const result = await runCommand('hindcast', [
      'drift',
      '--data',
      data,
      '--since',
      '2012-01-01',
      '--until',
      '2012-02-01',
    ]);
    expect(result.code).toBe(64);
    expect(result.stderr).toContain('DRIFT_NO_ROWS');
  });

  it('promotes v2 after its replay passed, v3 only on the word of somebody, and records which', async () => {
    const promoted = async (): Promise<unknown[]> =>
      (
        await succeed('hindcast', ['log', 'tail', '--types', 'ModelPromoted', '--json', '--data', data])
      ).stdout
        .trim()
        .split('\n')
        .map((line) => {
          const { version, evidence } = JSON.parse(line).data;
          return [version, evidence?.basis, evidence?.replay?.verdict];
        });
    const all = ['--since', '2013-07-01', '--until', '2013-07-21', '--data', data, '--quiet'];
    const replayed = await runCommand('replay', ['--model', 'v2', ...all]);
    expect(replayed.code).toBe(0);
    const free = ['--model', 'v3', '--expect', 'anything', ...all];
    expect((await runCommand('replay', free)).code).toBe(0);
    const refused = await runCommand('hindcast', ['model', 'promote', 'v3', '--data', data]);
    expect(refused.code).toBe(64);
    expect(refused.stderr).toContain('MODEL_UNPROVEN');
    expect(refused.stderr).toContain('its last replay says FAIL');
    const v2 = await succeed('hindcast', ['model', 'promote', 'v2', '--data', data]);
    expect(v2.stdout).toMatch(/^PASS {2}the last replay of flights@v2[^]*flights serves v2 \(was v1\)\n/);
    const v3 = ['model', 'promote', 'v3', '--without-evidence', '--data', data];
    expect((await succeed('hindcast', v3)).stdout).toContain('flights serves v3 (was v2), without evidence');
    await succeed('hindcast', ['model', 'rollback', '--data', data]);
    expect((await promoted()).slice(-3)).toEqual([
      ['v2', 'replay', 'PASS'],
      ['v3', 'without-evidence', 'FAIL'],
      ['v2', undefined, undefined],
    ]);
  });

  it('starts over when asked, and says so; the folder of somebody else is left alone', async () => {
    const again = await runCommand('hindcast', [
      'demo',
      '--once',
      '--fresh',
      '--now',
      '2013-07-04',
      '--data',
      data,
    ]);
    expect(again.code).toBe(0);
    expect(again.stdout).toContain('starting over, as asked');
    const foreign = await folderWithV1();
    const refused = await smallDemo(foreign);
    expect(refused.code).toBe(64);
    expect(refused.stderr).toContain("not the demo's");
  });
});
