import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { segmentFacts } from '../../src/services/event-log/segment-log/segment-facts.js';
import { openSegmentLog } from '../../src/services/event-log/segment-log/segment-log.js';
import { systemClock } from '../../src/services/platform/clock.js';
import { bundle, folderWithV1, succeed } from '../support/flights-folder.js';
import { flightInputs } from '../support/flights-app.js';
import { runCommand, startServerProcess } from '../support/run-command.js';
import { samplePredictions } from '../support/sample-events.js';
import { temporaryFolder } from '../support/temporary-folder.js';

/** A folder with a registered model and a log of several small segments. */
async function folderWithTraffic(): Promise<{ data: string; config: string }> {
  const data = join(await temporaryFolder(), 'data');
  const small = { directory: join(data, 'log'), clock: systemClock, segmentBytes: 64 * 1024 };
  await (await openSegmentLog(small)).close();
  await succeed('hindcast', ['model', 'add', bundle('v1'), '--data', data, '--promote']);
  const log = await openSegmentLog(small);
  for (let at = 0; at < 120; at += 1) await log.append(samplePredictions(60, at + 1, at * 60));
  await log.close();
  const config = join(data, 'hindcast.yaml');
  await writeFile(config, 'log:\n  retainBytes: 500KB\n');
  return { data, config };
}

describe('hindcast log retain', () => {
  it('says what would go, waits for the projector, drops, and leaves a whole log and every prediction to SQL', async () => {
    const { data, config } = await folderWithTraffic();
    const args = ['--data', data, '--config', config];
    const count = async () =>
      JSON.parse(
        (await succeed('hindcast', ['sql', ...args, '--format', 'json', 'select count(*) as n from flights']))
          .stdout,
      ) as unknown;
    const waiting = await succeed('hindcast', ['log', 'retain', ...args]);
    expect(waiting.stdout).toContain('dropped nothing');
    expect(waiting.stderr).toContain('wait for the projector: run `hindcast projections run`');
    const before = await count();
    await succeed('hindcast', ['projections', 'run', '--quiet', ...args]);

    const segments = (await segmentFacts(join(data, 'log'))).length;
    const dry = await succeed('hindcast', ['log', 'retain', '--dry-run', ...args]);
    expect(dry.stdout).toMatch(/^would drop \d+ segments, \d+ bytes: \d+ events before position \d+/);
    expect((await segmentFacts(join(data, 'log'))).length).toBe(segments);
    const done = await succeed('hindcast', ['log', 'retain', ...args]);
    expect(done.stdout).toBe(dry.stdout.replace('would drop', 'dropped'));
    expect((await segmentFacts(join(data, 'log'))).length).toBeLessThan(segments);

    const verified = await succeed('hindcast', ['log', 'verify', '--quiet', '--deep', ...args]);
    expect(verified.stdout).toMatch(/\d+ events that retention dropped/);
    expect(verified.stdout).toContain('whole');
    expect(await count()).toEqual(before);
    expect((await succeed('hindcast', ['model', 'list', ...args])).stdout).toContain('v1');
    await succeed('hindcast', ['projections', 'rebuild', '--quiet', ...args]);
    expect(await count()).toEqual(before);
    const tailed = await succeed('hindcast', ['log', 'tail', '-n', '100000', ...args]);
    const kept = tailed.stdout.trim().split('\n');
    expect(kept.at(-1)).toContain('StateSnapshotted');
    const stat = JSON.parse((await succeed('hindcast', ['log', 'stat', '--json', ...args])).stdout) as {
      firstPosition: string;
      nextPosition: string;
    };
    expect(Number(stat.nextPosition) - Number(stat.firstPosition)).toBe(kept.length);
  });

  it('asks for a limit when none is set, and refuses one that is none', async () => {
    const data = await folderWithV1();
    const none = await runCommand('hindcast', ['log', 'retain', '--data', data]);
    expect(none.code).toBe(64);
    expect(none.stderr).toContain('everything is kept');
    for (const [key, value] of [
      ['RETAIN', 'forever'],
      ['RETAIN_BYTES', '20'],
      ['DURABILITY', 'buffered(1h)'],
    ]) {
      const odd = await runCommand('hindcast', ['config', '--data', data], {
        env: { [`HINDCAST_LOG_${key ?? ''}`]: value },
      });
      expect(odd.code).toBe(64);
      expect(odd.stderr).toContain(`HINDCAST_LOG_${key ?? ''}`);
    }
  });

  it('runs inside the server, which says on /metrics what it dropped', async () => {
    const { data, config } = await folderWithTraffic();
    await succeed('hindcast', ['projections', 'run', '--quiet', '--data', data]);
    const server = await startServerProcess(data, ['--config', config]);
    try {
      let metrics = '';
      while (!/^hindcast_log_dropped_segments_total [1-9]/m.test(metrics)) {
        metrics = await (await fetch(`${server.url}/metrics`)).text();
      }
      expect(metrics).toMatch(/^hindcast_log_first_position [1-9]/m);
      expect(metrics).toMatch(/^hindcast_log_oldest_event_timestamp_seconds [1-9]/m);
      expect(metrics).toMatch(/^hindcast_log_retention_waiting_segments 0/m);
      expect(metrics).toContain('hindcast_log_durability{mode="durable"} 1');
    } finally {
      expect(await server.stop()).toBe(0);
    }
  });
});

describe('buffered durability of a server', () => {
  it('is said in the reply, on the event and on /metrics, and ends with everything durable', async () => {
    const data = await folderWithV1();
    const config = join(data, 'hindcast.yaml');
    await writeFile(config, 'log:\n  durability: buffered(150ms)\n');
    const server = await startServerProcess(data, ['--config', config]);
    const predict = async () =>
      (await (
        await fetch(`${server.url}/v1/models/flights/predict`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ inputs: flightInputs }),
        })
      ).json()) as { durability: string; predictions: { predictionId: string; position: string }[] };
    const replies = [await predict(), await predict(), await predict()];
    for (const reply of replies) {
      expect(reply).toMatchObject({ durability: 'buffered', bufferWindowMs: 150 });
    }
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    expect(metrics).toContain('hindcast_log_durability{mode="buffered"} 1');
    expect(metrics).toContain('hindcast_log_buffer_window_seconds 0.15');
    expect(metrics).toMatch(/^hindcast_log_acknowledged_events \d+$/m);
    expect(metrics).toContain('hindcast_log_lost_events_total 0');
    expect(await server.stop()).toBe(0);
    for (const { predictions } of replies) {
      const id = predictions[0]?.predictionId ?? '';
      const shown = await succeed('hindcast', ['show', id, '--data', data]);
      expect(shown.stdout).toMatch(/durability +buffered, within 150 ms/);
      expect(shown.stdout).toContain(`log position ${predictions[0]?.position ?? ''}`);
    }
  });
});
