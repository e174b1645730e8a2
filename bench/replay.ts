import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createRecordedPredictions } from '../src/projections/datasets/create-recorded-predictions.js';
import { addModel } from '../src/cli/add-model.js';
import { runReplayCommand } from '../src/cli/run-replay-command.js';
import { embeddedLocation, withAppender, withWorkspace } from '../src/cli/workspace.js';
import { requireVersion } from '../src/services/inference/registry.js';
import { systemClock } from '../src/services/platform/clock.js';
import { root } from './support/root.js';
import type { SeededFlights } from './support/seeded-flights.js';
import { seededFlights } from './support/seeded-flights.js';
import { markdownTable, median, rounded } from './support/statistics.js';

const rounds = Number(process.env['BENCH_ROUNDS'] ?? 3);
/** Each flight so many times: about 2 million rows. */
const copies = 12;

/**
 * Rows a second of whole replays against the least that they have to do: running the model on rows in memory, or reading the columns.
 * Takes about four minutes, most of them for the traffic.
 */
export async function runReplayBench(): Promise<string> {
  const flights = await seededFlights(copies);
  try {
    await addLinear(flights.directory);
    process.stderr.write(`${flights.seeded.predictions} rows are there\n`);
    return [await treesTable(flights), await linearTable(flights)].join('\n\n');
  } finally {
    await rm(flights.directory, { recursive: true, force: true });
  }
}

/** Boosted trees, where the model takes most of the time. */
async function treesTable(flights: SeededFlights): Promise<string> {
  const version = 'v2';
  const bareLoop = await startBareLoop(flights, version);
  const bare: number[] = [];
  const one: Rates[] = [];
  const two: Rates[] = [];
  // The first round warms all sides.
  for (let round = 0; round <= rounds; round += 1) {
    process.stderr.write(`boosted trees, round ${round}\n`);
    const rates = {
      bare: await bareLoop.rowsPerSecond(),
      one: await wholeReplay(flights, version, 1),
      two: await wholeReplay(flights, version, 2),
    };
    if (round === 0) continue;
    bare.push(rates.bare);
    one.push(rates.one);
    two.push(rates.two);
  }
  bareLoop.stop();
  const against = (whole: readonly Rates[], of: readonly number[], pick: (rates: Rates) => number): string =>
    rounded(median(whole.map((rates, round) => pick(rates) / (of[round] ?? Infinity))), 2);
  const engine = ({ engineRate }: Rates): number => engineRate;
  const rate = (rates: readonly Rates[], pick: (of: Rates) => number): string =>
    rounded(median(rates.map(pick)));
  return markdownTable(
    [`boosted trees, ${rounded(flights.seeded.predictions)} rows`, 'rows/s', 'ratio', 'wanted'],
    [
      ['bare session.run, rows in memory', rounded(median(bare)), '', ''],
      ['replay, one worker', rate(one, engine), `${against(one, bare, engine)} × bare`, '≥ 0.85'],
      [
        'the same with opening the folder and recording the result',
        rate(one, (of) => of.rate),
        `${against(one, bare, (of) => of.rate)} × bare`,
        '',
      ],
      [
        'replay, two workers',
        rate(two, engine),
        `${against(two, bare, engine)} × bare, ${against(two, one.map(engine), engine)} × one worker`,
        '≥ 0.7, ≥ 1.5',
      ],
    ],
  );
}

/** A linear model on one matrix, where reading takes most of the time. */
async function linearTable(flights: SeededFlights): Promise<string> {
  const version = 'linear';
  const scans: number[] = [];
  const whole: Rates[] = [];
  for (let round = 0; round <= rounds; round += 1) {
    process.stderr.write(`linear matrix, round ${round}\n`);
    const scan = await scanColumns(flights, version);
    const rates = await wholeReplay(flights, version, 1);
    if (round === 0) continue;
    scans.push(scan);
    whole.push(rates);
  }
  const ratio = median(whole.map(({ engineRate }, round) => engineRate / (scans[round] ?? Infinity)));
  return markdownTable(
    [`linear matrix model, ${rounded(flights.seeded.predictions)} rows`, 'rows/s', 'ratio', 'wanted'],
    [
      ['the same columns from Parquet into typed arrays', rounded(median(scans)), '', ''],
      [
        'replay, one worker',
        rounded(median(whole.map(({ engineRate }) => engineRate))),
        `${rounded(ratio, 2)} × scanning`,
        '≥ 0.5',
      ],
    ],
  );
}

/** The benchmark's own model is registered beside those of the example; reference rows are the example's. */
async function addLinear(directory: string): Promise<void> {
  const bundle = join(directory, 'linear-bundle');
  const from = join(root, 'bench', 'support', 'linear-matrix');
  await mkdir(bundle);
  for (const file of ['model.onnx', 'model.yaml']) await copyFile(join(from, file), join(bundle, file));
  await copyFile(
    join(root, 'examples', 'flights', 'v2', 'reference.parquet'),
    join(bundle, 'reference.parquet'),
  );
  await withAppender(embeddedLocation(directory), async ({ appender, registry, artefacts }) => {
    await addModel({ bundle, registry, artefacts, appender, clock: systemClock });
  });
}

async function scanColumns(flights: SeededFlights, version: string): Promise<number> {
  return withWorkspace(embeddedLocation(flights.directory), async (workspace) => {
    const { manifest } = requireVersion(await workspace.registry(), 'flights', version);
    const recorded = createRecordedPredictions(await workspace.analytics());
    const started = performance.now();
    let rows = 0;
    for await (const batch of recorded.read({
      model: 'flights',
      occurredFrom: flights.fromMicros,
      occurredUntil: flights.untilMicros,
      features: manifest.features.map(({ name }) => name),
      outputs: ['label', 'score'],
    })) {
      rows += batch.rows;
      batch.release();
    }
    return rows / ((performance.now() - started) / 1000);
  });
}

interface Rates {
  /** Of everything that the command does. */
  readonly rate: number;
  /** Of plan, reading, running, noise floor and judging. */
  readonly engineRate: number;
}

async function wholeReplay(flights: SeededFlights, version: string, workers: number): Promise<Rates> {
  const started = performance.now();
  const run = await withWorkspace(embeddedLocation(flights.directory), (workspace) =>
    runReplayCommand(
      workspace,
      {
        model: version,
        control: 'recorded',
        fromMicros: flights.fromMicros,
        untilMicros: flights.untilMicros,
        expect: 'no-worse',
        seed: 0,
        missingFeature: 'fail',
        workers,
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

interface BareLoop {
  rowsPerSecond(): Promise<number>;
  stop(): void;
}

/** In a process of its own: two million rows as tensors are six million strings, which would slow the collector of a replay beside them. */
async function startBareLoop(flights: SeededFlights, version: string): Promise<BareLoop> {
  const child = fork(join(import.meta.dirname, 'bare-run-process.js'), [
    flights.directory,
    version,
    String(flights.fromMicros),
    String(flights.untilMicros),
  ]);
  await answerOf(child);
  return {
    rowsPerSecond: async () => {
      child.send('run');
      return answerOf(child);
    },
    stop: () => {
      child.disconnect();
    },
  };
}

async function answerOf(child: ChildProcess): Promise<number> {
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the process of the bare loop ended with ${String(code)}`);
  });
  const [answer]: unknown[] = await Promise.race([once(child, 'message'), ended]);
  return Number(answer);
}
