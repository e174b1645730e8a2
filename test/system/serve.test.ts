import { createServer } from 'node:net';
import { once } from 'node:events';
import { readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bundle, folderWithV1, succeed } from '../support/flights-folder.js';
import { flightInputs } from '../support/flights-app.js';
import { runCommand, startCommand, startServerProcess } from '../support/run-command.js';
import { describeWith } from '../support/optional.js';
import { mountSmallDisk, smallDisks } from '../support/small-disk.js';
import { temporaryFolder } from '../support/temporary-folder.js';

interface Reply {
  readonly version: string;
  readonly predictions: readonly {
    readonly predictionId: string;
    readonly outputs: { readonly score: number };
  }[];
}

async function post(url: string, body: object): Promise<{ status: number; body: Reply }> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Reply };
}

describe('hindcast serve, in a process of its own', () => {
  it('shows a prediction and its truth to SQL in another process right after the reply, with the projector paused', async () => {
    const data = await folderWithV1();
    const server = await startServerProcess(data, ['--no-projector']);
    try {
      const predicted = await post(`${server.url}/v1/models/flights/predict`, {
        key: 'my-flight',
        inputs: flightInputs,
      });
      expect(predicted.status).toBe(200);
      const prediction = predicted.body.predictions[0]!;
      const seen = await succeed('hindcast', [
        'sql',
        '--data',
        data,
        '--format',
        'json',
        `select prediction_id, out_score, truth from flights where key = 'my-flight'`,
      ]);
      expect(JSON.parse(seen.stdout)).toEqual({
        prediction_id: prediction.predictionId,
        out_score: prediction.outputs.score,
        truth: null,
      });
      expect((await post(`${server.url}/v1/outcomes`, { key: 'my-flight', truth: 1 })).status).toBe(200);
      const judged = await succeed('hindcast', [
        'sql',
        '--data',
        data,
        '--format',
        'json',
        'select version, count(*) as n, avg(truth) as late from flights group by 1',
      ]);
      expect(JSON.parse(judged.stdout)).toEqual({ version: 'v1', n: 1, late: 1 });
      const shown = await succeed('hindcast', ['show', prediction.predictionId, '--data', data]);
      expect(shown.stdout).toContain('my-flight');
    } finally {
      await server.stop();
    }
  });

  it('follows models that are added, promoted and rolled back by other processes while it runs', async () => {
    const data = await folderWithV1();
    const server = await startServerProcess(data);
    const version = async (): Promise<string> =>
      (await post(`${server.url}/v1/models/flights/predict`, { inputs: flightInputs })).body.version;
    try {
      expect(await version()).toBe('v1');
      await succeed('hindcast', ['model', 'add', bundle('v2'), '--data', data]);
      expect(await version()).toBe('v1');
      await succeed('hindcast', ['model', 'promote', 'v2', '--without-evidence', '--data', data]);
      expect(await version()).toBe('v2');
      const listed = await succeed('hindcast', ['model', 'list', '--data', data]);
      expect(listed.stdout).toMatch(/v2 +serving/);
      await succeed('hindcast', ['model', 'rollback', '--data', data]);
      expect(await version()).toBe('v1');
    } finally {
      await server.stop();
    }
    const shown = await succeed('hindcast', ['model', 'show', 'v2', '--data', data]);
    expect(shown.stdout).toContain('visib');
  });

  it('refuses a second server on the same data folder, and names the process that holds it', async () => {
    const data = await folderWithV1();
    const server = await startServerProcess(data);
    try {
      const second = await runCommand('hindcast', ['serve', '--data', data, '--port', '0']);
      expect(second.code).toBe(64);
      expect(second.stderr).toContain('LOG_IN_USE');
      expect(second.stderr).toContain(String(server.child.pid));
    } finally {
      await server.stop();
    }
  });

  it('says that a port is in use and what to do', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const address = taken.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const result = await runCommand('hindcast', [
      'serve',
      '--data',
      await temporaryFolder(),
      '--port',
      String(port),
    ]);
    taken.close();
    expect(result.code).toBe(64);
    expect(result.stderr).toContain('PORT_IN_USE');
    expect(result.stderr).toContain(String(port));
  });

  it('refuses to listen beyond this machine without access tokens', async () => {
    const result = await runCommand('hindcast', [
      'serve',
      '--data',
      await temporaryFolder(),
      '--host',
      '0.0.0.0',
      '--port',
      '0',
    ]);
    expect(result.code).toBe(64);
    expect(result.stderr).toContain('ADDRESS_NEEDS_TOKENS');
  });

  it('says on the log line of its start that a torn tail was cut off and kept aside', async () => {
    const data = await folderWithV1();
    const directory = join(data, 'log');
    const segment = join(
      directory,
      (await readdir(directory))
        .filter((name) => /^\d{20}\.(?!index)/.test(name))
        .toSorted()
        .at(-1) ?? '',
    );
    const bytes = await readFile(segment);
    const end = bytes.findLastIndex((byte) => byte !== 0) + 1;
    bytes.fill(0xab, end, end + 40);
    await writeFile(segment, bytes);
    const child = startCommand('hindcast', ['serve', '--data', data, '--port', '0'], {
      env: { HINDCAST_LOG_LEVEL: 'warn' },
    });
    let text = '';
    for await (const chunk of child.stderr ?? []) {
      text += String(chunk);
      if (text.includes('serving flights')) child.kill('SIGTERM');
    }
    expect(text).toContain('torn tail');
    expect(text).toContain('keptIn');
  });

  it('keeps every acknowledged prediction through kill -9 under load', async () => {
    const data = await folderWithV1();
    const server = await startServerProcess(data);
    const acknowledged = new Set<string>();
    const client = async (index: number): Promise<void> => {
      for (;;) {
        try {
          const { status, body } = await post(`${server.url}/v1/models/flights/predict`, {
            inputs: { ...flightInputs, distance: 100 + index },
          });
          if (status === 200) acknowledged.add(body.predictions[0]!.predictionId);
        } catch (error) {
          if (error instanceof TypeError) return;
          throw error;
        }
        if (acknowledged.size >= 500 && server.child.exitCode === null) server.child.kill('SIGKILL');
      }
    };
    await Promise.all(Array.from({ length: 16 }, (_, index) => client(index)));
    await server.stop('SIGKILL');
    expect(acknowledged.size).toBeGreaterThanOrEqual(500);
    const stored = await succeed('hindcast', [
      'sql',
      '--data',
      data,
      '--format',
      'csv',
      'select prediction_id from flights',
    ]);
    const ids = stored.stdout.trim().split('\n').slice(1);
    expect(new Set(ids).size).toBe(ids.length);
    expect([...acknowledged].filter((id) => !ids.includes(id))).toEqual([]);
    const verified = await succeed('hindcast', ['log', 'verify', '--deep', '--data', data]);
    expect(verified.stdout).toContain('whole');
    const again = await startServerProcess(data);
    expect((await post(`${again.url}/v1/models/flights/predict`, { inputs: flightInputs })).status).toBe(200);
    await again.stop();
  });
});

describeWith(smallDisks, 'hindcast serve on a disk that is full', () => {
  it('goes on serving while the projector waits for room, and projects by itself when there is some', async () => {
    const megabyte = 1024 * 1024;
    const disk = mountSmallDisk(80 * megabyte);
    if (disk === undefined) throw new Error('this user may not mount a tmpfs; run the tests as root');
    const data = join(disk.folder, 'data');
    const filler = join(disk.folder, 'filler');
    try {
      await succeed('hindcast', ['model', 'add', bundle('v1'), '--data', data, '--promote']);
      const server = await startServerProcess(data);
      try {
        let said = '';
        server.child.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString('utf8')));
        const rows = Array.from({ length: 1_000 }, () => ({ inputs: flightInputs }));
        const predict = () => post(`${server.url}/v1/models/flights/predict`, { rows });
        const metric = async (name: string): Promise<number> => {
          const text = await (await fetch(`${server.url}/metrics`)).text();
          return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1]);
        };
        // Room for what is appended, since segments are made full of zeros; none for a dataset.
        await predict();
        await writeFile(filler, Buffer.alloc(80 * megabyte)).catch(() => undefined);
        while (!said.includes('there is no room for the datasets'))
          expect((await predict()).status).toBe(200);
        await rm(filler);
        const end = await metric('hindcast_log_next_position');
        while ((await metric('hindcast_projected_position')) < end)
          await new Promise((resolve) => setImmediate(resolve));
        expect(said).not.toContain('the projector stopped');
      } finally {
        expect(await server.stop()).toBe(0);
      }
    } finally {
      disk.unmount();
    }
  }, 120_000);
});
