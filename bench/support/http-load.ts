import { connect } from 'node:net';
import type { Socket } from 'node:net';

export interface LoadResult {
  readonly requests: number;
  readonly errors: number;
  readonly requestsPerSecond: number;
  readonly p50Millis: number;
  readonly p99Millis: number;
}

/**
 * Closed-loop load on 127.0.0.1: every connection sends one request, waits for its answer, and sends the next, until
 * `seconds` are over. Answers need a Content-Length. `onAnswer` sees each body (for collecting acknowledged ids).
 */
export async function httpLoad(options: {
  readonly port: number;
  readonly path: string;
  readonly bodies: readonly string[];
  readonly connections: number;
  readonly seconds: number;
  readonly onAnswer?: (status: number, body: string) => void;
}): Promise<LoadResult> {
  const requests = options.bodies.map((body) =>
    Buffer.from(
      `POST ${options.path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    ),
  );
  const latencies: number[] = [];
  let errors = 0;
  const started = performance.now();
  const until = started + options.seconds * 1000;
  let next = 0;

  const one = (socket: Socket): Promise<void> =>
    new Promise((resolve) => {
      let sent = 0;
      let pending = '';
      const send = (): void => {
        sent = performance.now();
        const request = requests[next++ % requests.length];
        if (request !== undefined) socket.write(request);
      };
      socket.on('data', (chunk: string) => {
        pending += chunk;
        const head = pending.indexOf('\r\n\r\n');
        if (head < 0) return;
        const length = Number(/content-length: (\d+)/i.exec(pending)?.[1] ?? 0);
        // Answers are ASCII here, so characters are bytes.
        if (pending.length < head + 4 + length) return;
        const status = Number(pending.slice(9, 12));
        if (status === 200) latencies.push(performance.now() - sent);
        else errors += 1;
        options.onAnswer?.(status, pending.slice(head + 4, head + 4 + length));
        pending = pending.slice(head + 4 + length);
        if (performance.now() < until) send();
        else socket.end();
      });
      socket.on('close', () => resolve());
      socket.on('error', () => {
        errors += 1;
      });
      send();
    });

  const sockets = await Promise.all(
    Array.from(
      { length: options.connections },
      () =>
        new Promise<Socket>((resolve, reject) => {
          const socket = connect({ host: '127.0.0.1', port: options.port, noDelay: true }, () =>
            resolve(socket),
          );
          socket.setEncoding('latin1');
          socket.once('error', reject);
        }),
    ),
  );
  await Promise.all(sockets.map(one));
  const seconds = (performance.now() - started) / 1000;
  const sorted = Float64Array.from(latencies).toSorted();
  return {
    requests: latencies.length,
    errors,
    requestsPerSecond: latencies.length / seconds,
    p50Millis: sorted[Math.floor(sorted.length * 0.5)] ?? Number.NaN,
    p99Millis: sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN,
  };
}
