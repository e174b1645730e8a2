import { connect } from 'node:net';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { flightInputs } from '../support/flights-app.js';
import { folderWithV1, succeed } from '../support/flights-folder.js';
import { startServerProcess } from '../support/run-command.js';
import type { ServerProcess } from '../support/run-command.js';

interface Answer {
  readonly status: number;
  readonly replayed: string | null;
  readonly body: unknown;
}

async function post(server: ServerProcess, key: string, body: object): Promise<Answer> {
  const response = await fetch(`${server.url}/v1/models/flights/predict`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': key },
    body: JSON.stringify(body),
  });
  return {
    status: response.status,
    replayed: response.headers.get('idempotent-replayed'),
    body: await response.json(),
  };
}

/** A row that is refused, one that is served, and one that is served with a value that training did not see. */
const mixed = {
  rows: [
    { inputs: { ...flightInputs, distance: 'far' } },
    { inputs: flightInputs, key: 'a' },
    { inputs: { ...flightInputs, carrier: '??' } },
  ],
};

async function storedPredictions(data: string): Promise<number> {
  const query = 'select count(*) as n from flights';
  const { stdout } = await succeed('hindcast', ['sql', '--data', data, '--format', 'json', query]);
  return JSON.parse(stdout).n;
}

describe('Idempotency-Key, on a server in a process of its own', () => {
  it('gives the recorded answers after kill -9 and a restart, to 64 keys under load, and predicts none twice', async () => {
    const data = await folderWithV1();
    const killed = await startServerProcess(data, ['--no-projector']);
    const keys = Array.from({ length: 64 }, (_, index) => `key-${index}`);
    const bodyOf = (index: number) =>
      index % 2 === 0 ? mixed : { inputs: { ...flightInputs, distance: 100 + index } };
    const answered = new Map<string, Answer>();
    await Promise.all(
      keys.map(async (key, index) => {
        try {
          answered.set(key, await post(killed, key, bodyOf(index)));
          if (answered.size === keys.length / 2) killed.child.kill('SIGKILL');
        } catch (error) {
          // Without an answer, because the server is gone.
          if (!(error instanceof TypeError)) throw error;
        }
      }),
    );
    await killed.stop('SIGKILL');
    expect(answered.size).toBeGreaterThanOrEqual(keys.length / 2);

    const server = await startServerProcess(data, ['--no-projector']);
    try {
      const rows = await Promise.all(
        keys.map(async (key, index) => {
          const repeated = await post(server, key, bodyOf(index));
          const before = answered.get(key);
          expect(repeated.status).toBe(200);
          if (before !== undefined) {
            expect(repeated.replayed).toBe('true');
            expect(repeated.body).toEqual(before.body);
          }
          expect((await post(server, key, bodyOf(index + 1))).status).toBe(409);
          return index % 2 === 0 ? 2 : 1;
        }),
      );
      expect(await storedPredictions(data)).toBe(rows.reduce((sum, count) => sum + count, 0));
    } finally {
      await server.stop();
    }
    const verified = await succeed('hindcast', ['log', 'verify', '--deep', '--data', data]);
    expect(verified.stdout).toContain('whole');
  });

  it('refuses a key that stands twice in a request', async () => {
    const server = await startServerProcess(await folderWithV1(), ['--no-projector']);
    try {
      const body = JSON.stringify({ inputs: flightInputs });
      const socket = connect(server.port, '127.0.0.1');
      socket.write(
        `POST /v1/models/flights/predict HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n` +
          `Idempotency-Key: a\r\nidempotency-key: b\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      );
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk.toString('utf8');
      });
      await once(socket, 'close');
      expect(text).toMatch(/^HTTP\/1\.1 400 /);
      expect(text).toContain('IDEMPOTENCY_KEY_INVALID');
      expect(text).toContain('stands 2 times');
    } finally {
      await server.stop();
    }
  });
});
