import { readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { NewEvent } from '../../src/schemas/events.js';
import { fromExactJson } from '../../src/services/event-log/kurrent-log/exact-json.js';
import { openSegmentLog } from '../../src/services/event-log/segment-log/segment-log.js';
import { scanFrames } from '../../src/services/event-log/segment-log/scan-frames.js';
import { segmentName } from '../../src/services/event-log/segment-log/segment-file.js';
import { systemClock } from '../../src/services/platform/clock.js';
import { folderWithV1, succeed } from '../support/flights-folder.js';
import { flightInputs } from '../support/flights-app.js';
import { runCommand, startCommand, startServerProcess } from '../support/run-command.js';
import { sampleOfEveryType, samplePredictions } from '../support/sample-events.js';
import { describeWith } from '../support/optional.js';
import { mountSmallDisk, smallDisks } from '../support/small-disk.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const log = (...args: string[]) => runCommand('hindcast', ['log', ...args]);

/** A data folder with a log of these appends, one frame each. */
async function folderWith(appends: readonly (readonly NewEvent[])[], folder?: string): Promise<string> {
  const data = folder ?? join(await temporaryFolder(), 'data');
  const opened = await openSegmentLog({
    directory: join(data, 'log'),
    clock: systemClock,
    segmentBytes: 16_384,
  });
  for (const events of appends) await opened.append(events);
  await opened.close();
  return data;
}

const tens = (count: number): NewEvent[][] =>
  Array.from({ length: count }, (_, index) => samplePredictions(10, index + 1, index * 10));

async function damageFrame(data: string, segment: number, position: number): Promise<void> {
  const directory = join(data, 'log');
  for await (const { offset, header } of scanFrames(directory, segment)) {
    if (header.firstPosition !== position) continue;
    const path = join(directory, segmentName(segment));
    const bytes = await readFile(path);
    bytes[offset + 95] = (bytes[offset + 95] ?? 0) ^ 8;
    await writeFile(path, bytes);
    return;
  }
  throw new Error(`no frame begins at ${position}`);
}

interface CloudEvent {
  readonly id: string;
  readonly type: string;
  readonly position: string;
  readonly time: string;
  readonly subject: string;
  readonly data: unknown;
}

const parsed = (text: string): CloudEvent[] =>
  text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));

describe('hindcast log verify and stat', () => {
  it('say that a log is whole, where it stands, and that its tail was cut off when its hash is known', async () => {
    const data = await folderWith(tens(20));
    const stated = await log('stat', '--data', data);
    expect(stated.stdout).toMatch(/^events +200 \(positions 0 to 199\)$/m);
    expect(stated.stdout).toMatch(/^writer +nobody$/m);
    const { hash, bytes, bytesPerEvent, segments } = JSON.parse(
      (await log('stat', '--json', '--data', data)).stdout,
    );
    expect(bytesPerEvent).toBeCloseTo(bytes / 200, 9);
    expect(segments).toBeGreaterThan(1);
    const whole = await log('verify', '--deep', '--expect-hash', hash, '--data', data);
    expect(whole.code).toBe(0);
    expect(whole.stdout).toMatch(/^whole \([\d,]+ events\/s\)$/m);
    expect(whole.stdout).toContain('it ends with the expected hash');
    const other = await log('verify', '--expect-hash', 'ab'.repeat(32), '--data', data);
    expect(other.code).toBe(70);
    expect(other.stderr).toContain('LOG_HASH_MISSING');
    const opened = await openSegmentLog({ directory: join(data, 'log'), clock: systemClock });
    await opened.append(samplePredictions(5, 99, 200));
    await opened.close();
    const later = await log('verify', '--expect-hash', hash, '--data', data);
    expect(later.code).toBe(0);
    expect(later.stdout).toContain('it had the expected hash before position 200; 5 events came since');
    expect((await log('verify', '--expect-hash', 'short', '--data', data)).code).toBe(64);
  });
});

describe('hindcast log tail', () => {
  it('prints the last events, of a type, of a model, from a position, for people and as JSON', async () => {
    const data = await folderWith([...tens(20), sampleOfEveryType()]);
    const last = await log('tail', '-n', '3', '--data', data);
    expect(last.stdout.split('\n').filter(Boolean)).toHaveLength(3);
    expect(last.stdout).toContain('ReplayCompleted');
    const json = parsed((await log('tail', '--json', '--from', '195', '--data', data)).stdout);
    expect(json.map((event) => event.position)).toEqual(
      Array.from({ length: 5 + sampleOfEveryType().length }, (_, index) => String(195 + index)),
    );
    const failed = await log('tail', '--types', 'PredictionFailed', '--model', 'flights', '--data', data);
    expect(failed.stdout).toContain('INFERENCE_FAILED: no memory');
    // Looked for from the end in ever longer stretches: 3 that lie far before it.
    const served = parsed(
      (await log('tail', '--json', '-n', '3', '--types', 'PredictionServed', '--data', data)).stdout,
    );
    expect(served.map((event) => event.position)).toEqual(['198', '199', '200']);
    const unknown = await log('tail', '--model', 'nope', '--data', data);
    expect(unknown.code).toBe(64);
    expect(unknown.stderr).toContain('MODEL_NOT_FOUND');
    expect((await log('tail', '--from', '1', '-n', '2', '--data', data)).code).toBe(64);
    expect((await log('tail', '--from', 'x', '--data', data)).code).toBe(64);
    expect((await log('tail', '--types', 'Nonsense', '--data', data)).code).toBe(64);
  });

  it('follows what a server appends, and shows what the filter lets through', async () => {
    const data = await folderWithV1();
    const server = await startServerProcess(data, ['--no-projector']);
    const child = startCommand('hindcast', [
      'log',
      'tail',
      '-f',
      '--json',
      '--types',
      'PredictionServed',
      '--data',
      data,
    ]);
    try {
      let text = '';
      const seen = new Promise<void>((resolve) => {
        child.stdout?.on('data', (chunk: Buffer) => {
          text += chunk.toString('utf8');
          if (text.split('\n').length > 3) resolve();
        });
      });
      const ids: string[] = [];
      for (let index = 0; index < 3; index += 1) {
        const response = await fetch(`${server.url}/v1/models/flights/predict`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ inputs: flightInputs }),
        });
        const body = (await response.json()) as { predictions: [{ predictionId: string }] };
        ids.push(body.predictions[0].predictionId);
      }
      await seen;
      expect(parsed(text).map((event) => event.id)).toEqual(ids);
    } finally {
      child.kill('SIGKILL');
      await server.stop();
    }
  });
});

describe('hindcast log export', () => {
  it('writes CloudEvents from which every value comes back exactly', async () => {
    const [sample] = samplePredictions(1);
    if (sample === undefined) throw new Error('a sample is needed');
    const odd: Record<string, unknown> = {
      nan: Number.NaN,
      infinite: -Infinity,
      zero: -0,
      big: 2n ** 63n,
      small: -(2n ** 63n),
      bytes: new Uint8Array([0, 255]),
      floats: new Float32Array([0.1, Number.NaN]),
      $value: { $value: 'NaN' },
      none: null,
      text: 'a\u2028b',
    };
    Object.defineProperty(odd, '__proto__', { value: 'own', enumerable: true });
    const event: NewEvent = { ...sample, sensitive: { inputs: odd as never } };
    const data = await folderWith([[event], sampleOfEveryType()]);
    const exported = parsed((await log('export', '--data', data)).stdout);
    expect(exported).toHaveLength(1 + sampleOfEveryType().length);
    const [first] = exported;
    expect(first).toMatchObject({
      specversion: '1.0',
      id: sample.id,
      source: '/hindcast',
      type: 'hindcast.PredictionServed',
      subject: 'prediction-flights',
      time: '2026-01-01T00:00:00Z',
      datacontenttype: 'application/json',
      position: '0',
    });
    for (const name of Object.keys(first ?? {})) expect(name).toMatch(/^[a-z0-9]{1,20}$/);
    const back = fromExactJson(first?.data) as { sensitive: { inputs: Record<string, unknown> } };
    expect(back.sensitive.inputs).toEqual(odd);
    expect(Object.is(back.sensitive.inputs['zero'], -0)).toBe(true);
    expect(Object.keys(back.sensitive.inputs)).toEqual(Object.keys(odd));
  });

  it('takes a range of times or positions, and a file that is there whole or not at all', async () => {
    const data = await folderWith(tens(20));
    const since = '2026-01-01T00:00:01Z';
    const until = '2026-01-01T00:00:02Z';
    const events = tens(20).flat();
    const wanted = events.filter(
      ({ occurredAt }) => occurredAt >= Date.parse(since) * 1000 && occurredAt < Date.parse(until) * 1000,
    );
    expect(wanted.length).toBeGreaterThan(20);
    const out = join(data, 'export.jsonl');
    const result = await log('export', '--since', since, '--until', until, '--out', out, '--data', data);
    expect(result.code).toBe(0);
    expect(result.stdout).toBe('');
    expect(parsed(await readFile(out, 'utf8')).map((event) => event.id)).toEqual(
      wanted.map((event) => event.id),
    );
    const byPosition = parsed((await log('export', '--from', '17', '--to', '23', '--data', data)).stdout);
    expect(byPosition.map((event) => event.position)).toEqual(['17', '18', '19', '20', '21', '22']);

    await damageFrame(data, 0, 10);
    const before = await readFile(out, 'utf8');
    const damaged = await log('export', '--out', out, '--data', data);
    expect(damaged.code).toBe(70);
    expect(damaged.stderr).toContain('LOG_CORRUPT');
    expect(await readFile(out, 'utf8')).toBe(before);
    await expect(stat(`${out}.part`)).rejects.toMatchObject({ code: 'ENOENT' });
    expect(parsed((await log('export', '--data', data)).stdout)).toHaveLength(10);
    expect((await log('export', '--since', until, '--until', since, '--data', data)).code).toBe(64);
    expect((await log('export', '--from', '5', '--to', '5', '--data', data)).code).toBe(64);
  });
});

describe('hindcast log with a path that will not do', () => {
  it('says what is wrong with it before anything is written, and that it is no fault of ours', async () => {
    const data = await folderWith(tens(2));
    const file = join(data, '..', 'a-file');
    await writeFile(file, 'x');
    const target = join(data, '..', 'target');
    const backup = join(data, '..', 'backup');
    await succeed('hindcast', ['log', 'backup', backup, '--data', data]);
    for (const [args, code] of [
      [['export', '--out', join(data, 'none', 'x.jsonl'), '--data', data], 'FILE_NOT_WRITABLE'],
      [['export', '--out', join(file, 'x.jsonl'), '--data', data], 'FILE_NOT_WRITABLE'],
      [['export', '--out', join(data, 'log'), '--data', data], 'FILE_NOT_WRITABLE'],
      [['backup', file, '--data', data], 'BACKUP_REFUSED'],
      [['restore', backup, '--data', file], 'RESTORE_REFUSED'],
    ] as const) {
      const refused = await log(...args);
      expect(refused.stderr, args.join(' ')).toContain(code);
      expect(refused.code, args.join(' ')).toBe(64);
    }
    const damaged = await log('restore', file, '--data', target);
    expect(damaged.stderr).toContain('BACKUP_DAMAGED');
    expect(await readdir(join(data, '..'))).toEqual(['a-file', 'backup', 'data']);
  });
});

describeWith(smallDisks, 'hindcast log on a disk that is full', () => {
  it('says that there is no room, and leaves nothing half written', async () => {
    const disk = mountSmallDisk(1024 * 1024);
    if (disk === undefined) throw new Error('this user may not mount a tmpfs; run the tests as root');
    try {
      const data = await folderWith(tens(100), join(disk.folder, 'data'));
      const target = join(disk.folder, 'backup');
      await writeFile(join(disk.folder, 'filler'), Buffer.alloc(1024 * 1024)).catch(() => undefined);
      const names = await readdir(join(data, 'log'));
      for (const args of [
        ['backup', target],
        ['export', '--out', join(disk.folder, 'export.jsonl')],
        ['repair', '--cut-at', '5', '--yes'],
      ]) {
        const full = await log(...args, '--data', data);
        expect(full.stderr, args.join(' ')).toContain('error DISK_FULL The disk has no room');
        expect(full.stderr, args.join(' ')).not.toContain('    at ');
        expect(full.code, args.join(' ')).toBe(70);
      }
      expect((await readdir(disk.folder)).filter((name) => name.includes('export'))).toEqual([]);
      expect(await readdir(join(data, 'log'))).toEqual(names);
      expect((await log('verify', '--deep', '--data', data)).stdout).toContain('whole');
    } finally {
      disk.unmount();
    }
  });
});

describe('hindcast log backup and restore', () => {
  it('while the server appends: what was answered before is in it, and the restored folder serves', async () => {
    const data = await folderWithV1();
    const target = join(data, '..', 'backup');
    const restored = join(data, '..', 'restored');
    const server = await startServerProcess(data);
    const predict = async (url: string): Promise<string> => {
      const response = await fetch(`${url}/v1/models/flights/predict`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ inputs: flightInputs }),
      });
      const body = (await response.json()) as { predictions: [{ predictionId: string }] };
      return body.predictions[0].predictionId;
    };
    let answered: string[] = [];
    try {
      answered = await Promise.all(Array.from({ length: 50 }, async () => await predict(server.url)));
      let running = true;
      const load = Promise.all(
        Array.from({ length: 4 }, async () => {
          while (running) await predict(server.url);
        }),
      );
      const backup = await log('backup', target, '--data', data);
      running = false;
      await load;
      expect(backup.stderr).not.toContain('error');
      expect(backup.code).toBe(0);
      const nowhere = await log('restore', target, '--data', data);
      expect(nowhere.code).toBe(64);
      expect(nowhere.stderr).toContain('RESTORE_REFUSED');
    } finally {
      await server.stop();
    }
    const done = await log('restore', target, '--data', restored, '--deep');
    expect(done.stdout).toContain('whole');
    const query = 'select prediction_id from flights';
    const { stdout } = await succeed('hindcast', ['sql', '--data', restored, '--format', 'csv', query]);
    const ids = new Set(stdout.trim().split('\n').slice(1));
    expect(answered.filter((id) => !ids.has(id))).toEqual([]);
    const again = await startServerProcess(restored);
    try {
      expect(await predict(again.url)).toMatch(/^[0-9a-f-]{36}$/);
    } finally {
      await again.stop();
    }
    expect((await log('verify', '--deep', '--data', restored)).stdout).toContain('whole');
  });
});

describe('hindcast log repair', () => {
  it('names the damage, cuts only there, asks first, and no query shows what was cut', async () => {
    const data = await folderWith(tens(40));
    expect((await log('repair', '--data', data)).stdout).toContain('nothing to repair');
    await succeed('hindcast', ['projections', 'run', '--data', data]);
    const segments = (await readdir(join(data, 'log')))
      .filter((name) => name.endsWith('.segment'))
      .map((name) => Number.parseInt(name, 10))
      .toSorted((a, b) => a - b);
    const segment = segments[1] ?? 0;
    const position = segment + 10;
    await damageFrame(data, segment, position);

    const found = await log('repair', '--data', data);
    expect(found.code).toBe(70);
    expect(found.stdout).toContain(`hindcast log repair --cut-at ${position}`);
    expect(found.stdout).toContain(`hindcast log export --from ${position + 10} --to 400`);
    const unasked = await log('repair', '--cut-at', String(position), '--data', data);
    expect(unasked.code).toBe(64);
    expect(unasked.stderr).toContain('--yes');
    const elsewhere = await log('repair', '--cut-at', String(position + 10), '--yes', '--data', data);
    expect(elsewhere.code).toBe(64);
    expect(elsewhere.stderr).toContain('LOG_CUT_REFUSED');

    const cut = await log('repair', '--cut-at', String(position), '--yes', '--data', data);
    expect(cut.stderr).not.toContain('error');
    expect(cut.stdout).toContain(`the cut takes positions ${position} to 399`);
    expect(cut.stdout).toMatch(/as they were: .*datasets\.before-cut-at-\d+$/m);
    expect(cut.stdout).toContain(`whole; the next event gets position ${position}`);
    expect((await log('verify', '--deep', '--data', data)).stdout).toContain('whole');
    const again = await log('repair', '--cut-at', String(position), '--yes', '--data', data);
    expect(again.stderr).toContain('whole events are never cut');

    const rows = async (): Promise<number> => {
      const query = 'select count(*) as n from flights';
      const { stdout } = await succeed('hindcast', ['sql', '--data', data, '--format', 'json', query]);
      return JSON.parse(stdout).n;
    };
    expect(await rows()).toBe(position);
    // New events take the positions that were cut; the datasets show these, and none of the others.
    const opened = await openSegmentLog({ directory: join(data, 'log'), clock: systemClock });
    await opened.append(samplePredictions(500, 4_711, 1_000));
    await opened.close();
    await succeed('hindcast', ['projections', 'run', '--data', data]);
    expect(await rows()).toBe(position + 500);
  });

  it('puts the copies of a backup in the place of damaged segments, and loses nothing', async () => {
    const data = await folderWith(tens(40));
    const target = join(data, '..', 'backup');
    await succeed('hindcast', ['log', 'backup', target, '--data', data]);
    const segments = (await readdir(join(data, 'log')))
      .filter((name) => name.endsWith('.segment'))
      .map((name) => Number.parseInt(name, 10))
      .toSorted((a, b) => a - b);
    for (const segment of [segments[1] ?? 0, segments[3] ?? 0]) await damageFrame(data, segment, segment);
    const mended = await log('repair', '--from-backup', target, '--data', data);
    expect(mended.stderr).not.toContain('error');
    expect(mended.stdout.match(/put the backup's copy/g)).toHaveLength(2);
    expect(mended.stdout).toContain('whole; nothing is lost');
    expect((await log('verify', '--deep', '--data', data)).stdout).toMatch(/^400 events/);
    const none = await log('repair', '--from-backup', data, '--data', data);
    expect(none.stderr).toContain('BACKUP_DAMAGED');
    const both = await log('repair', '--from-backup', target, '--cut-at', '5', '--data', data);
    expect(both.code).toBe(64);
  });

  it('says of a damaged head file that no event is lost, and what mends it', async () => {
    const data = await folderWith(tens(3));
    const path = join(data, 'log', 'head');
    const bytes = await readFile(path);
    bytes[40] = (bytes[40] ?? 0) ^ 1;
    await writeFile(path, bytes);
    const found = await log('repair', '--data', data);
    expect(found.code).toBe(70);
    expect(found.stdout).toContain('sound before it: positions 0 to 29 (30 events)');
    expect(found.stdout).toContain('No event is lost by that.');
    await (await openSegmentLog({ directory: join(data, 'log'), clock: systemClock })).close();
    expect((await log('repair', '--data', data)).stdout).toContain('nothing to repair');
  });

  it('is refused while a server writes', async () => {
    const data = await folderWithV1();
    const server = await startServerProcess(data);
    try {
      const refused = await log('repair', '--cut-at', '1', '--yes', '--data', data);
      expect(refused.code).toBe(64);
      expect(refused.stderr).toContain('LOG_IN_USE');
    } finally {
      await server.stop();
    }
  });
});
