// A process of its own for tests of the log, on the built code. Modes:
//   write <directory> <segmentBytes> [compress]  holds the log, appends without end, prints `<id> <position>` once
//                                     acknowledged, and compresses sealed segments meanwhile
//   hold <directory>                  holds the log, appends one event, prints `ready`, ends when its input ends
//   append <directory> <count>        appends through whoever holds the log, prints the receipt and the way it took
//   buffered <directory> <windowMs>   holds the log, appends predictions that are acknowledged first, prints
//                                     `<id> <position> <microseconds UTC>` when each was
//   read <directory> <count>          reads the whole log and its last events, over and over, until it has seen so many
//                                     reads; prints how many events it saw, and throws at anything that is not in order
import { randomUUID } from 'node:crypto';
import { openAppender } from '../../dist/services/event-log/remote-appender.js';
import { openSegmentLogReader } from '../../dist/services/event-log/segment-log/segment-log-reader.js';
import { openSegmentLog } from '../../dist/services/event-log/segment-log/segment-log.js';

const [mode, directory, number, compress] = process.argv.slice(2);
const clock = { nowMicros: () => Date.now() * 1000 };

function outcome() {
  return {
    type: 'OutcomeObserved',
    schemaVersion: 1,
    id: randomUUID(),
    stream: 'outcome-flights',
    occurredAt: clock.nowMicros(),
    data: {
      model: 'flights',
      // Not all of it chance, so that there is something to compress.
      key: `flight ${Math.random().toString(2).slice(2, 60)}`,
      truth: Math.random(),
      observedAt: clock.nowMicros(),
      origin: 'live',
    },
  };
}

function bufferedPrediction(bufferWindowMs) {
  return {
    type: 'PredictionServed',
    schemaVersion: 1,
    id: randomUUID(),
    stream: 'prediction-flights',
    occurredAt: clock.nowMicros(),
    data: {
      requestId: randomUUID(),
      row: 0,
      model: 'flights',
      version: 'v1',
      provenance: { kind: 'imported', source: 'a test' },
      outputs: { score: Math.random() },
      durability: 'buffered',
      bufferWindowMs,
    },
    sensitive: { inputs: { distance: 100 } },
  };
}

if (mode === 'read') {
  const reader = await openSegmentLogReader({ directory });
  let seen = 0;
  for (let round = 0; round < Number(number); round += 1) {
    let next = 0;
    for await (const batch of reader.read(round % 2 === 0 ? {} : { occurredFrom: 0 })) {
      for (const { position } of batch) {
        if (position < next) throw new Error(`position ${position} after ${next - 1}`);
        next = position + 1;
        seen += 1;
      }
    }
    const { nextPosition } = await reader.head();
    if (next > nextPosition) throw new Error('a read went past the head');
    const fromPosition = Math.max(0, nextPosition - 20);
    try {
      for await (const batch of reader.read({ fromPosition, untilPosition: nextPosition })) {
        if (batch[0].position !== fromPosition) throw new Error('the last events are not there');
      }
    } catch (error) {
      // On a busy machine retention may be faster, and says so to who named a position.
      if (error.code !== 'LOG_DROPPED') throw error;
    }
    if (round === 0) process.stdout.write('reading\n');
  }
  process.stdout.write(`${seen}\n`);
} else if (mode === 'buffered') {
  const windowMs = Number(number);
  const log = await openSegmentLog({
    directory,
    clock,
    segmentBytes: 64 * 1024,
    durability: { mode: 'buffered', windowMs },
  });
  for (;;) {
    const event = bufferedPrediction(windowMs);
    const { firstPosition } = await log.append([event]);
    process.stdout.write(`${event.id} ${firstPosition} ${clock.nowMicros()}\n`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
} else if (mode === 'write') {
  const log = await openSegmentLog({
    directory,
    clock,
    segmentBytes: Number(number),
    compressSealed: compress === 'compress',
  });
  const appendForever = async (size) => {
    for (;;) {
      const events = Array.from({ length: size }, outcome);
      const { firstPosition } = await log.append(events);
      process.stdout.write(events.map((event, index) => `${event.id} ${firstPosition + index}\n`).join(''));
    }
  };
  await Promise.all([1, 1, 2, 5, 20].map(appendForever));
} else if (mode === 'hold') {
  const log = await openSegmentLog({ directory, clock });
  await log.append([outcome()]);
  process.stdout.write('ready\n');
  process.stdin.resume();
  process.stdin.once('end', () => void log.close());
} else {
  const appender = await openAppender({ directory, clock });
  const receipt = await appender.append(Array.from({ length: Number(number) }, outcome));
  process.stdout.write(`${JSON.stringify({ via: appender.via, ...receipt })}\n`);
  await appender.close();
}
