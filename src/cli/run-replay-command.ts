import { mkdir, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { createRecordedPredictions } from '../projections/datasets/create-recorded-predictions.js';
import { replayCompletedEvent } from '../replay/replay-completed-event.js';
import type { ReportFormat } from '../replay/report/render-report.js';
import { renderReport } from '../replay/report/render-report.js';
import type { ReplayExpectation, ReplayReport } from '../replay/report/report-schema.js';
import { renderTerminalReport } from '../replay/report/report-terminal.js';
import type { MissingFeature, ReplayProgress, ReplayTimings } from '../replay/replay-options.js';
import { runReplay } from '../replay/run-replay.js';
import { exitCodeOf } from '../replay/exit-code.js';
import type { Scalar } from '../schemas/json-value.js';
import type { LogHead } from '../services/event-log/event-log.js';
import { registeredModel, requireVersion, resolveModelReference } from '../services/inference/registry.js';
import { loadModelInWorker } from '../services/inference/worker-model.js';
import { systemClock } from '../services/platform/clock.js';
import { HindcastError } from '../services/platform/errors.js';
import { newId } from '../services/platform/new-id.js';
import { loadOptions } from './load-version.js';
import { readProfile } from './read-profile.js';
import { packageVersion } from './package-version.js';
import type { Paint } from './paint.js';
import { withAppender } from './workspace.js';
import type { Workspace } from './workspace.js';

export interface ReplayRequest {
  readonly model: string;
  readonly control: string;
  readonly fromMicros: number;
  readonly untilMicros: number;
  readonly knownUntil?: number;
  readonly expect: ReplayExpectation;
  readonly sample?: number;
  readonly seed: number;
  readonly where?: string;
  readonly missingFeature: MissingFeature;
  readonly set?: { readonly [feature: string]: Scalar };
  /** Reports to write, and the folder for them. */
  readonly reports: readonly ReportFormat[];
  readonly out: string;
}

export interface ReplayRun {
  readonly report: ReplayReport;
  readonly exitCode: number;
  readonly text: string;
  readonly written: readonly string[];
  readonly timings: ReplayTimings | undefined;
  /** Why the result is not in the log; undefined: it is. */
  readonly notRecorded: string | undefined;
}

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
  const registry = await workspace.registry();
  const { model, version: candidate, registered } = resolveModelReference(registry, request.model);
  const control =
    request.control === 'recorded' ? ('recorded' as const) : resolveModelReference(registry, request.control);
  const versions = registeredModel(registry, model)?.versions ?? {};
  let timings: ReplayTimings | undefined;
  const recorded = createRecordedPredictions(await workspace.analytics());
  const profile = await readProfile(workspace.artefacts, registered);
  const report = await runReplay({
    model,
    recorded,
    loadModel: async (version) =>
      loadModelInWorker(await loadOptions(workspace.artefacts, requireVersion(registry, model, version))),
    manifests: new Map(
      Object.entries(versions).map(([version, registered]) => [version, registered.manifest]),
    ),
    control: control === 'recorded' ? control : { version: control.version },
    candidate,
    ...(profile === undefined ? undefined : { profile: profile.features }),
    range: { fromMicros: request.fromMicros, untilMicros: request.untilMicros },
    ...(request.knownUntil === undefined ? undefined : { knownUntil: request.knownUntil }),
    expect: request.expect,
    ...(request.sample === undefined ? undefined : { sample: request.sample }),
    seed: request.seed,
    ...(request.where === undefined ? undefined : { where: request.where }),
    missingFeature: request.missingFeature,
    ...(request.set === undefined ? undefined : { set: request.set }),
    onProgress: options.onProgress,
    onTimings: (measured) => {
      timings = measured;
    },
    signal: options.signal,
    clock: systemClock,
  });
  const written = await writeReports(request, report, { timings, log: await workspace.reader.head() });
  return {
    report,
    exitCode: exitCodeOf(report.verdict),
    text: renderTerminalReport(report, options.paint),
    written,
    timings,
    notRecorded: await recordResult(workspace.directory, report),
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
async function recordResult(directory: string, report: ReplayReport): Promise<string | undefined> {
  const event = replayCompletedEvent(report, { id: newId(), occurredAt: systemClock.nowMicros() });
  try {
    await withAppender(directory, ({ appender }) => appender.append([event]));
    return undefined;
  } catch (error) {
    if (error instanceof HindcastError) return error.message;
    throw error;
  }
}
