import { spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { beforeAll, expect, it } from 'vitest';
import { bundle, smallDemo, succeed } from '../support/flights-folder.js';
import { describeWith, pythonOracles } from '../support/optional.js';
import { root, runCommand } from '../support/run-command.js';
import { temporaryFolder } from '../support/temporary-folder.js';

function python(script: string, args: readonly string[]): { code: number | null; output: string } {
  const result = spawnSync(pythonOracles.command, [join(root, 'test', 'oracles', script), ...args], {
    encoding: 'utf8',
  });
  return { code: result.status, output: `${result.stdout}${result.stderr}` };
}

describeWith(pythonOracles, 'held against Python', () => {
  let data = '';

  beforeAll(async () => {
    data = join(await temporaryFolder(), 'demo');
    expect((await smallDemo(data)).code).toBe(0);
  });

  it('serves the probabilities of onnxruntime and scikit-learn, and judges with the AUC of scikit-learn', async () => {
    const range = ['--since', '2013-07-01', '--until', '2013-07-21'];
    const replayed = await runCommand('replay', [
      '--model',
      'v2',
      '--data',
      data,
      ...range,
      '--report',
      'json',
      '--out',
      join(data, 'oracle'),
      '--quiet',
    ]);
    expect(replayed.stderr).not.toContain('error');
    const report = JSON.parse(await readFile(join(data, 'oracle', 'report.json'), 'utf8'));
    const auc: number = report.metrics.find((metric: { name: string }) => metric.name === 'AUC').control;

    const exported = await succeed('hindcast', [
      'sql',
      '--data',
      data,
      '--format',
      'csv',
      `select key, in_carrier, in_origin, in_dest, in_sched_dep_minute, in_day_of_week, in_distance, in_sched_elapsed_minutes,
              out_score as score, truth as late from flights where occurred_at >= '2013-07-01' and occurred_at < '2013-07-21'`,
    ]);
    const csv = join(data, 'served.csv');
    await writeFile(csv, exported.stdout);
    const served = join(data, 'served.parquet');
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    await connection.run(`copy (select * from read_csv('${csv}')) to '${served}' (format parquet)`);
    connection.closeSync();
    instance.closeSync();

    const { code, output } = python('served_probabilities.py', [
      '--served',
      served,
      '--model-dir',
      bundle('v1'),
      '--auc',
      String(auc),
    ]);
    console.log(output.trim().split('\n').at(-1));
    expect(output).toContain('maxDifferenceSklearn');
    const result = JSON.parse(output.trim().split('\n').at(-1) ?? '');
    expect(result.rows).toBeGreaterThanOrEqual(10_000);
    expect(result.maxDifferenceOnnxruntime).toBeLessThan(1e-5);
    expect(result.maxDifferenceSklearn).toBeLessThan(1e-5);
    expect(result.aucDifference).toBeLessThan(1e-9);
    expect(code).toBe(0);
  });

  // A minute on two free cores, several on busy ones.
  it('makes the same statistics fixtures again', () => {
    const { code, output } = python('make_stats_fixtures.py', ['--check']);
    expect(output).not.toContain('Traceback');
    expect(code).toBe(0);
  }, 600_000);
});
