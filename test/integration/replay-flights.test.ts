import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRecordedPredictions } from '../../src/projections/datasets/create-recorded-predictions.js';
import type { Analytics } from '../../src/projections/datasets/open-analytics.js';
import { openAnalytics } from '../../src/projections/datasets/open-analytics.js';
import { openDuckDb } from '../../src/projections/duckdb/open-duckdb.js';
import { projectAvailable } from '../../src/projections/projector/project-available.js';
import type { ReplayOptions } from '../../src/replay/replay-options.js';
import { reportJson } from '../../src/replay/report/report-json.js';
import { renderHtmlReport } from '../../src/replay/report/report-html.js';
import { defaultRules } from '../../src/replay/judging/gate-rules.js';
import { runReplay } from '../../src/replay/run-replay.js';
import type { Column } from '../../src/schemas/columns.js';
import type { NewEvent } from '../../src/schemas/events.js';
import { streamOf } from '../../src/schemas/events.js';
import type { EventLog } from '../../src/services/event-log/event-log.js';
import { createMemoryLog } from '../../src/services/event-log/memory-log.js';
import { featureSchemaDigest } from '../../src/services/inference/feature-schema-digest.js';
import type { InferenceModel } from '../../src/services/inference/inference-model.js';
import { loadOnnxModel } from '../../src/services/inference/onnx-adapter.js';
import type { Bundle } from '../../src/services/inference/read-bundle.js';
import { readBundle } from '../../src/services/inference/read-bundle.js';
import { manualClock } from '../../src/services/platform/clock.js';
import { memorySpill } from '../support/memory-spill.js';
import { nextUuid, observed } from '../support/projection-events.js';
import { root } from '../support/run-command.js';
import { rowsOf } from '../support/projected-log.js';
import { temporaryFolder } from '../support/temporary-folder.js';

// The real models on real flights of July 2013, which v1 served: through the log, the datasets and DuckDB.
const versions = ['v1', 'v2', 'v3'] as const;
const flights = 4000;
const july = { fromMicros: Date.UTC(2013, 6, 1) * 1000, untilMicros: Date.UTC(2013, 7, 1) * 1000 };

let log: EventLog;
let folder: string;
let analytics: Analytics;
const bundles = new Map<string, Bundle & { readonly digest: string }>();

beforeAll(async () => {
  for (const version of versions) {
    const bundle = await readBundle(join(root, 'examples', 'flights', version));
    const digest = createHash('sha256')
      .update(await readFile(bundle.modelPath))
      .digest('hex');
    bundles.set(version, { ...bundle, digest });
  }
  folder = await temporaryFolder();
  log = createMemoryLog({ clock: manualClock(july.untilMicros) });
  await log.append(versions.map(registration));
  await log.append(await served());
  await projectAvailable({ dataDirectory: folder, reader: log });
  analytics = await openAnalytics({ dataDirectory: folder, reader: log });
}, 60_000);

afterAll(async () => {
  await analytics.close();
  await log.close();
});

function bundleOf(version: string) {
  const bundle = bundles.get(version);
  if (bundle === undefined) throw new Error(`no ${version}`);
  return bundle;
}

function load(version: string): Promise<InferenceModel> {
  const { manifest, modelPath, digest } = bundleOf(version);
  return loadOnnxModel({
    manifest,
    modelPath,
    artefactDigest: digest,
    featureSchemaDigest: featureSchemaDigest(manifest),
  });
}

function registration(version: string): NewEvent {
  const { manifest, digest } = bundleOf(version);
  return {
    type: 'ModelRegistered',
    schemaVersion: 1,
    id: nextUuid(),
    stream: streamOf('registry', 'flights'),
    occurredAt: july.fromMicros,
    data: {
      manifest,
      featureSchemaDigest: featureSchemaDigest(manifest),
      artefacts: { model: { sha256: digest, bytes: 1 } },
    },
  };
}

/** Predictions of v1 with the weather that only v2 knows, and their truths: a spread sample of the month. */
async function served(): Promise<NewEvent[]> {
  const database = await openDuckDb({ temporaryDirectory: folder });
  const features = bundleOf('v2').manifest.features.map(({ name }) => name);
  const rows = await database.rows(
    `SELECT epoch_us(scheduled_at)::DOUBLE, key, late::DOUBLE, ${features.join(', ')}
     FROM read_parquet('${join(root, 'examples', 'flights', 'traffic.parquet')}')
     WHERE scheduled_at >= '2013-07-01' AND scheduled_at < '2013-08-01' ORDER BY md5(key) LIMIT ${flights}`,
  );
  await database.close();
  const model = await load('v1');
  const columns = Object.fromEntries(
    features.map((name, index) => [name, columnOf(rows.map((row) => row[index + 3]))]),
  );
  const { outputs } = await model.run({ rows: rows.length, columns });
  await model.close();
  const events: NewEvent[] = [];
  for (const [row, [at, key, late, ...values]] of rows.entries()) {
    const id = nextUuid();
    events.push({
      type: 'PredictionServed',
      schemaVersion: 1,
      id,
      stream: streamOf('prediction', 'flights'),
      occurredAt: Number(at),
      data: {
        requestId: `request-${row}`,
        row: 0,
        key: String(key),
        model: 'flights',
        version: 'v1',
        provenance: model.servedBy,
        batchRows: rows.length,
        latency: { queueMicros: 1, inferenceMicros: 1 },
        outputs: { label: numberAt(outputs['label'], row), score: numberAt(outputs['score'], row) },
        durability: 'durable',
      },
      sensitive: {
        inputs: Object.fromEntries(
          features.map((name, index) => [
            name,
            typeof values[index] === 'bigint' ? Number(values[index]) : (values[index] ?? null),
          ]),
        ),
      },
    });
    if (late !== null)
      events.push(observed({ predictionId: id }, Number(late), { observedAt: Number(at) + 1 }));
  }
  return events;
}

function columnOf(values: readonly unknown[]): Column {
  const valid = Uint8Array.from(values, (value) => (value === null ? 0 : 1));
  return values.some((value) => typeof value === 'string')
    ? { kind: 'text', values: values.map(String), valid }
    : { kind: 'number', values: Float64Array.from(values, Number), valid };
}

function numberAt(column: Column | undefined, row: number): number {
  if (column?.kind !== 'number') throw new Error('expected numbers');
  return column.values[row] ?? Number.NaN;
}

function options(changes: Partial<ReplayOptions> = {}): ReplayOptions {
  return {
    model: 'flights',
    recorded: createRecordedPredictions(analytics),
    loadModel: load,
    manifests: new Map(versions.map((version) => [version, bundleOf(version).manifest])),
    control: 'recorded',
    candidate: 'v2',
    range: july,
    expect: 'no-worse',
    seed: 0,
    missingFeature: 'fail',
    makeSpill: memorySpill,
    ...changes,
  };
}

describe('a replay of July over the datasets', () => {
  it('passes v2, whose record v1 reproduces', async () => {
    const report = await runReplay(options());
    expect(report.noiseFloor).toMatchObject({
      kind: 'measured',
      versions: [{ version: 'v1', reproduced: true }],
    });
    expect(report.verdict).toBe('PASS');
    expect(report.waterfall.recorded).toBe(flights);
    expect(report.waterfall.judged).toBeGreaterThan(0.9 * flights);
    expect(report.worst.rows[0]?.inputs).toHaveProperty('carrier');
    expect(report.worst.rows[0]?.key).toMatch(/^2013/);
    expect(Number(report.log.position)).toBeGreaterThan(0);
    expect(Number(report.log.position)).toBeLessThanOrEqual(analytics.position);
    expect(report.reproduce).toContain(`--as-of ${report.knownUntil}`);
    expect(renderHtmlReport(report).length).toBeLessThan(500_000);
  });

  it('fails v3, which is given its departure time in other units', async () => {
    const report = await runReplay(options({ candidate: 'v3' }));
    expect(report.verdict).toBe('FAIL');
    expect(report.gates[0]?.interval?.lower).toBeGreaterThan(0);
  });

  it('is invalid for v1 against its own traffic', async () => {
    const report = await runReplay(options({ candidate: 'v1' }));
    expect(report.verdict).toBe('INVALID');
    expect(report.waterfall).toMatchObject({ servedByCandidate: flights, compared: 0 });
  });

  it('gives the same bytes again, also from another session', async () => {
    const once = reportJson(await runReplay(options()));
    const other = await openAnalytics({ dataDirectory: folder, reader: log });
    try {
      expect(reportJson(await runReplay(options({ recorded: createRecordedPredictions(other) })))).toBe(once);
    } finally {
      await other.close();
    }
  });

  it('compares only what the condition names', async () => {
    const report = await runReplay(options({ where: "in_origin = 'JFK'" }));
    expect(report.waterfall.recorded).toBeGreaterThan(500);
    expect(report.waterfall.recorded).toBeLessThan(flights / 2);
    expect(report.worst.rows.every((row) => row.inputs['origin'] === 'JFK')).toBe(true);
  });

  it('leaves out and counts what an exception names, rows without the value staying in', async () => {
    const ignore = [
      { where: "in_origin = 'JFK'", reason: 'known', until: '2013-08-01' },
      { where: 'in_wind_gust > 20', reason: 'known too', until: '2013-08-01' },
    ];
    const report = await runReplay(options({ ignore, where: "in_carrier <> 'UA'" }));
    const [counts] = await rowsOf(
      analytics,
      `SELECT count(*), count(*) FILTER (in_origin = 'JFK' OR coalesce(in_wind_gust > 20, false)) FROM flights WHERE in_carrier <> 'UA'`,
    );
    expect([report.waterfall.recorded, report.waterfall.ignored]).toEqual(counts?.map(Number));
    expect(report.waterfall.ignored).toBeGreaterThan(500);
    expect(report.waterfall.compared).toBe(report.waterfall.recorded - report.waterfall.ignored);
  });

  it('runs two versions side by side that neither served', async () => {
    const report = await runReplay(options({ control: { version: 'v2' }, candidate: 'v3' }));
    expect(report.verdict).toBe('FAIL');
    expect(report.control.versions[0]).toMatchObject({ version: 'v2', digest: bundleOf('v2').digest });
  });

  it('tells what it is worth when the weather goes away', async () => {
    const calm = { temp: null, dewp: null, humid: null, wind_dir: null, wind_speed: null, wind_gust: null };
    const report = await runReplay(options({ set: { ...calm, precip: null, pressure: null, visib: null } }));
    const withWeather = await runReplay(options());
    expect(report.settings.given).toContain('temp = null');
    expect(report.metrics[0]?.candidate).toBeGreaterThan(withWeather.metrics[0]?.candidate ?? Number.NaN);
  });
});

it.each([
  [1_000, 'PASS'],
  [0.001, 'FAIL'],
] as const)(
  'holds the time for one row against %s times that of the control: %s',
  async (latencyRatio, verdict) => {
    const rules = { ...defaultRules, latencyRatio };
    const report = await runReplay(options({ rules, expect: 'anything' }));
    expect(report.gates).toMatchObject([{ name: 'latency', verdict, rows: 256, limit: latencyRatio }]);
    expect(report.verdict).toBe(verdict);
    expect(report.notJudged.map(({ what }) => what)).not.toContain('latency');
    const [gate] = report.gates;
    expect(gate?.estimate).toBeGreaterThan(gate?.interval?.lower ?? Infinity);
  },
);
