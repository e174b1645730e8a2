// A process of its own for tests of the log, on the built code. Modes:
//   write <directory> <segmentBytes> [compress]  holds the log, appends without end, prints `<id> <position>` once
//                                     acknowledged, and compresses sealed segments meanwhile
//   hold <directory>                  holds the log, appends one event, prints `ready`, ends when its input ends
//   append <directory> <count>        appends through whoever holds the log, prints the receipt and the way it took
import { randomUUID } from 'node:crypto';
import { openAppender } from '../../dist/services/event-log/remote-appender.js';
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

if (mode === 'write') {
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
