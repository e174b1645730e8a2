import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { NewEvent } from '../../src/schemas/events.js';
import { openSegmentLog } from '../../src/services/event-log/segment-log/segment-log.js';
import { systemClock } from '../../src/services/platform/clock.js';
import { succeed } from '../support/flights-folder.js';
import { describeWith, pythonCloudEvents } from '../support/optional.js';
import { root } from '../support/run-command.js';
import { sampleOfEveryType, samplePredictions } from '../support/sample-events.js';
import { temporaryFolder } from '../support/temporary-folder.js';

describeWith(pythonCloudEvents, 'hindcast log export, read by the Python package cloudevents', () => {
  it('gives the same events, times to the microsecond and values that JSON does not carry', async () => {
    const [sample] = samplePredictions(1);
    if (sample === undefined) throw new Error('a sample is needed');
    const inputs: Record<string, unknown> = {
      nan: Number.NaN,
      infinite: -Infinity,
      zero: -0,
      big: 2n ** 64n - 1n,
      small: -(2n ** 63n),
      bytes: new Uint8Array([0, 255]),
      floats: new Float32Array([0.5, Infinity]),
      marked: { $value: 'NaN', more: [1.5] },
      text: 'ü\u2028',
      none: null,
    };
    const odd: NewEvent = {
      ...sample,
      occurredAt: sample.occurredAt + 123_456,
      sensitive: { inputs: inputs as never },
    };
    const events = [odd, ...sampleOfEveryType(), ...samplePredictions(100, 5)];
    const data = join(await temporaryFolder(), 'data');
    const log = await openSegmentLog({ directory: join(data, 'log'), clock: systemClock });
    await log.append(events);
    await log.close();
    const file = join(data, 'events.jsonl');
    await succeed('hindcast', ['log', 'export', '--out', file, '--data', data]);

    const script = join(root, 'test', 'oracles', 'read_cloud_events.py');
    const { status, stdout, stderr } = spawnSync(pythonCloudEvents.command, [script, file], {
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    expect(status).toBe(0);
    const read = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(read.map(({ inputs: _inputs, ...event }) => event)).toEqual(
      events.map(({ id, type, stream, occurredAt }, position) => ({
        id,
        type: `hindcast.${type}`,
        subject: stream,
        position: String(position),
        occurredAt,
      })),
    );
    expect(read[0].inputs).toEqual({
      nan: 'float nan',
      infinite: 'float -inf',
      zero: 'float -0x0.0p+0',
      big: 'int 18446744073709551615',
      small: 'int -9223372036854775808',
      bytes: ['int 0', 'int 255'],
      floats: ['float 0x1.0000000000000p-1', 'float inf'],
      marked: { $value: 'NaN', more: ['float 0x1.8000000000000p+0'] },
      text: 'ü\u2028',
      none: null,
    });
  });
});
