import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import { acquireDatasetLock, releaseLockOfThread } from '../../src/projections/datasets/dataset-lock.js';
import { openAnalytics } from '../../src/projections/datasets/open-analytics.js';
import { loadRegistry } from '../../src/projections/load-registry.js';
import { projectAvailable } from '../../src/projections/projector/project-available.js';
import { rebuildProjections } from '../../src/projections/projector/rebuild-projections.js';
import { runProjector } from '../../src/projections/projector/run-projector.js';
import { createMemoryLog } from '../../src/services/event-log/memory-log.js';
import {
  dayMicros,
  firstDayMicros,
  manifestOf,
  observed,
  predicted,
  registered,
} from '../support/projection-events.js';
import { describeWith } from '../support/optional.js';
import { projectedLog, rowsOf, type ProjectedLog } from '../support/projected-log.js';
import { mountSmallDisk, smallDisks } from '../support/small-disk.js';

let at: ProjectedLog;
beforeEach(async () => {
  at = await projectedLog();
  await at.append(registered(manifestOf({ x: 'float32', carrier: 'string' })));
});

async function filesOfModel(): Promise<string[]> {
  return (await readdir(join(at.datasets, 'of-flights'))).toSorted();
}

async function partCount(): Promise<number> {
  return (await at.manifest()).models[0]?.parts.length ?? 0;
}

const wholeTable = 'SELECT * EXCLUDE (recorded_at) FROM flights ORDER BY position';

/** Some days of traffic with truths that come late, appended in the given number of pieces. */
async function appendTraffic(pieces: number, project: boolean): Promise<void> {
  for (let piece = 0; piece < pieces; piece += 1) {
    const predictions = Array.from({ length: 30 }, (_, index) =>
      predicted({
        id: `018f0000-0000-7000-b000-${(piece * 30 + index).toString(16).padStart(12, '0')}`,
        requestId: `r-${piece}-${index}`,
        inputs: { x: piece * 30 + index, carrier: index % 2 === 0 ? 'UA' : 'AA' },
        occurredAt: firstDayMicros + Math.floor((piece * 30 + index) / 100) * dayMicros + index,
      }),
    );
    await at.append(...predictions);
    if (piece > 0) {
      await at.append(
        ...Array.from({ length: 20 }, (_, index) =>
          observed({ requestId: `r-${piece - 1}-${index}`, row: 0 }, index % 2),
        ),
      );
    }
    if (project) await at.project();
  }
}

describe('the projector', () => {
  it('does nothing when there is nothing new', async () => {
    await at.append(predicted());
    await at.project();
    const before = await readFile(join(at.datasets, 'manifest.json'), 'utf8');
    const result = await projectAvailable({ dataDirectory: at.folder, reader: at.log, clock: at.clock });
    expect(result).toEqual({ kind: 'projected', position: 2, events: 0 });
    expect(await readFile(join(at.datasets, 'manifest.json'), 'utf8')).toBe(before);
  });

  it('leaves the same rows however often it ran, and after a rebuild', async () => {
    await appendTraffic(12, true);
    const often = await at.sql(wholeTable);
    expect(often).toHaveLength(360);
    const other = await projectedLog();
    await other.append(registered(manifestOf({ x: 'float32', carrier: 'string' })));
    const first = at;
    at = other;
    await appendTraffic(12, false);
    await at.project();
    expect(await at.sql(wholeTable)).toEqual(often);
    at = first;
    await at.rebuild();
    expect(await at.sql(wholeTable)).toEqual(often);
  });

  it('writes the same bytes when it rebuilds twice', async () => {
    await appendTraffic(6, true);
    const digests = async (): Promise<string[]> => {
      await at.rebuild();
      const { models } = await at.manifest();
      return Promise.all(
        (models[0]?.parts ?? []).map(async (part) =>
          createHash('sha256')
            .update(await readFile(join(at.datasets, part.path)))
            .digest('hex'),
        ),
      );
    };
    const first = await digests();
    expect(first.length).toBeGreaterThan(1);
    expect(await digests()).toEqual(first);
  });

  it('brings a day to a few parts once it is over, and keeps an open day to a handful', async () => {
    for (let index = 0; index < 70; index += 1) {
      await at.append(predicted({ occurredAt: firstDayMicros + index, inputs: { x: index } }));
      await at.project();
      expect(await partCount()).toBeLessThanOrEqual(14);
    }
    await at.append(predicted({ occurredAt: firstDayMicros + dayMicros, inputs: { x: 70 } }));
    await at.project();
    const parts = (await at.manifest()).models[0]?.parts ?? [];
    expect(parts.map((part) => [part.day, part.rows])).toEqual([
      ['2026-01-01', 64],
      ['2026-01-01', 6],
      ['2026-01-02', 1],
    ]);
    expect(await at.sql('SELECT count(*), sum(in_x) FROM flights')).toEqual([[71n, 2485]]);
    expect((await at.manifest()).shared.outcomes.length).toBe(0);
  });

  it('rewrites a row a bounded number of times: late rows do not rewrite a large day each', async () => {
    await at.append(
      ...Array.from({ length: 1_000 }, (_, index) => predicted({ occurredAt: firstDayMicros + index })),
    );
    await at.append(predicted({ occurredAt: firstDayMicros + dayMicros }));
    await at.project();
    const large = (await at.manifest()).models[0]?.parts[0]?.path;
    for (let index = 0; index < 5; index += 1) {
      await at.append(predicted({ occurredAt: firstDayMicros + 2_000 + index }));
      await at.project();
    }
    const parts = (await at.manifest()).models[0]?.parts ?? [];
    expect(parts.some((part) => part.path === large)).toBe(true);
    expect(await at.sql('SELECT count(*) FROM flights')).toEqual([[1_006n]]);
  });

  it('merges the files of outcomes as they gather', async () => {
    for (let index = 0; index < 20; index += 1) {
      await at.append(observed({ key: `k${index}` }, 1));
      await at.project();
    }
    const { outcomes } = (await at.manifest()).shared;
    expect(outcomes.length).toBeLessThanOrEqual(8);
    expect(outcomes.reduce((sum, part) => sum + part.rows, 0)).toBe(20);
    expect(await at.sql('SELECT count(*) FROM outcomes')).toEqual([[20n]]);
  });

  it('that dies before its manifest is in force leaves the old state, and what it left is removed', async () => {
    await at.append(predicted({ inputs: { x: 1 } }));
    await at.project();
    const files = await filesOfModel();
    await at.append(predicted({ inputs: { x: 2 } }));
    // The manifest cannot be replaced while a folder has the name of its file aside.
    await mkdir(join(at.datasets, 'manifest.json.tmp'));
    await expect(at.project()).rejects.toThrow();
    expect((await filesOfModel()).length).toBeGreaterThan(files.length);
    expect((await at.manifest()).checkpoint).toBe(2);
    expect(await at.sql('SELECT in_x FROM flights ORDER BY position')).toEqual([[1], [2]]);

    await rm(join(at.datasets, 'manifest.json.tmp'), { recursive: true });
    await writeFile(join(at.datasets, 'of-flights', '2026-01-01.half-written.parquet.tmp'), 'PAR1');
    await at.project();
    expect(await at.sql('SELECT in_x FROM flights ORDER BY position')).toEqual([[1], [2]]);
    const named = (await at.manifest()).models[0]?.parts.map((part) => part.path.replace('of-flights/', ''));
    const replaced = (await at.manifest()).replaced.map((file) => file.path.replace('of-flights/', ''));
    expect(
      (await filesOfModel()).filter((file) => !named?.includes(file) && !replaced.includes(file)),
    ).toEqual([]);
  });

  it('keeps replaced parts ten minutes for readers that opened the state before, then removes them', async () => {
    await at.append(predicted({ inputs: { x: 1 } }));
    await at.project();
    const [old] = await filesOfModel();
    const analytics = await at.analytics();
    await at.append(predicted({ occurredAt: firstDayMicros + dayMicros }), predicted({ inputs: { x: 3 } }));
    await at.project();
    at.clock.advance(9 * 60_000_000);
    await at.append(predicted());
    await at.project();
    expect(await filesOfModel()).toContain(old);
    expect(await rowsOf(analytics, 'SELECT count(*) FROM flights')).toEqual([[1n]]);
    at.clock.advance(2 * 60_000_000);
    await at.append(predicted());
    await at.project();
    expect(await filesOfModel()).not.toContain(old);
    // A reader that lost its files meets the state in force, once, by itself.
    expect(await rowsOf(analytics, 'SELECT count(*) FROM flights')).toEqual([[5n]]);
    await analytics.close();
  });

  it('yields to another that holds the lock', async () => {
    await at.append(predicted());
    const lock = await acquireDatasetLock(at.datasets);
    expect(lock).toBeDefined();
    expect(await acquireDatasetLock(at.datasets)).toBeUndefined();
    const options = { dataDirectory: at.folder, reader: at.log, clock: at.clock };
    expect(await projectAvailable(options)).toEqual({ kind: 'busy' });
    expect(await rebuildProjections(options)).toEqual({ kind: 'busy' });
    expect(await at.sql('SELECT count(*) FROM flights')).toEqual([[1n]]);
    await lock?.release();
    await at.project();
    expect(await partCount()).toBe(1);
  });

  it('lets one of many that start at once work', async () => {
    await at.append(...Array.from({ length: 200 }, () => predicted()));
    const options = { dataDirectory: at.folder, reader: at.log, clock: at.clock };
    const results = await Promise.all(Array.from({ length: 6 }, () => projectAvailable(options)));
    expect(results.filter((result) => result.kind === 'projected').length).toBeGreaterThan(0);
    expect(await at.sql('SELECT count(*) FROM flights')).toEqual([[200n]]);
    expect((await at.manifest()).checkpoint).toBe(201);
  });

  it('takes over the lock of a process or thread that is gone', async () => {
    await mkdir(at.datasets, { recursive: true });
    const path = join(at.datasets, 'projector.lock');
    await writeFile(path, JSON.stringify({ pid: 2 ** 22 + 1, threadId: 0, started: '1', token: 'gone' }));
    const first = await acquireDatasetLock(at.datasets);
    expect(first).toBeDefined();
    await first?.release();
    // The same pid, given to another process since.
    await writeFile(
      path,
      JSON.stringify({ pid: process.pid, threadId: 0, started: 'long ago', token: 'gone' }),
    );
    const second = await acquireDatasetLock(at.datasets);
    expect(second).toBeDefined();
    await releaseLockOfThread(at.datasets, 12_345);
    expect(await acquireDatasetLock(at.datasets)).toBeUndefined();
    await second?.release();
    expect(await readdir(at.datasets)).not.toContain('projector.lock');
  });

  it('shows nothing from datasets that were made from a longer log, says what to do, and a rebuild does it', async () => {
    await at.append(predicted({ inputs: { x: 1 } }), predicted({ inputs: { x: 2 } }));
    await at.project();
    const shorter = createMemoryLog({ clock: at.clock });
    await shorter.append([registered(manifestOf({ x: 'float32', carrier: 'string' })), predicted()]);
    const options = { dataDirectory: at.folder, reader: shorter };
    const beyond = {
      code: 'DATASET_BEYOND_LOG',
      action: expect.stringContaining('projections rebuild'),
    };
    await expect(projectAvailable(options)).rejects.toMatchObject(beyond);
    await expect(openAnalytics(options)).rejects.toMatchObject(beyond);
    // The registry comes from the log alone, so that a server starts and says the rest.
    expect(Object.keys((await loadRegistry(options)).state.models)).toEqual(['flights']);
    await rebuildProjections(options);
    const analytics = await openAnalytics(options);
    const { rows } = await analytics.query('SELECT count(*) FROM flights');
    const counted = [];
    for await (const row of rows) counted.push(row);
    expect(counted).toEqual([[1n]]);
    await analytics.close();
    await shorter.close();
  });

  it('names a damaged manifest, and a rebuild mends it', async () => {
    await at.append(predicted({ inputs: { x: 7 } }));
    await at.project();
    await writeFile(join(at.datasets, 'manifest.json'), '{"formatVersion":1');
    await expect(at.project()).rejects.toMatchObject({ code: 'DATASET_DAMAGED' });
    await expect(at.sql('SELECT 1')).rejects.toMatchObject({ code: 'DATASET_DAMAGED' });
    await at.rebuild();
    expect(await at.sql('SELECT in_x FROM flights')).toEqual([[7]]);
  });

  it('an interrupted rebuild changes nothing', async () => {
    await at.append(predicted());
    await at.project();
    const before = await at.manifest();
    const stop = new AbortController();
    stop.abort();
    await rebuildProjections({
      dataDirectory: at.folder,
      reader: at.log,
      clock: at.clock,
      signal: stop.signal,
    });
    expect(await at.manifest()).toEqual(before);
  });

  it('follows the log until it is told to stop', async () => {
    const stop = new AbortController();
    const positions: number[] = [];
    const reached = async (position: number): Promise<void> => {
      while ((positions.at(-1) ?? 0) < position) await setImmediate();
    };
    const running = runProjector({
      dataDirectory: at.folder,
      reader: at.log,
      signal: stop.signal,
      clock: at.clock,
      pauseMsMax: 1,
      onProgress: (position) => positions.push(position),
    });
    await reached(1);
    await at.append(predicted());
    await reached(2);
    await at.append(predicted());
    await reached(3);
    stop.abort();
    await running;
    expect((await at.manifest()).checkpoint).toBe(3);
    expect(await readdir(at.datasets)).not.toContain('projector.lock');
  });

  it('keeps the registry, which a reader brings to the head by itself', async () => {
    const options = { dataDirectory: at.folder, reader: at.log };
    const before = await loadRegistry(options);
    await at.project();
    expect(await loadRegistry(options)).toEqual(before);
    await at.append(registered(manifestOf({ x: 'float32' }, { version: 'v2' })), predicted());
    const { state, position } = await loadRegistry(options);
    expect(position).toBe(3);
    expect(Object.keys(state.models['flights']?.versions ?? {})).toEqual(['v1', 'v2']);
    await at.project();
    expect((await loadRegistry(options)).state).toEqual(state);
  });
});

describeWith(smallDisks, 'the projector on a disk that is full', () => {
  it('says so once, leaves nothing half written, and goes on by itself when there is room', async () => {
    const disk = mountSmallDisk(256 * 1024);
    if (disk === undefined) throw new Error('this user may not mount a tmpfs; run the tests as root');
    const stop = new AbortController();
    try {
      await appendTraffic(10, false);
      const filler = join(disk.folder, 'filler');
      await writeFile(filler, Buffer.alloc((256 - 12) * 1024));
      const told: Error[] = [];
      let position = 0;
      const running = runProjector({
        dataDirectory: disk.folder,
        reader: at.log,
        signal: stop.signal,
        pauseMsMax: 1,
        onProgress: (reached) => (position = reached),
        onNoRoom: (error) => told.push(error),
      });
      while (told.length === 0) await setImmediate();
      expect(position).toBe(0);
      await rm(filler);
      const { nextPosition } = await at.log.head();
      while (position < nextPosition) await setImmediate();
      stop.abort();
      await running;
      expect(told).toHaveLength(1);
      expect(told[0]?.message).toMatch(/No space left on device|ENOSPC/);
      const files = await readdir(join(disk.folder, 'datasets'), { recursive: true });
      expect(files.filter((name) => name.includes('.tmp') || name.includes('.lock'))).toEqual([]);
    } finally {
      stop.abort();
      disk.unmount();
    }
  });
});
