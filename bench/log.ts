import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { PredictionServed } from '../src/schemas/events.js';
import { encodeEvents } from '../src/services/event-log/event-codec.js';
import { frameHeaderBytes } from '../src/services/event-log/segment-log/frame.js';
import { listSegments, segmentName } from '../src/services/event-log/segment-log/segment-file.js';
import { verifyLog } from '../src/services/event-log/verify-log.js';
import { samplePredictions } from '../test/support/sample-events.js';
import { writeLargeLog } from './support/large-log.js';
import { type AppendResult, measureAppends } from './support/log-appends.js';
import { batchesOf } from './support/log-batches.js';
import { markdownTable, median, rounded } from './support/statistics.js';

const sizes = [1, 64, 256, 1_024] as const;
const frameEvents = 256;
const largeEvents = 10_000_000;
const scanEvents = 5_000_000;
const rounds = Number(process.env['BENCH_ROUNDS'] ?? 5);
const seconds = Number(process.env['BENCH_SECONDS'] ?? 1);

interface Row {
  readonly what: string;
  readonly measured: string;
  readonly limit: string;
  readonly holds: boolean | undefined;
}

/**
 * The log's speed and memory, each with its limit. Takes about three minutes and 1.2 GB beside the working folder: a
 * temporary folder may be in memory, where a sync costs nothing.
 */
export async function runLogBench(): Promise<string> {
  const directory = await mkdtemp(resolve('.bench-log-'));
  try {
    const events = samplePredictions(64 * 1_024);
    const appends: AppendResult[] = [];
    for (const callers of [1, 2]) {
      for (const size of sizes) {
        process.stderr.write(`appends of ${size}, ${callers} at a time\n`);
        appends.push(await measureAppends({ directory, events, size, callers, rounds, seconds }));
      }
    }
    const large = join(directory, 'large');
    process.stderr.write(`writing ${largeEvents} events\n`);
    await writeLargeLog(large, { events: largeEvents, frameEvents });
    const rows = [
      ...appends.map(appendRow),
      scanRow(large),
      ...sizes.map((size) => sizeRow(events, size)),
      ...openRows(large),
      memoryRow(large),
      await verifyRow(large),
    ];
    return markdownTable(
      ['what', 'measured', 'limit', 'holds'],
      rows.map(({ what, measured, limit, holds }) => [
        what,
        measured,
        limit,
        holds === undefined ? '' : holds ? 'yes' : 'no',
      ]),
    );
  } finally {
    await rm(directory, { recursive: true });
  }
}

function appendRow(result: AppendResult): Row {
  const way = result.callers === 1 ? 'one after the other' : `${result.callers} under way`;
  return {
    what: `appends of ${result.size}, ${way}, against a bare synced write of the same bytes`,
    measured:
      `${rounded(result.ratio, 2)} × (${rounded(result.eventsPerSecond)} of ${rounded(result.bareEventsPerSecond)} events/s; ` +
      `median ${rounded(result.p50Micros)} µs, bare ${rounded(result.bareP50Micros)} µs)`,
    limit: '≥ 0.85 ×',
    holds: result.ratio >= 0.85,
  };
}

function scanRow(directory: string): Row {
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < 3; round += 1) {
    process.stderr.write(`scanning ${scanEvents} events, round ${round + 1}\n`);
    theirs.push(numberOf(inProcess(['msgpackr', String(scanEvents), String(frameEvents)]), 'perSecond'));
    ours.push(numberOf(inProcess(['scan', directory, String(scanEvents)]), 'perSecond'));
  }
  const ratio = median(ours.map((rate, round) => rate / (theirs[round] ?? Infinity)));
  return {
    what: `scan and decode of ${rounded(scanEvents)} events in frames of ${frameEvents}, CRC checked, one core, against msgpackr decoding its records of the same events from memory`,
    measured: `${rounded(ratio, 2)} × (${rounded(median(ours))} of ${rounded(median(theirs))} events/s)`,
    limit: '≥ 0.6 ×',
    holds: ratio >= 0.6,
  };
}

function sizeRow(events: readonly PredictionServed[], size: number): Row {
  const some = events.slice(0, 16_384);
  const bytes = batchesOf(some, size).reduce(
    (sum, batch) => sum + encodeEvents(batch).byteLength + frameHeaderBytes,
    0,
  );
  const lines = some.reduce((sum, event, index) => {
    return (
      sum + JSON.stringify({ ...event, position: String(index), recordedAt: event.occurredAt }).length + 1
    );
  }, 0);
  const share = bytes / lines;
  return {
    what: `bytes an event in frames of ${size}, header included, against JSON lines`,
    measured: `${rounded(share, 3)} × (${rounded(bytes / some.length)} of ${rounded(lines / some.length)})`,
    limit: size < 64 ? '' : '≤ 0.35 ×',
    holds: size < 64 ? undefined : share <= 0.35,
  };
}

function openRows(directory: string): Row[] {
  const opened = [1, 2, 3].map(() => inProcess(['open', directory]));
  const events = numberOf(opened[0] ?? {}, 'events');
  const millis = median(opened.map((result) => numberOf(result, 'millis')));
  const megabytes = Math.max(...opened.map((result) => numberOf(result, 'memoryMegabytesMax')));
  return [
    {
      what: `opening a log of ${rounded(events)} events for writing`,
      measured: `${rounded(millis)} ms`,
      limit: '≤ 1,000 ms',
      holds: events >= largeEvents && millis <= 1_000,
    },
    {
      what: 'the most memory of the process that opens it',
      measured: `${rounded(megabytes)} MB`,
      limit: '≤ 150 MB',
      holds: megabytes <= 150,
    },
  ];
}

function memoryRow(directory: string): Row {
  process.stderr.write(`memory over ${largeEvents} events\n`);
  const result = inProcess(['scan', directory, String(largeEvents)]);
  const held = numbersOf(result, 'heldMegabytes');
  const resident = numbersOf(result, 'residentMegabytes');
  const [first = 0] = held;
  // What is held after a collection may not grow with what was read.
  const growth = (held.at(-1) ?? Infinity) - first;
  return {
    what: `memory over a scan of ${rounded(largeEvents)} events`,
    measured:
      `held after a collection ${rounded(first, 1)} MB at 1 million, ${rounded(held.at(-1) ?? 0, 1)} MB at ${held.length} million; ` +
      `resident ${rounded(Math.min(...resident))} to ${rounded(Math.max(...resident))} MB`,
    limit: 'flat: grows by ≤ 2 MB',
    holds: held.length >= 10 && growth <= 2,
  };
}

async function verifyRow(directory: string): Promise<Row> {
  const start = performance.now();
  const verified = await verifyLog({ directory });
  const perSecond = (verified.events / (performance.now() - start)) * 1000;
  let bytes = 0;
  for (const segment of await listSegments(directory)) {
    bytes += (await stat(join(directory, segmentName(segment)))).size;
  }
  if (verified.damage !== undefined) throw new Error(verified.damage.problem);
  return {
    what: `verify, whole chain of ${rounded(verified.events)} events`,
    measured: `${rounded(perSecond)} events/s, ${rounded((verified.bytes / verified.events) * (perSecond / 1e6))} MB/s of ${rounded(bytes / 1e6)} MB`,
    limit: '',
    holds: undefined,
  };
}

/** Runs bench/log-process.ts, on one core where the system can hold it there. */
function inProcess(parameters: readonly string[]): object {
  const script = join(import.meta.dirname, 'log-process.js');
  const node = [process.execPath, '--expose-gc', script, ...parameters];
  const isPinned = parameters[0] !== 'open' && spawnSync('taskset', ['-c', '0', 'true']).status === 0;
  const [command = '', ...args] = isPinned ? ['taskset', '-c', '0', ...node] : node;
  const { stdout, status } = spawnSync(command, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0) throw new Error(`${parameters.join(' ')} ended with ${status}`);
  return Object(JSON.parse(stdout));
}

function numberOf(result: object, key: string): number {
  const value: unknown = Reflect.get(result, key);
  if (typeof value !== 'number') throw new Error(`${key} is needed`);
  return value;
}

function numbersOf(result: object, key: string): number[] {
  const values: unknown = Reflect.get(result, key);
  if (!Array.isArray(values)) throw new Error(`${key} is needed`);
  return values.map(Number);
}
