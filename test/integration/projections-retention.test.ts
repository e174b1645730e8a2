import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadRegistry } from '../../src/projections/load-registry.js';
import { datasetsDirectory, readManifest } from '../../src/projections/datasets/dataset-manifest.js';
import { openAnalytics } from '../../src/projections/datasets/open-analytics.js';
import { projectAvailable } from '../../src/projections/projector/project-available.js';
import { rebuildProjections } from '../../src/projections/projector/rebuild-projections.js';
import { showPrediction } from '../../src/projections/queries/show-prediction.js';
import { type AppliedRetention, applyRetention } from '../../src/projections/retention/apply-retention.js';
import { runRetention } from '../../src/projections/retention/run-retention.js';
import { decidePromote, decideRetire, servingVersion } from '../../src/services/inference/registry.js';
import type { NewEvent } from '../../src/schemas/events.js';
import type { ReadQuery } from '../../src/services/event-log/event-log.js';
import { type SegmentLog, openSegmentLog } from '../../src/services/event-log/segment-log/segment-log.js';
import { openSegmentLogReader } from '../../src/services/event-log/segment-log/segment-log-reader.js';
import { verifyLog } from '../../src/services/event-log/verify-log.js';
import { HindcastError } from '../../src/services/platform/errors.js';
import { manualClock } from '../../src/services/platform/clock.js';
import {
  dayMicros,
  firstDayMicros,
  manifestOf,
  nextUuid,
  observed,
  predicted,
  registered,
} from '../support/projection-events.js';
import { rowsOf } from '../support/projected-log.js';
import { seededRandom } from '../support/sample-events.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const everything = [
  'SELECT * FROM flights ORDER BY position',
  'SELECT * FROM fraud ORDER BY position',
  'SELECT * FROM outcomes ORDER BY position',
  'SELECT * FROM rejections ORDER BY position',
  'SELECT * FROM replays ORDER BY position',
  'SELECT * FROM models ORDER BY model, version',
];

/** A log on disk with two months of traffic of two models, an hour of the log's clock between appends. */
class Folder {
  readonly data: string;
  readonly clock: ReturnType<typeof manualClock>;
  log: SegmentLog;
  readonly #random = seededRandom(5);
  /** Ids of all predictions to come, so that a truth can be there first. */
  readonly #ids = Array.from({ length: 4_000 }, nextUuid);
  #keys = 0;

  private constructor(data: string, log: SegmentLog, clock: ReturnType<typeof manualClock>) {
    this.data = data;
    this.log = log;
    this.clock = clock;
  }

  static async make(): Promise<Folder> {
    const data = await temporaryFolder();
    const clock = manualClock(firstDayMicros + 100 * dayMicros);
    const log = await openSegmentLog({ directory: join(data, 'log'), clock, segmentBytes: 24 * 1024 });
    return new Folder(data, log, clock);
  }

  async append(...events: NewEvent[]): Promise<void> {
    await this.log.append(events);
    this.clock.advance(3_600_000_000);
  }

  /** Predictions, and truths for some of those that came before, and for some that come later. */
  async traffic(appends: number): Promise<void> {
    const random = this.#random;
    for (let made = 0; made < appends; made += 1) {
      const events: NewEvent[] = [];
      for (let row = 0; row < 12; row += 1) {
        const [key, id] = [`k${this.#keys}`, this.#ids[this.#keys] ?? ''];
        this.#keys += 1;
        const model = random() < 0.3 ? 'fraud' : 'flights';
        const event = predicted({
          id,
          model,
          key,
          inputs: { x: random(), y: random() < 0.5 ? 'red' : 'blue', odd: Math.floor(random() * 9) },
          occurredAt: firstDayMicros + Math.floor(random() * 60 * dayMicros),
        });
        events.push(event);
      }
      for (let outcome = 0; outcome < 4; outcome += 1) {
        const before = this.#ids[Math.floor(random() * this.#keys)] ?? '';
        const after = this.#ids[this.#keys + Math.floor(random() * 200)] ?? '';
        const observedAt = firstDayMicros + Math.floor(random() * 90 * dayMicros);
        events.push(observed({ predictionId: before }, random() < 0.5 ? 1 : 0, { observedAt }));
        events.push(observed({ predictionId: after }, 0, { observedAt }));
        events.push(observed({ key: `k${this.#keys + Math.floor(random() * 300)}` }, 1, { observedAt }));
      }
      await this.append(...events);
    }
  }

  async project(): Promise<void> {
    await projectAvailable({ dataDirectory: this.data, reader: this.log, clock: this.clock });
  }

  async retain(retainMicros: number): Promise<AppliedRetention> {
    return await applyRetention({
      dataDirectory: this.data,
      log: this.log,
      clock: this.clock,
      policy: { retainMicros, retainBytes: undefined },
      configuration: { 'log.retain': '10d' },
    });
  }

  async tables(): Promise<unknown[][][]> {
    const analytics = await openAnalytics({ dataDirectory: this.data, reader: this.log });
    try {
      const tables: unknown[][][] = [];
      for (const query of everything) tables.push(await rowsOf(analytics, query));
      return tables;
    } finally {
      await analytics.close();
    }
  }

  async registry() {
    return (await loadRegistry({ dataDirectory: this.data, reader: this.log })).state;
  }

  async promote(model: string, version: string): Promise<void> {
    const happening = { id: nextUuid(), occurredAt: this.clock.nowMicros(), model, version };
    await this.append(...decidePromote(await this.registry(), happening));
  }
}

async function busyFolder(): Promise<Folder> {
  const folder = await Folder.make();
  await folder.append(registered(manifestOf({ x: 'float32' })));
  await folder.append(registered(manifestOf({ x: 'float32' }, { name: 'fraud' })));
  await folder.promote('flights', 'v1');
  await folder.traffic(30);
  await folder.append(registered(manifestOf({ x: 'float32', y: 'string' }, { version: 'v2' })));
  await folder.promote('flights', 'v2');
  await folder.traffic(30);
  await folder.project();
  await folder.append(registered(manifestOf({ x: 'float32', odd: 'int64' }, { version: 'v3' })));
  await folder.traffic(40);
  await folder.project();
  return folder;
}

/** The log's clock at the append that is `appends` before the last. */
const keep = (appends: number) => appends * 3_600_000_000;

describe('retention and the datasets', () => {
  it('changes no row and no version: datasets and registry are as before, now and after a rebuild', async () => {
    const folder = await busyFolder();
    const [tables, registry] = [await folder.tables(), await folder.registry()];
    const { dropped, oldestRecordedAt } = await folder.retain(keep(45));
    expect(dropped.segments).toBeGreaterThan(3);
    expect(dropped.events).toBeGreaterThan(800);
    expect(oldestRecordedAt).toBeGreaterThan(firstDayMicros + 100 * dayMicros + keep(40));
    expect(await folder.tables()).toEqual(tables);
    expect((await folder.registry()).models).toEqual(registry.models);

    const rebuilt = await rebuildProjections({
      dataDirectory: folder.data,
      reader: folder.log,
      clock: folder.clock,
    });
    expect(rebuilt).toMatchObject({ kind: 'projected', missingBefore: undefined });
    expect(await folder.tables()).toEqual(tables);
    await folder.traffic(5);
    await folder.project();
    const grown = await folder.tables();
    expect(grown[0]?.length).toBeGreaterThan(tables[0]?.length ?? 0);
    // Truths that came now reach predictions whose events are gone.
    await rebuildProjections({ dataDirectory: folder.data, reader: folder.log, clock: folder.clock });
    expect(await folder.tables()).toEqual(grown);
    await folder.log.close();
    expect((await verifyLog({ directory: join(folder.data, 'log') })).damage).toBeUndefined();
  });

  it('makes what the log still has, and says what is missing, when the datasets are gone', async () => {
    const folder = await busyFolder();
    const tables = await folder.tables();
    await folder.retain(keep(45));
    const [registry, { firstPosition }] = [await folder.registry(), await folder.log.head()];
    await rm(datasetsDirectory(folder.data), { recursive: true });
    // All of it from the log: first as a tail, then projected.
    expect((await folder.registry()).models).toEqual(registry.models);
    const tail = await folder.tables();
    const result = await projectAvailable({ dataDirectory: folder.data, reader: folder.log });
    expect(result).toMatchObject({ kind: 'projected', missingBefore: firstPosition });
    const kept = await folder.tables();
    expect(kept).toEqual(tail);
    const fromThere = (rows: unknown[][] | undefined) =>
      rows?.filter(([position]) => Number(position) >= firstPosition);
    // Truths from outcomes that were dropped are not there, all else is.
    const withoutTruth = (rows: unknown[][] | undefined) => rows?.map((row) => row.slice(0, -2));
    for (const table of [0, 1]) {
      expect(withoutTruth(kept[table])).toEqual(withoutTruth(fromThere(tables[table])));
    }
    expect(kept[2]).toEqual(fromThere(tables[2]));
    expect(kept[5]).toEqual(tables[5]);
    expect((await readManifest(datasetsDirectory(folder.data))).missingBefore).toBe(firstPosition);
    await folder.log.close();
  });

  it('refuses to rebuild from damaged datasets what they alone have, until told to give it up', async () => {
    const folder = await busyFolder();
    await folder.retain(keep(45));
    const { firstPosition } = await folder.log.head();
    const directory = datasetsDirectory(folder.data);
    const [part] = (await readManifest(directory)).models[0]?.parts ?? [];
    await writeFile(join(directory, part?.path ?? ''), 'not a part');
    const options = { dataDirectory: folder.data, reader: folder.log, clock: folder.clock };
    const refused = {
      code: 'DATASET_NOT_REBUILDABLE',
      message: expect.stringContaining(`before position ${firstPosition}`),
    };
    await expect(rebuildProjections(options)).rejects.toMatchObject(refused);
    await writeFile(join(directory, 'manifest.json'), '{');
    await expect(rebuildProjections(options)).rejects.toMatchObject(refused);
    expect(await rebuildProjections({ ...options, acceptLoss: true })).toMatchObject({
      kind: 'projected',
      missingBefore: firstPosition,
    });
    expect((await folder.tables())[0]?.length).toBeGreaterThan(100);
    await folder.log.close();
  });

  it('rebuilds once more when retention drops what is being read', async () => {
    const folder = await busyFolder();
    const tables = await folder.tables();
    let retained = false;
    const codes: string[] = [];
    const reader = {
      ...folder.log,
      read: async function* read(query: ReadQuery = {}) {
        try {
          for await (const batch of folder.log.read(query)) {
            yield batch;
            if (retained || query.types !== undefined) continue;
            retained = true;
            await folder.retain(keep(20));
          }
        } catch (error) {
          codes.push(error instanceof HindcastError ? error.code : String(error));
          throw error;
        }
      },
    };
    const options = { dataDirectory: folder.data, reader, clock: folder.clock };
    await folder.retain(keep(60));
    expect(await rebuildProjections(options)).toMatchObject({ kind: 'projected' });
    expect(codes).toEqual(['LOG_DROPPED']);
    expect(await folder.tables()).toEqual(tables);
    await folder.log.close();
  });

  it('drops nothing that is not projected yet', async () => {
    const folder = await busyFolder();
    await folder.traffic(60);
    const { dropped, plan } = await folder.retain(1);
    const { checkpoint } = await readManifest(datasetsDirectory(folder.data));
    expect(dropped.events).toBeLessThanOrEqual(checkpoint);
    expect(plan.waiting.length).toBeGreaterThan(3);
    await folder.project();
    expect((await folder.retain(1)).plan.waiting).toEqual([]);
    await folder.log.close();
  });

  it('keeps no event much longer than asked, however little traffic there is', async () => {
    const folder = await Folder.make();
    await folder.log.close();
    // This traffic would fill a segment in years.
    const options = { directory: join(folder.data, 'log'), clock: folder.clock, segmentBytes: 1024 * 1024 };
    folder.log = await openSegmentLog(options);
    await folder.append(registered(manifestOf({ x: 'float32' })));
    await folder.append(registered(manifestOf({ x: 'float32' }, { name: 'fraud' })));
    await folder.promote('flights', 'v1');
    for (let day = 0; day < 40; day += 1) {
      await folder.append(predicted());
      folder.clock.advance(dayMicros - 3_600_000_000);
      await folder.project();
      const { oldestRecordedAt = 0 } = await folder.retain(8 * dayMicros);
      expect(folder.clock.nowMicros() - oldestRecordedAt).toBeLessThanOrEqual(10 * dayMicros);
    }
    // Nor when nothing comes at all; and a quiet log does not grow by being looked at.
    folder.clock.advance(30 * dayMicros);
    await folder.project();
    await folder.retain(8 * dayMicros);
    const { firstPosition, nextPosition } = await folder.log.head();
    expect(nextPosition - firstPosition).toBe(1);
    for (let look = 0; look < 5; look += 1) await folder.retain(8 * dayMicros);
    expect((await folder.log.head()).nextPosition).toBe(nextPosition);
    expect(servingVersion(await folder.registry(), 'flights')).toBe('v1');
    expect((await folder.tables())[0]).toHaveLength(40);
    await folder.log.close();
    expect((await verifyLog({ directory: join(folder.data, 'log') })).damage).toBeUndefined();
  });

  it('keeps which version served at any instant, over many drops and restarts', async () => {
    const folder = await busyFolder();
    const instants = Array.from({ length: 30 }, (_, at) => firstDayMicros + 100 * dayMicros + keep(at * 5));
    const served = async () => {
      const registry = await folder.registry();
      return instants.map((instant) => servingVersion(registry, 'flights', instant));
    };
    const before = await served();
    expect(new Set(before).size).toBe(3);
    const happening = { id: nextUuid(), occurredAt: folder.clock.nowMicros() };
    await folder.append(
      ...decideRetire(await folder.registry(), { ...happening, model: 'flights', version: 'v1' }),
    );
    for (let round = 0; round < 4; round += 1) {
      await folder.traffic(20);
      await folder.project();
      await folder.retain(keep(10));
      await folder.log.close();
      folder.log = await openSegmentLog({
        directory: join(folder.data, 'log'),
        clock: folder.clock,
        segmentBytes: 24 * 1024,
      });
      expect(await served()).toEqual(before);
      // The log alone says the same.
      await rm(datasetsDirectory(folder.data), { recursive: true });
      expect(await served()).toEqual(before);
      expect((await folder.registry()).models['flights']?.versions['v1']?.retired).toBe(true);
    }
    await folder.log.close();
  });

  it('takes another snapshot when a version is promoted while one is on its way', async () => {
    const folder = await busyFolder();
    const { log } = folder;
    let slipped = 0;
    const slipping: SegmentLog = {
      ...log,
      append: async (events) => {
        if (events[0]?.type === 'StateSnapshotted' && slipped < 2) {
          slipped += 1;
          await folder.promote('flights', slipped === 1 ? 'v3' : 'v1');
        }
        return await log.append(events);
      },
    };
    await applyRetention({
      dataDirectory: folder.data,
      log: slipping,
      clock: folder.clock,
      policy: { retainMicros: keep(45), retainBytes: undefined },
      configuration: {},
    });
    expect(slipped).toBe(2);
    await rm(datasetsDirectory(folder.data), { recursive: true });
    const registry = await folder.registry();
    expect(registry.models['flights']?.promotions.map((promotion) => promotion.version)).toEqual([
      'v1',
      'v2',
      'v3',
      'v1',
    ]);
    await log.close();
  });

  it('serves a reader in another process that holds an old manifest, and says so for a dropped event', async () => {
    const folder = await busyFolder();
    const reader = await openSegmentLogReader({ directory: join(folder.data, 'log') });
    const head = await reader.head();
    let overtaken = 0;
    // As a session that read the manifest just before the projector and retention went on.
    const late = {
      ...reader,
      head: async () => {
        if (overtaken > 0) return await reader.head();
        overtaken += 1;
        await folder.traffic(60);
        await folder.project();
        await folder.retain(keep(5));
        return head;
      },
    };
    const analytics = await openAnalytics({ dataDirectory: folder.data, reader: late });
    const [[count] = []] = await rowsOf(analytics, 'SELECT count(*) FROM predictions');
    expect(Number(count)).toBeGreaterThanOrEqual(100 * 12);
    const [[id] = []] = await rowsOf(
      analytics,
      'SELECT prediction_id FROM predictions ORDER BY position LIMIT 1',
    );
    await expect(showPrediction({ analytics, reader, id: String(id) })).rejects.toMatchObject({
      code: 'PREDICTION_DROPPED',
    });
    await analytics.close();
    await reader.close();
    await folder.log.close();
  });
});

describe('runRetention', () => {
  it('looks at once and then now and then, goes on after an error, and ends with the signal', async () => {
    const applied: AppliedRetention = {
      plan: { firstPosition: 0, drop: [], waiting: [], isLastDue: false, isLastExpired: false },
      dropped: { segments: 0, bytes: 0, events: 0 },
      oldestRecordedAt: undefined,
    };
    const stopping = new AbortController();
    const told: string[] = [];
    let looks = 0;
    await runRetention({
      apply: async () => {
        looks += 1;
        if (looks === 2) throw new Error('no room');
        return applied;
      },
      timers: {
        delay: async (ms) => {
          told.push(`${ms / 60_000} minutes`);
          if (looks === 3) stopping.abort();
        },
      },
      signal: stopping.signal,
      onApplied: () => told.push('looked'),
      onError: (error) => told.push(String(error)),
    });
    expect(told).toEqual(['looked', '10 minutes', 'Error: no room', '10 minutes', 'looked', '10 minutes']);
  });
});
