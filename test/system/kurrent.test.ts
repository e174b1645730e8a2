import { once } from 'node:events';
import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { datasetsDirectory, readManifest } from '../../src/projections/datasets/dataset-manifest.js';
import { flightInputs } from '../support/flights-app.js';
import { bundle, succeed } from '../support/flights-folder.js';
import {
  type KurrentTestServer,
  startKurrentTestServer,
} from '../support/kurrent-test-server/kurrent-test-server.js';
import { runCommand, startCommand, startServerProcess, type ServerProcess } from '../support/run-command.js';
import { temporaryFolder } from '../support/temporary-folder.js';

interface Reply {
  readonly version?: string;
  readonly predictions?: readonly { readonly predictionId: string; readonly position: string }[];
  readonly error?: { readonly code: string };
}

describe('hindcast on a KurrentDB cluster (the test server), through the real commands', () => {
  let cluster: KurrentTestServer;
  let data: string;
  let server: ServerProcess;
  let at: readonly string[];

  beforeAll(async () => {
    cluster = await startKurrentTestServer();
    data = join(await temporaryFolder(), 'data');
    at = ['--data', data, '--log', cluster.connectionString];
    await succeed('hindcast', ['model', 'add', bundle('v1'), ...at, '--promote']);
    await succeed('hindcast', ['model', 'add', bundle('v2'), ...at]);
    server = await startServerProcess(data, ['--log', cluster.connectionString, '--no-projector']);
  });
  afterAll(async () => {
    await server.stop();
    cluster.close();
  });

  async function predict(
    body: object,
    url = server.url,
  ): Promise<{ status: number; body: Reply; retryAfter: string | null }> {
    const response = await fetch(`${url}/v1/models/flights/predict`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return {
      status: response.status,
      body: (await response.json()) as Reply,
      retryAfter: response.headers.get('retry-after'),
    };
  }

  const sql = async (query: string): Promise<unknown> =>
    JSON.parse((await succeed('hindcast', ['sql', ...at, '--format', 'json', query])).stdout);

  it('shows a prediction and its truth to SQL right after the replies, before and after they are projected', async () => {
    const rows = Array.from({ length: 30 }, (_, index) => ({ key: `flight-${index}`, inputs: flightInputs }));
    const { status, body } = await predict({ rows });
    expect(status).toBe(200);
    expect(Number(body.predictions?.[0]?.position)).toBeGreaterThan(0);
    const outcome = await fetch(`${server.url}/v1/outcomes`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ key: 'flight-7', truth: 1 }),
    });
    expect(outcome.status).toBe(200);
    const query = `select count(*) as n, count(truth) as judged, min(version) as v from flights where starts_with(key, 'flight-')`;
    const expected = { n: 30, judged: 1, v: 'v1' };
    expect(await sql(query)).toEqual(expected);
    await succeed('hindcast', ['projections', 'run', '--quiet', ...at]);
    expect(await sql(query)).toEqual(expected);
    await predict({ key: 'flight-after', inputs: flightInputs });
    expect(await sql(query)).toEqual({ ...expected, n: 31 });
    await succeed('hindcast', ['projections', 'rebuild', '--quiet', ...at]);
    expect(await sql(query)).toEqual({ ...expected, n: 31 });
    const shown = await succeed('hindcast', ['show', body.predictions?.[7]?.predictionId ?? '', ...at]);
    expect(shown.stdout).toContain('flight-7');
    const names = [...cluster.store.streams.keys()].map((name) => name.replace(/\d{8}$/, 'day'));
    expect(names).toEqual(
      expect.arrayContaining(['outcome-flights.day', 'prediction-flights.day', 'registry-flights']),
    );
  });

  it('lets a running server follow models that other commands register, promote and roll back', async () => {
    await succeed('hindcast', ['model', 'promote', 'v2', '--without-evidence', ...at]);
    await untilVersion('v2');
    await succeed('hindcast', ['model', 'rollback', ...at]);
    await untilVersion('v1');
    const listed = await succeed('hindcast', ['model', 'list', ...at]);
    expect(listed.stdout).toMatch(/v1 +serving/);
  });

  async function untilVersion(version: string): Promise<void> {
    for (;;) {
      const { body } = await predict({ inputs: flightInputs });
      if (body.version === version) return;
      await turn();
    }
  }

  it('lets two servers serve from one cluster at once, each with datasets of its own', async () => {
    const other = join(await temporaryFolder(), 'data');
    await cp(join(data, 'artefacts'), join(other, 'artefacts'), { recursive: true });
    const second = await startServerProcess(other, ['--log', cluster.connectionString]);
    try {
      const keys = Array.from({ length: 20 }, (_, index) => `two-${index}`);
      const replies = await Promise.all(
        keys.map((key, index) =>
          predict({ key, inputs: flightInputs }, index % 2 === 0 ? server.url : second.url),
        ),
      );
      expect(replies.map(({ status }) => status)).toEqual(keys.map(() => 200));
      const head = Math.max(...replies.map(({ body }) => Number(body.predictions?.[0]?.position)));
      // Its projector runs in a thread of its own, and reads the cluster by itself.
      for (let projected = 0; projected <= head;) {
        const metrics = await (await fetch(`${second.url}/metrics`)).text();
        await delay(50);
        projected = Number(/^hindcast_projected_position (\d+)/m.exec(metrics)?.[1]);
      }
      const counted = `select count(*) as n, count(distinct key) as k from flights where starts_with(key, 'two-')`;
      const here = await succeed('hindcast', [
        'sql',
        '--data',
        other,
        '--log',
        cluster.connectionString,
        '--format',
        'json',
        counted,
      ]);
      expect(JSON.parse(here.stdout)).toEqual({ n: 20, k: 20 });
      expect(await sql(counted)).toEqual({ n: 20, k: 20 });
    } finally {
      await second.stop();
    }
  });

  it('replays a candidate, imports and measures drift, and takes the cluster from the configuration too', async () => {
    await predict({ rows: Array.from({ length: 40 }, () => ({ inputs: flightInputs })) });
    const file = join(data, 'old.csv');
    const times = Array.from({ length: 3_000 }, (_, index) => new Date(Date.now() - 60_000 - index * 1_000));
    const lines = times.map(
      (time, index) => `${time.toISOString()},${index % 100},0.${10 + (index % 80)},${index % 2}`,
    );
    await writeFile(file, ['at,distance,score,late', ...lines].join('\n'));
    const mapping = join(data, 'mapping.yaml');
    await writeFile(
      mapping,
      'model: flights\nversion: v0\ncolumns: { occurredAt: at, outputs: { score: score }, truth: late }\n',
    );
    const imported = await succeed('hindcast', ['import', file, '--mapping', mapping, '--quiet', ...at]);
    expect(imported.stdout).toContain('imported 3000 predictions and 3000 outcomes');
    expect(
      await sql(`select count(*) as n, count(truth) as judged from flights where version = 'v0'`),
    ).toEqual({
      n: 3_000,
      judged: 3_000,
    });
    const replay = await runCommand('replay', [
      '--model',
      'v2',
      '--since',
      '1d',
      '--missing-feature',
      'null',
      '--where',
      "version = 'v1'",
      '--quiet',
      ...at,
    ]);
    expect([0, 1, 2], replay.stderr).toContain(replay.code);
    expect(replay.stderr).not.toContain('not in the log');
    expect(await sql('select count(*) as n from replays')).toEqual({ n: 1 });

    const config = join(data, 'hindcast.yaml');
    await writeFile(config, `data: ${data}\nlog: ${cluster.connectionString}\n`);
    const drift = await runCommand('hindcast', ['drift', '--since', '24h', '--config', config]);
    expect([0, 1, 2], drift.stderr).toContain(drift.code);
    const tail = await succeed('hindcast', ['log', 'tail', '-n', '2', '--config', config]);
    expect(tail.stdout.trim().split('\n')).toHaveLength(2);
    expect(tail.stdout).toContain('ReplayCompleted');
    const exported = await succeed('hindcast', ['log', 'export', '--config', config]);
    expect(exported.stdout.trim().split('\n')).toHaveLength(cluster.store.all.length);
    const printed = await succeed('hindcast', ['config', '--config', config]);
    expect(printed.stdout).toContain(cluster.connectionString);
  });

  it('projects in a process of its own that follows the cluster, until it is interrupted', async () => {
    const other = join(await temporaryFolder(), 'data');
    const log = ['--log', cluster.connectionString];
    const child = startCommand('hindcast', ['projections', 'run', '--follow', '--data', other, ...log]);
    const ended = once(child, 'close');
    try {
      const { body } = await predict({ inputs: flightInputs });
      const position = Number(body.predictions?.[0]?.position);
      const { checkpoint } = await untilProjected(other, position);
      expect(checkpoint).toBeGreaterThan(position);
    } finally {
      child.kill('SIGINT');
    }
    expect(await ended).toEqual([130, null]);
  });

  async function untilProjected(folder: string, position: number): Promise<{ checkpoint: number }> {
    for (;;) {
      const manifest = await readManifest(datasetsDirectory(folder));
      if (manifest.checkpoint > position) return manifest;
      await delay(50);
    }
  }

  it('spools while the cluster is away, says so in the answer and on /metrics, and ships afterwards', async () => {
    const spooled = join(await temporaryFolder(), 'data');
    await cp(join(data, 'artefacts'), join(spooled, 'artefacts'), { recursive: true });
    const own = await startKurrentTestServer({ store: cluster.store });
    const config = join(spooled, 'hindcast.yaml');
    await writeFile(config, `log: ${own.connectionString}\nspool: true\n`);
    const serving = await startServerProcess(spooled, ['--config', config, '--no-projector']);
    try {
      const waiting = async (): Promise<string | undefined> => {
        const metrics = await (await fetch(`${serving.url}/metrics`)).text();
        return /^hindcast_spool_events (\d+)/m.exec(metrics)?.[1];
      };
      expect(await waiting()).toBe('0');
      own.goAway();
      const ids: string[] = [];
      for (let request = 0; request < 10; request += 1) {
        const { status, body } = await predict({ inputs: flightInputs }, serving.url);
        expect(status).toBe(200);
        expect(body.predictions?.[0]).toMatchObject({ position: null, durability: 'spooled' });
        ids.push(body.predictions?.[0]?.predictionId ?? '');
      }
      expect(await waiting()).toBe('10');
      await own.comeBack();
      while ((await waiting()) !== '0') await delay(50);
      const stored = cluster.store.all.map((record) => record.id);
      expect(stored.filter((id) => ids.includes(id))).toEqual(ids);
      const direct = await predict({ inputs: flightInputs }, serving.url);
      expect(Number(direct.body.predictions?.[0]?.position)).toBeGreaterThan(0);
    } finally {
      await serving.stop();
      own.close();
    }
  });

  it('refuses what works on the files of a log on disk, and import for a model that is not registered', async () => {
    const verify = await runCommand('hindcast', ['log', 'verify', ...at]);
    expect(verify.code).toBe(64);
    expect(verify.stderr).toContain('KurrentDB');
    const file = join(data, 'one.csv');
    await writeFile(file, 'at,score\n2026-01-01T00:00:00Z,0.5\n');
    const mapping = join(data, 'unknown.yaml');
    await writeFile(
      mapping,
      'model: nobody\nversion: v0\ncolumns: { occurredAt: at, outputs: { score: score } }\n',
    );
    const imported = await runCommand('hindcast', ['import', file, '--mapping', mapping, '--quiet', ...at]);
    expect(imported.code).toBe(64);
    expect(imported.stderr).toContain('MODEL_NOT_FOUND');
    const wrong = await runCommand('hindcast', ['sql', 'select 1', '--data', data, '--log', 'postgres://x']);
    expect(wrong.code).toBe(64);
    expect(wrong.stderr).toContain('CONFIG_INVALID');
  });

  it('answers 503 with Retry-After while the cluster is away, and serves again by itself when it is back', async () => {
    expect((await predict({ inputs: flightInputs })).status).toBe(200);
    const before = cluster.store.all.length;
    cluster.goAway();
    for (let request = 0; request < 5; request += 1) {
      const refused = await predict({ inputs: flightInputs });
      expect(refused.status).toBe(503);
      expect(refused.body.error?.code).toBe('LOG_UNAVAILABLE');
      expect(Number(refused.retryAfter)).toBeGreaterThan(0);
    }
    const asked = await runCommand('hindcast', ['sql', 'select 1', ...at]);
    expect(asked.code).toBe(70);
    expect(asked.stderr).toContain('LOG_UNAVAILABLE');
    expect(cluster.store.all.length).toBe(before);
    await cluster.comeBack();
    for (;;) {
      const { status } = await predict({ inputs: flightInputs });
      if (status === 200) break;
      expect(status).toBe(503);
    }
    expect(cluster.store.all.length).toBe(before + 1);
  });
});
