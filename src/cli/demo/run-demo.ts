import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { renderDrift } from '../../projections/drift/render-drift.js';
import { projectAvailable } from '../../projections/projector/project-available.js';
import { openSegmentLog } from '../../services/event-log/segment-log/segment-log.js';
import { systemClock } from '../../services/platform/clock.js';
import { loadConfig } from '../../services/platform/config.js';
import { errors } from '../../services/platform/errors.js';
import { createLogger } from '../../services/platform/logger.js';
import { driftReport } from '../commands/drift-command.js';
import { stopped } from '../commands/serve-command.js';
import { isoTime } from '../iso-time.js';
import { paint } from '../paint.js';
import { print } from '../print.js';
import { startProgress } from '../progress.js';
import type { ReplayRun } from '../publish-replay.js';
import { runReplayCommand } from '../run-replay-command.js';
import { startServer } from '../start-server.js';
import { textTable } from '../text-table.js';
import type { Workspace } from '../workspace.js';
import { dataPaths, embeddedLocation, withWorkspace } from '../workspace.js';
import { windowsUntil } from './flights-calendar.js';
import { readFlights } from './read-flights.js';
import { seedFlights } from './seed-flights.js';

/** What the demo folder holds, so that a second run knows whether it can go on. */
const DemoMarker = z.strictObject({ weeks: z.int() });

const examples = fileURLToPath(new URL('../../../examples/flights', import.meta.url));

export interface DemoOptions {
  readonly directory: string;
  /** The present instant, microseconds UTC. */
  readonly now: number;
  readonly fresh: boolean;
  /** End after the showing. */
  readonly once: boolean;
  readonly port: number | undefined;
  readonly signal: AbortSignal;
}

/** Seeds, shows replay, drift and SQL, and serves until the signal. */
export async function runDemo(options: DemoOptions): Promise<void> {
  const { directory, now, signal } = options;
  await seed(directory, now, options.fresh, signal);
  await withWorkspace(embeddedLocation(directory), (workspace) => show(workspace, now, signal));
  print(`\npeak memory so far ${Math.round(process.resourceUsage().maxRSS / 1024)} MB`);
  if (!options.once) await serve(directory, options.port, signal);
}

async function seed(directory: string, now: number, fresh: boolean, signal: AbortSignal): Promise<void> {
  const colours = paint(process.stdout);
  print(colours.bold('1. Seed: July to December of real flights, through the use case that serves'));
  const traffic = await readFlights(join(examples, 'traffic.parquet'), now);
  const { weeks } = traffic;
  await prepareFolder(directory, weeks, fresh);
  const paths = dataPaths(directory);
  const log = await openSegmentLog({ directory: paths.log, clock: systemClock });
  const progress = startProgress({ what: 'seeding', unit: 'flights', quiet: false });
  try {
    const seeded = await seedFlights({
      log,
      windows: windowsUntil(traffic.flights, now),
      firstAt: traffic.firstAt,
      total: traffic.flightsUntilNow,
      signal,
      artefactsDirectory: paths.artefacts,
      bundles: ['v1', 'v2', 'v3'].map((version) => join(examples, version)),
      onProgress: progress.update,
    });
    progress.stop();
    const rate = Math.round(seeded.predictions / Math.max(seeded.seconds, 0.001)).toLocaleString('en-US');
    const before =
      seeded.alreadySeeded === 0 ? '' : ` (${seeded.alreadySeeded} were there from an earlier run)`;
    print(
      `${seeded.predictions} predictions and ${seeded.outcomes} truths in ${seeded.seconds.toFixed(1)} s, ${rate} predictions/s${before}; calendar moved by ${weeks} weeks`,
    );
    const projecting = startProgress({ what: 'projecting', unit: 'events', quiet: false });
    const started = performance.now();
    const result = await projectAvailable({
      dataDirectory: directory,
      reader: log,
      signal,
      onProgress: ({ done, total }) => projecting.update(done, total),
    });
    projecting.stop();
    if (result.kind !== 'busy')
      print(
        `datasets hold everything before position ${result.position} (${((performance.now() - started) / 1000).toFixed(1)} s)`,
      );
  } finally {
    progress.stop();
    await traffic.close();
    await log.close();
  }
}

/** Resumes, or starts over when the calendar has to be moved further than an earlier run moved it; says which. */
async function prepareFolder(directory: string, weeks: number, fresh: boolean): Promise<void> {
  const marker = join(directory, 'demo.json');
  const present = existsSync(marker)
    ? DemoMarker.parse(JSON.parse(await readFile(marker, 'utf8')))
    : undefined;
  if (present === undefined && existsSync(dataPaths(directory).log)) {
    throw errors.USAGE_INVALID({
      problem: `${directory} holds a log that is not the demo's; name another folder with --data.`,
    });
  }
  if (present !== undefined && (fresh || present.weeks !== weeks)) {
    print(
      fresh
        ? `starting over, as asked, in ${directory}`
        : `starting over in ${directory}: the calendar moved by ${weeks - present.weeks} weeks since the last run`,
    );
    await rm(directory, { recursive: true, force: true });
  } else {
    print(present === undefined ? `starting in ${directory}` : `resuming in ${directory}`);
  }
  await mkdir(directory, { recursive: true });
  await writeFile(marker, `${JSON.stringify({ weeks })}\n`);
}

async function show(workspace: Workspace, now: number, signal: AbortSignal): Promise<void> {
  const colours = paint(process.stdout);
  const replay = async (model: string, days: number): Promise<ReplayRun> => {
    const progress = startProgress({
      what: `replaying ${model} over ${days} days`,
      unit: 'rows',
      quiet: !process.stderr.isTTY,
    });
    try {
      return await runReplayCommand(
        workspace,
        {
          model,
          control: 'recorded',
          fromMicros: now - days * 86_400_000_000,
          untilMicros: now,
          expect: 'no-worse',
          seed: 0,
          missingFeature: 'fail',
          reports: ['json', 'html'],
          out: join(dataPaths(workspace.directory).reports, `${model}-${days}d`),
        },
        { paint: colours, signal, onProgress: ({ rows, total }) => progress.update(rows, total) },
      );
    } finally {
      progress.stop();
    }
  };

  print(
    colours.bold(
      '\n2. Replay: is v2 safe to ship? The last 7, 30, 90 and 180 days, judged on what really happened',
    ),
  );
  const runs: ReplayRun[] = [];
  for (const days of [7, 30, 90, 180]) runs.push(await replay('v2', days));
  print(
    textTable(
      ['v2 over', 'exit', 'verdict', 'seconds', 'rows/s'],
      runs.map((run, index) => [
        `${[7, 30, 90, 180][index]} days`,
        String(run.exitCode),
        run.report.verdict,
        ((run.timings?.totalMicros ?? 0) / 1e6).toFixed(2),
        Math.round(run.timings?.rowsPerSecond ?? 0).toLocaleString('en-US'),
      ]),
    ),
  );
  const longest = runs.at(-1);
  if (longest !== undefined) print(`\n${longest.text}`);

  print(colours.bold('\n3. Replay: and v3, the same model with one feature in other units?'));
  const slipped = await replay('v3', 30);
  print(slipped.text);
  print(
    `exit ${slipped.exitCode}; pages: ${slipped.written.filter((path) => path.endsWith('.html')).join(', ')}`,
  );

  print(colours.bold('\n4. Drift: the last 30 days against what training saw'));
  print(
    renderDrift(
      await driftReport(workspace, { since: isoTime(now - 30 * 86_400_000_000), until: isoTime(now) }, now),
      colours,
    ),
  );

  print(colours.bold('\n5. SQL over the same log'));
  const query = `select in_origin, count(*) as flights, round(avg(truth), 3) as late, round(avg(out_score), 3) as predicted from flights group by 1 order by 1`;
  print(`hindcast sql --data ${workspace.directory} "${query}"`);
  const result = await (await workspace.analytics()).query(query);
  const rows: string[][] = [];
  for await (const row of result.rows) rows.push(row.map(String));
  print(
    textTable(
      result.columns.map((column) => column.name),
      rows,
    ),
  );
}

async function serve(directory: string, port: number | undefined, signal: AbortSignal): Promise<void> {
  const { config } = loadConfig({ data: directory, port });
  // The demo's log is in its folder, whatever the configuration says.
  const server = await startServer(
    { ...config, log: { ...config.log, url: undefined } },
    createLogger(config.logLevel),
  );
  const inputs =
    '{"carrier":"UA","origin":"EWR","dest":"IAH","sched_dep_minute":315,"day_of_week":2,"distance":1400,"sched_elapsed_minutes":227,"temp":39.0}';
  print(paint(process.stdout).bold(`\n6. Serving on ${server.url}: try it`));
  print(
    `curl -s ${server.url}/v1/models/flights/predict -H 'content-type: application/json' -d '{"key":"my-flight","inputs":${inputs}}'`,
  );
  print(
    `curl -s ${server.url}/v1/outcomes -H 'content-type: application/json' -d '{"key":"my-flight","truth":1}'`,
  );
  print(`curl -s ${server.url}/metrics | grep ^hindcast_`);
  print(
    `npx hindcast sql --data ${directory} "select prediction_id, out_score, truth from flights where key = 'my-flight'"`,
  );
  print(`API documentation: ${server.url}/docs      Ctrl-C stops`);
  await stopped(signal);
  await server.stop();
}
