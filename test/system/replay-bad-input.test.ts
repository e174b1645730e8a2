import { cp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { bundle, folderWithV1, smallDemo, succeed } from '../support/flights-folder.js';
import { root, runCommand } from '../support/run-command.js';
import type { CommandResult } from '../support/run-command.js';
import { temporaryFolder } from '../support/temporary-folder.js';

// Twenty days of flights that v1 served, with weather and truths; v2 and v3 are candidates. 42 rows have no temperature.
const range = ['--since', '2013-07-01', '--until', '2013-07-20'];
let data: string;
beforeAll(async () => {
  data = join(await temporaryFolder(), 'demo');
  expect((await smallDemo(data)).code).toBe(0);
}, 120_000);

function replay(...args: readonly string[]): Promise<CommandResult> {
  return runCommand('replay', [...args, '--data', data, '--quiet']);
}

/** v2's bundle as another version, with something done to its model.yaml; registered. */
async function variant(
  version: string,
  change: (manifest: string) => string,
  name = 'flights',
): Promise<void> {
  const directory = join(await temporaryFolder(), version);
  await cp(bundle('v2'), directory, { recursive: true });
  const text = await readFile(join(directory, 'model.yaml'), 'utf8');
  const renamed = text
    .replace('name: flights', `name: ${name}`)
    .replace('version: v2', `version: ${version}`);
  await writeFile(join(directory, 'model.yaml'), change(renamed));
  // Training had rows without weather, which a model that cannot take them could not be run on.
  await rm(join(directory, 'reference.parquet'));
  await succeed('hindcast', ['model', 'add', directory, '--data', data]);
}

async function gateFile(text: string): Promise<string> {
  const path = join(await temporaryFolder(), 'replay.gates.yaml');
  await writeFile(path, text);
  return path;
}

const oneLine = (text: string): string => text.replaceAll(/\s+/g, ' ');

describe('replay refuses as usage, with exit code 64 and what to do', () => {
  it.each([
    [['--model', 'v9'], 'MODEL_VERSION_NOT_FOUND', 'known: v1, v2, v3'],
    [['--model', 'weather@v2'], 'MODEL_NOT_FOUND', 'known: flights'],
    [['--model', 'v2', '--control', 'v9'], 'MODEL_VERSION_NOT_FOUND', 'known: v1, v2, v3'],
    [['--model', 'v2', '--control', 'v2'], 'USAGE_INVALID', 'Control and candidate are both v2'],
    [['--model', 'v2,flights@v2'], 'USAGE_INVALID', 'names a version twice'],
    [['--model', 'v2', '--until', '2013-07-01'], 'USAGE_INVALID', '--until 2013-07-01 does not lie after'],
    [['--model', 'v2', '--since', '7y'], 'TIME_INVALID', '--since 7y is not a time'],
    [['--model', 'v2', '--as-of', 'soon'], 'TIME_INVALID', '--as-of soon is not a time'],
    [['--model', 'v2', '--set', 'temp'], 'USAGE_INVALID', 'expected feature=value'],
    [['--model', 'v2', '--set', 'tmp=1'], 'USAGE_INVALID', 'it has carrier, origin'],
    [['--model', 'v2', '--set', 'temp=warm'], 'USAGE_INVALID', 'the feature takes a number'],
    [['--model', 'v2', '--set', 'temp=1', '--set', 'temp=2'], 'USAGE_INVALID', 'temp is set twice'],
    [['--model', 'v2', '--slice', 'tmp'], 'USAGE_INVALID', 'it has carrier, origin'],
    [['--model', 'v2', '--slice', 'temp', '--set', 'temp=1'], 'USAGE_INVALID', 'contradict each other'],
    [['--model', 'v2', '--where', ''], 'USAGE_INVALID', '--where is empty'],
    [
      ['--model', 'v2', '--where', 'in_origin ='],
      'USAGE_INVALID',
      'The condition "in_origin =" cannot be used',
    ],
    [['--model', 'v2', '--where', 'in_orign = 1'], 'USAGE_INVALID', 'in_origin'],
    [['--model', 'v2', '--where', '1 = 1; drop view flights'], 'USAGE_INVALID', 'cannot be used'],
    [['--model', 'v2', '--where', 'in_origin'], 'USAGE_INVALID', 'cannot be used'],
  ])('%j', async (args, code, words) => {
    const given = args.includes('--since') ? [] : range.slice(0, args.includes('--until') ? 2 : 4);
    const result = await replay(...args, ...given);
    expect(result.stderr).toContain(code);
    expect(oneLine(result.stderr)).toContain(words);
    expect(result.stdout).toBe('');
    expect(result.code).toBe(64);
  });

  it('a range that begins in the future and has no end', async () => {
    const result = await replay('--model', 'v2', '--since', '2900-01-01');
    expect(result.stderr).toContain('--since 2900-01-01 lies in the future');
    expect(result.code).toBe(64);
  });

  it.each([
    ['a metric that it does not know', 'logloss: { atMost: 0.5 }\n', 'logloss'],
    ['a slice by name', 'slices: { gate: true, carrier: { margin: 0.1 } }\n', 'carrier'],
    ['a limit that is none', 'margin: 0.01\nflips: { atMost: 20 }\n', 'flips.atMost'],
    [
      'an exception whose condition is none',
      'ignore: [{ where: "in_x =", reason: r, until: 2013-12-31 }]\n',
      'in_x =',
    ],
  ])('a gate file that names %s', async (_what, text, words) => {
    const result = await replay('--model', 'v2', ...range, '--gates', await gateFile(text));
    expect(result.stderr).toContain(words);
    expect(result.code).toBe(64);
  });

  it('a candidate of another task, or with another positive class, naming both', async () => {
    await variant('value', (manifest) =>
      manifest
        .replace('binary-classification', 'regression')
        .replace(/^ {2}label: .*$/m, '')
        .replace(/^ {2}score: .*$/m, '  value: { output: probabilities, class: 1 }')
        .replace(/^positiveClass: .*$/m, '')
        .replace(/^threshold: .*$/m, ''),
    );
    await variant('inverse', (manifest) => manifest.replace('positiveClass: 1', 'positiveClass: 0'));
    for (const [version, words] of [
      [
        'value',
        'v1 is binary-classification with label, score, positive class 1, value is regression with value',
      ],
      ['inverse', 'inverse is binary-classification with label, score, positive class 0'],
    ] as const) {
      const result = await replay('--model', version, ...range);
      expect(result.stderr).toContain('REPLAY_CANDIDATE_UNFIT');
      expect(oneLine(result.stderr)).toContain(words);
      expect(result.code).toBe(64);
    }
  });

  it('a version alone where several models are registered', async () => {
    const copy = join(await temporaryFolder(), 'copy');
    await cp(data, copy, { recursive: true });
    const directory = join(await temporaryFolder(), 'weather');
    await cp(bundle('v2'), directory, { recursive: true });
    const text = await readFile(join(directory, 'model.yaml'), 'utf8');
    await writeFile(join(directory, 'model.yaml'), text.replace('name: flights', 'name: weather'));
    await succeed('hindcast', ['model', 'add', directory, '--data', copy]);
    const result = await runCommand('replay', ['--model', 'v2', ...range, '--data', copy, '--quiet']);
    expect(result.stderr).toContain('MODEL_NAME_NEEDED');
    expect(result.stderr).toContain('Several models are registered (flights, weather)');
    expect(result.stderr).toContain('Write name@version.');
    expect(result.code).toBe(64);
  });

  it('a candidate whose features the log does not have, and takes it once told what to give', async () => {
    const folder = await folderWithV1();
    const files = await temporaryFolder();
    const columns =
      'asked_at,p,carrier,origin,dest,sched_dep_minute,day_of_week,distance,sched_elapsed_minutes';
    const rows = Array.from(
      { length: 150 },
      (_, index) =>
        `2026-01-0${(index % 9) + 1}T10:00:00Z,0.${100 + index},UA,EWR,IAH,315,2,${1400 + index},227`,
    );
    await writeFile(join(files, 'old.csv'), `${[columns, ...rows].join('\n')}\n`);
    await writeFile(
      join(files, 'mapping.yaml'),
      'model: flights\nversion: legacy\ncolumns: { occurredAt: asked_at, outputs: { score: p } }\n',
    );
    const mapping = ['--mapping', join(files, 'mapping.yaml')];
    await succeed('hindcast', ['import', join(files, 'old.csv'), ...mapping, '--data', folder, '--quiet']);
    await succeed('hindcast', ['model', 'add', bundle('v2'), '--data', folder]);
    const args = [
      '--model',
      'v2',
      '--since',
      '2026-01-01',
      '--until',
      '2026-02-01',
      '--data',
      folder,
      '--quiet',
    ];
    const refused = await runCommand('replay', args);
    expect(refused.stderr).toContain('REPLAY_CANDIDATE_UNFIT');
    expect(oneLine(refused.stderr)).toContain('features temp, dewp, humid');
    expect(refused.stderr).toContain('--missing-feature null|default');
    expect(refused.code).toBe(64);
    // What is left is a log without truths.
    const told = await runCommand('replay', [...args, '--missing-feature', 'null']);
    expect(told.stdout).toContain('INCONCLUSIVE');
    expect(oneLine(told.stdout)).toContain('No compared row has a truth');
    expect(told.code).toBe(2);
  });
});

describe('replay is INVALID, with exit code 3', () => {
  it('over a range in which nothing was recorded, in the future or not, and says what there is', async () => {
    const result = await replay('--model', 'v2', '--since', '2900-01-01', '--until', '2901-01-01');
    expect(result.stdout).toMatch(/^INVALID /);
    expect(result.stderr).toContain('REPLAY_RANGE_EMPTY');
    expect(result.stderr).toContain('the log holds 2013-07-01T');
    expect(result.code).toBe(3);
  });

  it('and every report that was asked for says so, also where an earlier run left another', async () => {
    const out = await temporaryFolder();
    const args = ['--report', 'json,html,md,junit', '--out', out];
    expect((await replay('--model', 'v2', ...range, ...args)).code).toBe(0);
    const nothing = ['--since', '2900-01-01', '--until', '2901-01-01'];
    const result = await replay('--model', 'v2', ...nothing, ...args);
    expect(result.code).toBe(3);
    expect((await readdir(out)).sort()).toEqual(['junit.xml', 'report.html', 'report.md']);
    const [junit, page, markdown] = await Promise.all(
      ['junit.xml', 'report.html', 'report.md'].map((name) => readFile(join(out, name), 'utf8')),
    );
    expect(junit).toContain('tests="1" failures="0" errors="1"');
    expect(junit).toContain('<error type="INVALID" message="INVALID: No prediction was made in the range');
    expect(page).toContain('<span class="verdict">INVALID</span> No prediction was made in the range');
    expect(markdown).toMatch(/^## ⚠️ INVALID · v2: nothing was compared\n/);

    const several = await replay('--model', 'v2,v3', ...nothing, ...args);
    expect(several.code).toBe(3);
    expect(await readFile(join(out, 'v3', 'report.md'), 'utf8')).toContain('INVALID · v3');
  });

  it.each(['v2', 'v1'])(
    'when the artefact of %s, candidate or control, is damaged or gone',
    async (version) => {
      const copy = join(await temporaryFolder(), 'copy');
      await cp(data, copy, { recursive: true });
      const { stdout } = await succeed('hindcast', [
        'sql',
        '--format',
        'csv',
        `select model_digest from models where version = '${version}'`,
        '--data',
        copy,
      ]);
      const digest = stdout.trim().split('\n')[1] ?? '';
      const path = join(copy, 'artefacts', digest);
      const bytes = await readFile(path);
      bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
      await writeFile(path, bytes);
      for (const problem of ['whose digest is', 'there is no file']) {
        const result = await runCommand('replay', ['--model', 'v2', ...range, '--data', copy, '--quiet']);
        expect(result.stdout).toMatch(/^INVALID /);
        expect(result.stderr).toContain(`ARTEFACT_DAMAGED The stored artefact ${digest}`);
        expect(result.stderr).toContain(problem);
        expect(result.stderr).toContain('Restore the artefacts folder from a backup');
        expect(result.code).toBe(3);
        await rm(path, { force: true });
      }
    },
  );
});

describe('what happens while a replay runs', () => {
  it('a row on which the candidate fails is counted, named and gated, and the others are judged', async () => {
    await variant('strict', (manifest) => manifest.replace('name: temp\n    missing: .nan', 'name: temp'));
    const out = await temporaryFolder();
    const result = await replay('--model', 'strict', ...range, '--report', 'json', '--out', out);
    const report = JSON.parse(await readFile(join(out, 'report.json'), 'utf8')) as {
      readonly waterfall: { readonly candidateFailed: number; readonly judged: number };
      readonly failures: readonly { readonly message: string }[];
      readonly gates: readonly { readonly name: string; readonly estimate: number }[];
    };
    expect(report.waterfall.candidateFailed).toBe(42);
    expect(report.waterfall.judged).toBeGreaterThan(15_000);
    expect(report.failures[0]?.message).toContain('feature temp');
    expect(report.gates.map(({ name }) => name)).toContain('candidate-failures');
    expect(result.stdout).toContain('The candidate failed on');
    expect([1, 2]).toContain(result.code);
  });

  it('a worker that dies is started once more, without a trace in the report', async () => {
    const files = await temporaryFolder();
    const run = (name: string, times: number): Promise<CommandResult> =>
      runCommand(
        'replay',
        [
          '--model',
          'v2',
          ...range,
          '--data',
          data,
          '--quiet',
          '--report',
          'json',
          '--out',
          join(files, name),
        ],
        {
          nodeArgs: ['--import', join(root, 'test', 'support', 'dying-worker.mjs')],
          env: { DYING_VERSION: 'v2', DYING_TIMES: String(times), DYING_FILE: join(files, `${name}.deaths`) },
        },
      );
    const healthy = await run('healthy', 0);
    const restarted = await run('restarted', 1);
    expect(restarted.code).toBe(healthy.code);
    expect((await readFile(join(files, 'restarted.deaths'))).length).toBe(1);
    expect(await readFile(join(files, 'restarted', 'report.json'), 'utf8')).toBe(
      await readFile(join(files, 'healthy', 'report.json'), 'utf8'),
    );
    const dead = await run('dead', 99);
    expect((await readFile(join(files, 'dead.deaths'))).length).toBe(2);
    expect(dead.stderr).toContain('flights@v2');
    expect(dead.stderr).toContain('its worker thread ended twice');
    expect(dead.code).toBe(70);
  });

  it('reports that were asked for nowhere, or a folder without any, are said', async () => {
    const args = ['--model', 'v2', ...range, '--data', data];
    const out = await runCommand('replay', [...args, '--out', await temporaryFolder()]);
    expect(out.stderr).toContain('nothing was written to --out');
    const dry = await runCommand('replay', [...args, '--dry-run', '--report', 'json']);
    expect(dry.stderr).toContain('a dry run writes no reports');
  });
});
