import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { httpLoad } from './support/http-load.js';
import type { LoadResult } from './support/http-load.js';
import { markdownTable, median, rounded } from './support/statistics.js';

const variants = ['bare', 'without-log', 'with-log'] as const;
type Variant = (typeof variants)[number];

const names: { readonly [variant in Variant]: string } = {
  bare: 'a: bare fastify route, shared ONNX run',
  'without-log': 'b: our endpoint, log off',
  'with-log': 'c: our endpoint, fsync before the reply',
};

const path = '/v1/models/flights/predict';
const bodies = Array.from({ length: 64 }, (_, index) =>
  JSON.stringify({
    inputs: {
      carrier: ['UA', 'B6', 'DL', 'AA'][index % 4],
      origin: ['EWR', 'JFK', 'LGA'][index % 3],
      dest: ['IAH', 'MIA', 'BQN', 'ATL', 'ORD'][index % 5],
      sched_dep_minute: 300 + index * 15,
      day_of_week: (index % 7) + 1,
      distance: 700 + index * 13,
      sched_elapsed_minutes: 120 + index,
    },
  }),
);

/** Requests a second, p50 and p99 of three servers at 1, 64 and 256 connections; rounds interleaved, medians. */
export async function runServeBench(): Promise<string> {
  const rounds = Number(process.env['BENCH_ROUNDS'] ?? 3);
  const seconds = Number(process.env['BENCH_SECONDS'] ?? 4);
  const servers = new Map<Variant, Awaited<ReturnType<typeof startServer>>>();
  for (const variant of variants) servers.set(variant, await startServer(variant));
  const rows: string[][] = [];
  try {
    for (const [variant, { port }] of servers) {
      process.stderr.write(`warming ${variant}\n`);
      await httpLoad({ port, path, bodies, connections: 64, seconds: 3 });
    }
    for (const connections of [1, 64, 256]) {
      const results = new Map<Variant, LoadResult[]>(variants.map((variant) => [variant, []]));
      for (let round = 0; round < rounds; round += 1) {
        for (const [variant, { port }] of servers) {
          results.get(variant)?.push(await httpLoad({ port, path, bodies, connections, seconds }));
        }
      }
      const rate = (variant: Variant): number =>
        median((results.get(variant) ?? []).map((result) => result.requestsPerSecond));
      const against: { readonly [variant in Variant]: number } = {
        bare: rate('bare'),
        'without-log': rate('bare'),
        'with-log': rate('without-log'),
      };
      for (const variant of variants) {
        const measured = results.get(variant) ?? [];
        rows.push([
          String(connections),
          names[variant],
          rounded(rate(variant)),
          rounded(median(measured.map((result) => result.p50Millis)), 2),
          rounded(median(measured.map((result) => result.p99Millis)), 2),
          variant === 'bare'
            ? ''
            : `${variant === 'with-log' ? 'c/b' : 'b/a'} ${rounded(rate(variant) / against[variant], 2)}`,
          String(measured.reduce((sum, result) => sum + result.errors, 0)),
        ]);
      }
    }
  } finally {
    for (const { child } of servers.values()) {
      child.stdin?.end();
      await once(child, 'close');
    }
  }
  return markdownTable(['connections', 'server', 'requests/s', 'p50 ms', 'p99 ms', 'ratio', 'errors'], rows);
}

async function startServer(
  variant: Variant,
): Promise<{ readonly port: number; readonly child: ChildProcess }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'serve-server.js'), variant], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { port: Number(line.toString('utf8')), child };
}
