import { mkdir, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { replayCompletedEvent } from '../replay/replay-completed-event.js';
import { renderReport } from '../replay/report/render-report.js';
import type { ReplayReport } from '../replay/report/report-schema.js';
import { renderTerminalReport } from '../replay/report/report-terminal.js';
import type { ReplayProgress, ReplayTimings } from '../replay/replay-options.js';
import { spillFile } from '../replay/ranking/spill-file.js';
import { runReplay } from '../replay/run-replay.js';
import { exitCodeOf } from '../replay/exit-code.js';
import type { LogHead } from '../services/event-log/event-log.js';
import { requireVersion } from '../services/inference/registry.js';
import { loadModelInWorker } from '../services/inference/worker-model.js';
import { systemClock } from '../services/platform/clock.js';
import { HindcastError } from '../services/platform/errors.js';
import { newId } from '../services/platform/new-id.js';
import { loadOptions } from './load-version.js';
import { packageVersion } from './package-version.js';
import type { Paint } from './paint.js';
import type { ReplayRequest } from './replay-request.js';
import { planOptionsOf } from './replay-request.js';
import { withAppender } from './workspace.js';
import type { DataLocation, Workspace } from './workspace.js';

export interface ReplayRun {
  readonly report: ReplayReport;
  readonly exitCode: number;
  readonly text: string;
  readonly written: readonly string[];
  readonly timings: ReplayTimings | undefined;
  /** Why the result is not in the log; undefined: it is. */
  readonly notRecorded: string | undefined;
}

/** Of scores that wait to be ranked, before they go to a file. */
const spillMemoryBytesMax = 16 * 1024 * 1024;

/** Runs a replay on a data folder, writes its reports, and appends `ReplayCompleted`. */
export async function runReplayCommand(
  workspace: Workspace,
  request: ReplayRequest,
  options: {
    readonly paint: Paint;
    readonly signal: AbortSignal;
    readonly onProgress: (progress: ReplayProgress) => void;
  },
): Promise<ReplayRun> {
  let timings: ReplayTimings | undefined;
  const { registry, plan } = await planOptionsOf(workspace, request, options);
  const report = await runReplay({
    ...plan,
    loadModel: async (version) =>
      loadModelInWorker(
        await loadOptions(workspace.artefacts, requireVersion(registry, plan.model, version)),
      ),
    makeSpill: () => spillFile({ directory: workspace.directory, memoryBytesMax: spillMemoryBytesMax }),
    onTimings: (measured) => {
      timings = measured;
    },
    clock: systemClock,
  });
  const written = await writeReports(request, report, { timings, log: await workspace.reader.head() });
  return {
    report,
    exitCode: exitCodeOf(report.verdict),
    text: renderTerminalReport(report, options.paint),
    written,
    timings,
    notRecorded: await recordResult(workspace.location, report),
  };
}

async function writeReports(
  request: ReplayRequest,
  report: ReplayReport,
  parts: { readonly timings: ReplayTimings | undefined; readonly log: LogHead },
): Promise<readonly string[]> {
  if (request.reports.length === 0) return [];
  await mkdir(request.out, { recursive: true });
  const files = request.reports.map((format) => renderReport(report, format));
  const run = {
    timings: parts.timings ?? null,
    log: { position: String(parts.log.nextPosition), hash: parts.log.hash ?? null },
    host: hostname(),
    node: process.version,
    hindcast: packageVersion(),
  };
  files.push({ name: 'run.json', content: `${JSON.stringify(run, undefined, 2)}\n` });
  for (const { name, content } of files) await writeFile(join(request.out, name), content);
  return files.map(({ name }) => join(request.out, name));
}

/** A replay that cannot append still reports, and says so. */
async function recordResult(location: DataLocation, report: ReplayReport): Promise<string | undefined> {
  const event = replayCompletedEvent(report, { id: newId(), occurredAt: systemClock.nowMicros() });
  try {
    await withAppender(location, ({ appender }) => appender.append([event]));
    return undefined;
  } catch (error) {
    if (error instanceof HindcastError) return error.message;
    throw error;
  }
}
