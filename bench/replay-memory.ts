import { spawnSync } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatMicros } from '../src/replay/time-option.js';
import { root } from './support/root.js';
import { seededFlights } from './support/seeded-flights.js';
import { markdownTable, rounded } from './support/statistics.js';

/** About 1 and 11 million rows. */
const sizes = [
  { copies: 6, calendars: 1 },
  { copies: 11, calendars: 6 },
] as const;

/**
 * The most memory of a whole `replay` command, by rows: it must not grow with them. Takes about half an hour and 4 GB of temporary files, nearly
 * all of it for the traffic.
 */
export async function runReplayMemoryBench(): Promise<string> {
  const rows: string[][] = [];
  for (const { copies, calendars } of sizes) {
    process.stderr.write(`traffic: each flight ${copies} times, ${calendars} half-years\n`);
    const flights = await seededFlights(copies, calendars);
    try {
      const { megabytes, seconds, read } = await replayInProcess(flights);
      rows.push([
        rounded(read),
        `${rounded(megabytes)} MB`,
        rounded(seconds, 1),
        '≤ 500 MB, the same for all',
      ]);
    } finally {
      await rm(flights.directory, { recursive: true, force: true });
    }
  }
  return markdownTable(['rows', 'most memory of the process', 'seconds', 'wanted'], rows);
}

async function replayInProcess(flights: {
  readonly directory: string;
  readonly fromMicros: number;
  readonly untilMicros: number;
}): Promise<{ readonly megabytes: number; readonly seconds: number; readonly read: number }> {
  const out = join(flights.directory, 'out');
  const script = `
    process.on('exit', () => process.stderr.write('most ' + process.resourceUsage().maxRSS + '\\n'));
    await import(${JSON.stringify(join(root, 'dist', 'cli', 'replay-bin.js'))});
  `;
  const args = ['--data', flights.directory, '--model', 'v2', '--report', 'json', '--out', out, '--quiet'];
  const range = ['--since', formatMicros(flights.fromMicros), '--until', formatMicros(flights.untilMicros)];
  const started = performance.now();
  // A file, not --eval, whose options every worker thread would be started with.
  const file = join(flights.directory, 'replay.mjs');
  await writeFile(file, script);
  const { stderr } = spawnSync(process.execPath, [file, ...args, ...range], { encoding: 'utf8' });
  const kilobytes = Number(/most (\d+)/.exec(stderr)?.[1]);
  if (Number.isNaN(kilobytes)) throw new Error(stderr);
  const report: { waterfall: { recorded: number } } = JSON.parse(
    await readFile(join(out, 'report.json'), 'utf8'),
  );
  return {
    megabytes: kilobytes / 1024,
    seconds: (performance.now() - started) / 1000,
    read: report.waterfall.recorded,
  };
}
