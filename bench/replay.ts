import { rm } from 'node:fs/promises';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { createRecordedPredictions } from '../src/projections/datasets/create-recorded-predictions.js';
import { runReplayCommand } from '../src/cli/run-replay-command.js';
import { embeddedLocation, withWorkspace } from '../src/cli/workspace.js';
import type { Workspace } from '../src/cli/workspace.js';
import { requireVersion } from '../src/services/inference/registry.js';
import type { Column } from '../src/schemas/columns.js';
import type { ModelManifest } from '../src/schemas/model-manifest.js';
import type { SeededFlights } from './support/seeded-flights.js';
import { seededFlights } from './support/seeded-flights.js';
import { markdownTable, median, rounded } from './support/statistics.js';

const batchRows = 4_096;
const rounds = 3;

/** Rows a second of a whole replay of v2, one worker, against bare `session.run` on the same rows already in memory. */
export async function runReplayBench(): Promise<string> {
  const rows: string[][] = [];
  for (const copies of [1, 5]) rows.push(...(await measured(copies)));
  return markdownTable(['rows', 'what', 'rows/s', 'ratio'], rows);
}

async function measured(copies: number): Promise<string[][]> {
  const version = 'v2';
  const flights = await seededFlights(copies);
  try {
    const bare: number[] = [];
    const whole: number[] = [];
    const engine: number[] = [];
    const feeds = await withWorkspace(embeddedLocation(flights.directory), (workspace) =>
      tensorsOf(workspace, flights, version),
    );
    for (let round = 0; round <= rounds; round += 1) {
      const bareRate = await bareRun(flights, version, feeds);
      const replayed = await wholeReplay(flights, version);
      // The first round warms both sides.
      if (round === 0) continue;
      bare.push(bareRate);
      whole.push(replayed.rate);
      engine.push(replayed.engineRate);
    }
    const baseline = median(bare);
    const rows = rounded(flights.seeded.predictions);
    return [
      [rows, 'bare session.run, rows in memory', rounded(baseline), ''],
      [
        rows,
        'replay: plan, read, run, judge, noise floor',
        rounded(median(engine)),
        rounded(median(engine) / baseline, 2),
      ],
      [
        rows,
        'the same with opening the folder and recording the result',
        rounded(median(whole)),
        rounded(median(whole) / baseline, 2),
      ],
    ];
  } finally {
    await rm(flights.directory, { recursive: true, force: true });
  }
}

async function wholeReplay(
  flights: SeededFlights,
  version: string,
): Promise<{ rate: number; engineRate: number }> {
  const started = performance.now();
  const run = await withWorkspace(embeddedLocation(flights.directory), (workspace) =>
    runReplayCommand(
      workspace,
      {
        model: version,
        // v1's own record is left out of a replay of v1, so v1 is compared with v2 run now.
        control: 'recorded',
        fromMicros: flights.fromMicros,
        untilMicros: flights.untilMicros,
        expect: 'no-worse',
        seed: 0,
        missingFeature: 'fail',
        reports: [],
        out: flights.directory,
      },
      { paint: plain, signal: new AbortController().signal, onProgress: () => undefined },
    ),
  );
  const seconds = (performance.now() - started) / 1000;
  const rows = run.report.waterfall.recorded;
  return { rate: rows / seconds, engineRate: (rows * 1e6) / (run.timings?.totalMicros ?? Number.NaN) };
}

const same = (text: string): string => text;
const plain = { good: same, bad: same, warn: same, dim: same, bold: same };

type Feeds = readonly Record<string, Tensor>[];

/** The recorded inputs as tensors, read before anything is measured. */
async function tensorsOf(workspace: Workspace, flights: SeededFlights, version: string): Promise<Feeds> {
  const { manifest } = requireVersion(await workspace.registry(), 'flights', version);
  const recorded = createRecordedPredictions(await workspace.analytics());
  const feeds: Record<string, Tensor>[] = [];
  for await (const batch of recorded.read({
    model: 'flights',
    occurredFrom: flights.fromMicros,
    occurredUntil: flights.untilMicros,
    features: manifest.features.map((feature) => feature.name),
    outputs: [],
  })) {
    for (let from = 0; from < batch.rows; from += batchRows) {
      feeds.push(feedOf(manifest, batch.inputs, from, Math.min(batch.rows, from + batchRows)));
    }
  }
  return feeds;
}

function feedOf(
  manifest: ModelManifest,
  inputs: { readonly [feature: string]: Column },
  from: number,
  until: number,
): Record<string, Tensor> {
  const shape = [until - from, 1];
  return Object.fromEntries(
    manifest.features.map(({ name, tensor }): [string, Tensor] => {
      const column = inputs[name];
      if (column?.kind === 'dictionary') {
        return [
          tensor,
          new Tensor(
            'string',
            Array.from(column.codes.subarray(from, until), (code) => column.dictionary[code] ?? ''),
            shape,
          ),
        ];
      }
      if (column?.kind !== 'number') throw new Error(`${name} came as ${column?.kind}`);
      const values = Float32Array.from(column.values.subarray(from, until), (value, index) =>
        column.valid?.[from + index] === 0 ? Number.NaN : value,
      );
      return [tensor, new Tensor('float32', values, shape)];
    }),
  );
}

async function bareRun(flights: SeededFlights, version: string, feeds: Feeds): Promise<number> {
  const path = await withWorkspace(embeddedLocation(flights.directory), async (workspace) =>
    workspace.artefacts.path(
      requireVersion(await workspace.registry(), 'flights', version).artefacts.model.sha256,
    ),
  );
  const session = await InferenceSession.create(path, {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
  });
  const started = performance.now();
  let rows = 0;
  for (const feed of feeds) {
    await session.run(feed);
    rows += Object.values(feed)[0]?.dims[0] ?? 0;
  }
  const seconds = (performance.now() - started) / 1000;
  await session.release();
  return rows / seconds;
}
