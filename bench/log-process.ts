// One measurement in a process of its own, for bench/log.ts. Prints one line of JSON.
//   open <directory>                        opens the log for writing: time, and the most memory the process ever had
//   scan <directory> <events>               reads so many events: rate, and memory after every million
//   msgpackr <events> <frame events>        decodes as many from memory with msgpackr's records
import { samplePredictions } from '../test/support/sample-events.js';
import { batchesOf } from './support/log-batches.js';

const [mode, ...parameters] = process.argv.slice(2);

async function open(directory: string): Promise<object> {
  const { openSegmentLog } = await import('../src/services/event-log/segment-log/segment-log.js');
  const { systemClock } = await import('../src/services/platform/clock.js');
  const start = performance.now();
  const log = await openSegmentLog({ directory, clock: systemClock });
  const millis = performance.now() - start;
  const events = (await log.head()).nextPosition;
  await log.close();
  return { events, millis, memoryMegabytesMax: process.resourceUsage().maxRSS / 1024 };
}

async function scan(directory: string, events: number): Promise<object> {
  const { openSegmentLogReader } =
    await import('../src/services/event-log/segment-log/segment-log-reader.js');
  const reader = await openSegmentLogReader({ directory });
  const heldMegabytes: number[] = [];
  const residentMegabytes: number[] = [];
  let read = 0;
  let measuringMillis = 0;
  const start = performance.now();
  for await (const batch of reader.read({ untilPosition: events })) {
    read += batch.length;
    if (read < (heldMegabytes.length + 1) * 1_000_000) continue;
    const before = performance.now();
    residentMegabytes.push(process.memoryUsage().rss / 2 ** 20);
    globalThis.gc?.();
    const { heapUsed, external } = process.memoryUsage();
    heldMegabytes.push((heapUsed + external) / 2 ** 20);
    measuringMillis += performance.now() - before;
  }
  const millis = performance.now() - start - measuringMillis;
  return { events: read, perSecond: (read / millis) * 1000, heldMegabytes, residentMegabytes };
}

async function decodeWithMsgpackr(events: number, frameEvents: number): Promise<object> {
  const { Packr } = await import('msgpackr');
  const packr = new Packr();
  const frames = batchesOf(samplePredictions(64 * frameEvents), frameEvents).map((batch) =>
    Buffer.from(packr.pack(batch)),
  );
  let read = 0;
  const start = performance.now();
  for (let index = 0; read < events; index += 1) {
    const decoded: unknown = packr.unpack(frames[index % frames.length] ?? Buffer.alloc(0));
    read += Array.isArray(decoded) ? decoded.length : 0;
  }
  return { events: read, perSecond: (read / (performance.now() - start)) * 1000 };
}

const [first = '', second = '0'] = parameters;
const result =
  mode === 'open'
    ? await open(first)
    : mode === 'scan'
      ? await scan(first, Number(second))
      : await decodeWithMsgpackr(Number(first), Number(second));
process.stdout.write(`${JSON.stringify(result)}\n`);
