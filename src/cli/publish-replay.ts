import { mkdir, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { exitCodeOf } from '../replay/exit-code.js';
import { replayCompletedEvent } from '../replay/replay-completed-event.js';
import type { ReplayTimings } from '../replay/replay-options.js';
import { renderNothing, renderReport } from '../replay/report/render-report.js';
import type { ReplayReport } from '../replay/report/report-schema.js';
import { renderTerminalReport } from '../replay/report/report-terminal.js';
import { systemClock } from '../services/platform/clock.js';
import { exitCodes, HindcastError } from '../services/platform/errors.js';
import { newId } from '../services/platform/new-id.js';
import { packageVersion } from './package-version.js';
import type { Paint } from './paint.js';
import type { ReplayRequest } from './replay-request.js';
import type { DataLocation, Workspace } from './workspace.js';
import { withAppender } from './workspace.js';

/** What a replay came to, written and recorded. */
export interface ReplayRun {
  readonly report: ReplayReport;
  readonly exitCode: number;
  readonly text: string;
  readonly written: readonly string[];
  readonly timings: ReplayTimings | undefined;
  /** Why the result is not in the log; undefined: it is. */
  readonly notRecorded: string | undefined;
}

/** Writes the reports of a replay, and appends `ReplayCompleted` when it is complete. */
export async function publishReplay(
  workspace: Workspace,
  request: Pick<ReplayRequest, 'reports' | 'out'>,
  done: {
    readonly report: ReplayReport;
    readonly timings: ReplayTimings | undefined;
    readonly paint: Paint;
  },
): Promise<ReplayRun> {
  const { report, timings, paint } = done;
  const written = await writeReports(workspace, request, { report, timings });
  return {
    report,
    exitCode: report.isComplete ? exitCodeOf(report.verdict) : exitCodes.interrupted,
    text: renderTerminalReport(report, paint),
    written,
    timings,
    notRecorded: report.isComplete
      ? await recordResult(workspace.location, report)
      : 'it was interrupted, so it stands for nothing',
  };
}

/**
 * The reports of a comparison that could not be made, where its error is a verdict (INVALID). What an earlier run left in the folder would
 * stand for this one, and goes. Gives what was written.
 */
export async function publishNothing(
  { reports, out, model }: Pick<ReplayRequest, 'reports' | 'out' | 'model'>,
  error: unknown,
): Promise<readonly string[]> {
  if (!(error instanceof HindcastError) || error.exitCode !== exitCodes.invalid) return [];
  if (reports.length === 0) return [];
  const found = {
    candidate: model,
    problem: error.message,
    advice: `${error.action} (${error.code})`,
  };
  await mkdir(out, { recursive: true });
  await rm(join(out, 'run.json'), { force: true });
  const written: string[] = [];
  for (const format of reports) {
    const { name, content } = renderNothing(found, format);
    const path = join(out, name);
    if (content === undefined) await rm(path, { force: true });
    else {
      await writeFile(path, content);
      written.push(path);
    }
  }
  return written;
}

/** A damaged log is no reason not to report what the datasets say; the page says that it is damaged. */
async function hashAtLast({ reader }: Workspace, { log }: ReplayReport): Promise<string | undefined> {
  try {
    return await reader.hashAt(Number(log.position) - 1);
  } catch (error) {
    if (error instanceof HindcastError && error.code === 'LOG_CORRUPT') return error.message;
    throw error;
  }
}

async function writeReports(
  workspace: Workspace,
  request: Pick<ReplayRequest, 'reports' | 'out'>,
  { report, timings }: { readonly report: ReplayReport; readonly timings: ReplayTimings | undefined },
): Promise<readonly string[]> {
  if (request.reports.length === 0) return [];
  const log = await workspace.reader.head();
  const writtenBy = { node: process.version, hindcast: packageVersion() };
  const origin = { ...writtenBy, logHash: await hashAtLast(workspace, report) };
  await mkdir(request.out, { recursive: true });
  const files = request.reports.map((format) => renderReport(report, format, origin));
  const run = {
    timings: timings ?? null,
    log: { position: String(log.nextPosition), hash: log.hash ?? null },
    host: hostname(),
    ...writtenBy,
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
