import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { describe, expect, it } from 'vitest';
import { bundle, folderWithV1, succeed } from '../support/flights-folder.js';
import { root, runCommand } from '../support/run-command.js';
import { temporaryFolder } from '../support/temporary-folder.js';

/** A copy of v1's bundle with something done to it. */
async function spoiltBundle(spoil: (directory: string) => Promise<void>): Promise<string> {
  const directory = join(await temporaryFolder(), 'bundle');
  await cp(bundle('v1'), directory, { recursive: true });
  await spoil(directory);
  return directory;
}

async function add(directory: string): Promise<{ code: number | null; stderr: string }> {
  return runCommand('hindcast', ['model', 'add', directory, '--data', join(await temporaryFolder(), 'data')]);
}

describe('a bundle that cannot be used', () => {
  it('whose ONNX file is cut short is refused with its path', async () => {
    const result = await add(
      await spoiltBundle(async (directory) => {
        const bytes = await readFile(join(directory, 'model.onnx'));
        await writeFile(join(directory, 'model.onnx'), bytes.subarray(0, bytes.length >> 1));
      }),
    );
    expect(result.code).toBe(64);
    expect(result.stderr).toContain('MODEL_FILE_DAMAGED');
    expect(result.stderr).toContain('model.onnx');
  });

  it('whose output is no tensor is refused with the export option that mends it', async () => {
    const result = await add(
      await spoiltBundle(async (directory) => {
        await cp(join(root, 'test', 'support', 'onnx-models', 'zipmap.onnx'), join(directory, 'model.onnx'));
      }),
    );
    expect(result.code).toBe(64);
    expect(result.stderr).toMatch(/MODEL_OUTPUT_NOT_TENSOR|BUNDLE_INVALID/);
  });

  it('whose model.yaml has a field that is not known is refused with the line', async () => {
    const result = await add(
      await spoiltBundle(async (directory) => {
        const text = await readFile(join(directory, 'model.yaml'), 'utf8');
        await writeFile(join(directory, 'model.yaml'), text.replace('description:', 'descriptoin:'));
      }),
    );
    expect(result.code).toBe(64);
    expect(result.stderr).toContain('BUNDLE_INVALID');
    expect(result.stderr).toContain('descriptoin');
  });

  it('whose reference rows lack a value that the model does not allow to be missing is refused with what to write', async () => {
    const directory = join(await temporaryFolder(), 'bundle');
    await cp(bundle('v2'), directory, { recursive: true });
    const text = await readFile(join(directory, 'model.yaml'), 'utf8');
    await writeFile(
      join(directory, 'model.yaml'),
      text.replace('name: temp\n    missing: .nan', 'name: temp'),
    );
    const result = await add(directory);
    expect(result.code).toBe(64);
    expect(result.stderr).toContain('BUNDLE_INVALID');
    expect(result.stderr).toMatch(
      /reference\.parquet .*feature temp .*value is missing.*`missing:` in model\.yaml/,
    );
  });

  it('that is no folder is refused', async () => {
    const result = await add(join(await temporaryFolder(), 'nothing'));
    expect(result.code).toBe(64);
    expect(result.stderr).toContain('BUNDLE_INVALID');
  });

  it('whose version is registered with other content is refused, and the same content again is no event', async () => {
    const data = await folderWithV1();
    expect((await succeed('hindcast', ['model', 'add', bundle('v1'), '--data', data])).stdout).toContain(
      'already',
    );
    const other = await spoiltBundle(async (directory) => {
      const text = await readFile(join(directory, 'model.yaml'), 'utf8');
      await writeFile(join(directory, 'model.yaml'), text.replace('threshold: 0.5', 'threshold: 0.4'));
    });
    const result = await runCommand('hindcast', ['model', 'add', other, '--data', data]);
    expect(result.code).toBe(64);
    expect(result.stderr).toContain('MODEL_VERSION_EXISTS');
  });
});

describe('hindcast import', () => {
  const columns =
    'asked_at,order,p,answer,carrier,origin,dest,sched_dep_minute,day_of_week,distance,sched_elapsed_minutes';
  const rows = Array.from(
    { length: 50 },
    (_, index) =>
      `2026-01-0${(index % 9) + 1}T10:00:00Z,o${index},0.${10 + index},${index % 2},UA,EWR,IAH,315,2,${1400 + index},227`,
  );
  const mapping = `model: flights
version: legacy
columns: { occurredAt: asked_at, key: order, outputs: { score: p }, truth: answer }
`;

  it.each([
    ['predictions.csv', [columns, ...rows].join('\n')],
    [
      'predictions.jsonl',
      rows
        .map((row) =>
          JSON.stringify(
            Object.fromEntries(
              row
                .split(',')
                .map((value, index) => [
                  columns.split(',')[index],
                  Number.isNaN(Number(value)) ? value : Number(value),
                ]),
            ),
          ),
        )
        .join('\n'),
    ],
  ])('takes %s, and SQL and replay work on it', async (name, content) => {
    const data = await folderWithV1();
    const directory = await temporaryFolder();
    await writeFile(join(directory, name), `${content}\n`);
    await writeFile(join(directory, 'mapping.yaml'), mapping);
    const imported = await succeed('hindcast', [
      'import',
      join(directory, name),
      '--mapping',
      join(directory, 'mapping.yaml'),
      '--data',
      data,
      '--quiet',
    ]);
    expect(imported.stdout).toContain('imported 50 predictions and 50 outcomes');
    const seen = await succeed('hindcast', [
      'sql',
      '--data',
      data,
      '--format',
      'json',
      `select version, count(*) as n, avg(truth) as late, min(in_distance) as near from flights group by 1`,
    ]);
    expect(JSON.parse(seen.stdout)).toEqual({ version: 'legacy', n: 50, late: 0.5, near: 1400 });
    const replayed = await runCommand('replay', [
      '--model',
      'v1',
      '--since',
      '2026-01-01',
      '--until',
      '2026-02-01',
      '--data',
      data,
      '--quiet',
    ]);
    expect(replayed.code).toBe(2);
    expect(replayed.stdout).toContain('imported');
  });

  it('takes Parquet too', async () => {
    const data = await folderWithV1();
    const directory = await temporaryFolder();
    await writeFile(join(directory, 'predictions.csv'), `${[columns, ...rows].join('\n')}\n`);
    await writeFile(join(directory, 'mapping.yaml'), mapping);
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    await connection.run(
      `copy (select * from read_csv('${join(directory, 'predictions.csv')}')) to '${join(directory, 'predictions.parquet')}'`,
    );
    connection.closeSync();
    instance.closeSync();
    const imported = await succeed('hindcast', [
      'import',
      join(directory, 'predictions.parquet'),
      '--mapping',
      join(directory, 'mapping.yaml'),
      '--data',
      data,
      '--quiet',
    ]);
    expect(imported.stdout).toContain('imported 50 predictions and 50 outcomes');
  });

  it.each([
    ['names a column that the file lacks', mapping.replace('asked_at', 'asked'), 'asked_at'],
    ['has a field that is not known', `${mapping}colour: red\n`, 'colour'],
    ['is no YAML', 'model: [', 'line'],
  ])('refuses a mapping that %s, and appends nothing', async (_what, text, mentions) => {
    const data = await folderWithV1();
    const directory = await temporaryFolder();
    await writeFile(join(directory, 'predictions.csv'), `${[columns, ...rows].join('\n')}\n`);
    await writeFile(join(directory, 'mapping.yaml'), text);
    const result = await runCommand('hindcast', [
      'import',
      join(directory, 'predictions.csv'),
      '--mapping',
      join(directory, 'mapping.yaml'),
      '--data',
      data,
      '--quiet',
    ]);
    expect(result.code).toBe(64);
    expect(result.stderr).toContain('IMPORT_MAPPING_INVALID');
    expect(result.stderr).toContain(mentions);
    const seen = await succeed('hindcast', [
      'sql',
      '--data',
      data,
      '--format',
      'csv',
      'select count(*) from flights',
    ]);
    expect(seen.stdout.trim().split('\n')[1]).toBe('0');
  });

  it('refuses a file whose form it does not know', async () => {
    const data = await folderWithV1();
    const directory = await temporaryFolder();
    await writeFile(join(directory, 'predictions.xlsx'), 'x');
    await writeFile(join(directory, 'mapping.yaml'), mapping);
    const result = await runCommand('hindcast', [
      'import',
      join(directory, 'predictions.xlsx'),
      '--mapping',
      join(directory, 'mapping.yaml'),
      '--data',
      data,
    ]);
    expect(result.code).toBe(64);
    expect(result.stderr).toContain('IMPORT_FILE_INVALID');
  });

  it('takes truths by key that come later', async () => {
    const data = await folderWithV1();
    const directory = await temporaryFolder();
    await writeFile(join(directory, 'predictions.csv'), `${[columns, ...rows].join('\n')}\n`);
    await writeFile(join(directory, 'mapping.yaml'), mapping.replace(', truth: answer', ''));
    await succeed('hindcast', [
      'import',
      join(directory, 'predictions.csv'),
      '--mapping',
      join(directory, 'mapping.yaml'),
      '--data',
      data,
      '--quiet',
    ]);
    await writeFile(
      join(directory, 'truths.csv'),
      'order,truth,at\no1,1,2026-01-03T00:00:00Z\no2,0,2026-01-04T00:00:00Z\n',
    );
    await succeed('hindcast', [
      'outcomes',
      'import',
      join(directory, 'truths.csv'),
      '--key',
      'order',
      '--observed-at',
      'at',
      '--data',
      data,
      '--quiet',
    ]);
    const seen = await succeed('hindcast', [
      'sql',
      '--data',
      data,
      '--format',
      'json',
      `select count(truth) as truths, max(truth_known_at) = timestamp '2026-01-04' as at from flights`,
    ]);
    expect(JSON.parse(seen.stdout)).toEqual({ truths: 2, at: true });
  });
});

describe('hindcast sql', () => {
  it('gives the words of the query engine for a query that is none, and changes nothing', async () => {
    const data = await folderWithV1();
    for (const query of ['selekt 1', 'drop view flights', 'select 1; select 2', "copy flights to 'x.csv'"]) {
      const result = await runCommand('hindcast', ['sql', '--data', data, query]);
      expect(result.code).toBe(64);
      expect(result.stderr).toContain('SQL_FAILED');
    }
  });
});
