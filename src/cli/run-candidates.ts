import { join } from 'node:path';
import type { CandidateOutcome } from '../replay/report/candidates-table.js';
import { candidatesTable } from '../replay/report/candidates-table.js';
import { worstExitCode } from '../replay/worst-exit-code.js';
import { resolveModelReference } from '../services/inference/registry.js';
import { errors, exitCodes, HindcastError } from '../services/platform/errors.js';
import type { Paint } from './paint.js';
import { note } from './print.js';
import type { Progress } from './progress.js';
import { startProgress } from './progress.js';
import type { ReplayRun } from './publish-replay.js';
import { publishNothing } from './publish-replay.js';
import type { ReplayRequest } from './replay-request.js';
import { runDryRun } from './run-dry-run.js';
import { runReplayCommand, runReplaysCommand } from './run-replay-command.js';
import type { Shard } from './run-shard-command.js';
import { runShardCommand } from './run-shard-command.js';
import type { Workspace } from './workspace.js';

export interface CandidatesRun {
  readonly text: string;
  readonly exitCode: number;
  /** What the user may want to know beside the result. */
  readonly notes: readonly string[];
  /** What the user should know even when asked to be quiet. */
  readonly warnings: readonly string[];
}

interface CandidatesOptions {
  readonly models: readonly string[];
  /** Of the only candidate; of several each has a folder in it. */
  readonly out: string | undefined;
  readonly reportsFolder: string;
  readonly dryRun: boolean;
  /** Of the only candidate: its share is written as a part. */
  readonly shard?: Shard | undefined;
  readonly quiet: boolean;
  readonly paint: Paint;
  readonly signal: AbortSignal;
}

/**
 * Replays candidates over one range. Of one the whole report is given; of several, for which the record is read once, a table, and a
 * candidate that cannot be replayed is a line of it, so that the others are still judged. All names are resolved before the first is run.
 */
export async function runCandidates(
  workspace: Workspace,
  request: Omit<ReplayRequest, 'model' | 'out'>,
  options: CandidatesOptions,
): Promise<CandidatesRun> {
  const { models } = options;
  const registry = await workspace.registry();
  const named = models.map((model) => {
    const { model: name, version } = resolveModelReference(registry, model);
    return { name, reference: `${name}@${version}` };
  });
  if (new Set(named.map(({ reference }) => reference)).size < named.length)
    throw errors.USAGE_INVALID({ problem: `--model ${models.join(',')} names a version twice.` });
  if (new Set(named.map(({ name }) => name)).size > 1)
    throw errors.USAGE_INVALID({
      problem: `--model ${models.join(',')} names versions of different models.`,
    });
  const folders = foldersOf(models, options);
  const requests = models.map((model, index) => ({
    ...request,
    model,
    out: folders[index] ?? options.reportsFolder,
  }));
  const [only] = requests;
  if (options.dryRun) return planEach(workspace, requests, options);
  if (only !== undefined && requests.length === 1) return runOne(workspace, only, options);
  return runSeveral(workspace, requests, options);
}

async function planEach(
  workspace: Workspace,
  requests: readonly ReplayRequest[],
  options: CandidatesOptions,
): Promise<CandidatesRun> {
  const texts: string[] = [];
  const codes: number[] = [];
  for (const request of requests) {
    options.signal.throwIfAborted();
    const what = requests.length === 1 ? 'reading' : `reading ${request.model}`;
    const progress = startProgress({ what, unit: 'rows', quiet: options.quiet });
    try {
      const { text, exitCode } = await runDryRun(workspace, request, runOf(options, progress));
      texts.push(text);
      codes.push(exitCode);
    } catch (error) {
      if (requests.length === 1 || options.signal.aborted || !(error instanceof HindcastError)) throw error;
      codes.push(error.exitCode);
      texts.push(`${request.model} cannot be replayed: ${error.code} ${error.message}\n`);
    } finally {
      progress.stop();
    }
  }
  return { text: texts.join('\n'), exitCode: worstExitCode(codes), notes: [], warnings: [] };
}

async function runOne(
  workspace: Workspace,
  request: ReplayRequest,
  options: CandidatesOptions,
): Promise<CandidatesRun> {
  const progress = startProgress({ what: 'replaying', unit: 'rows', quiet: options.quiet });
  const run = runOf(options, progress);
  try {
    if (options.shard !== undefined) {
      const part = await runShardCommand(workspace, request, { ...run, shard: options.shard });
      return { ...part, notes: [], warnings: [] };
    }
    const done = await runReplayCommand(workspace, request, run);
    return { text: done.text, exitCode: done.exitCode, notes: notesOf(done), warnings: warningsOf(done) };
  } catch (error) {
    const written = await publishNothing(request, error);
    if (!options.quiet) for (const words of wroteWords(written)) note(words);
    throw error;
  } finally {
    progress.stop();
  }
}

async function runSeveral(
  workspace: Workspace,
  requests: readonly ReplayRequest[],
  options: CandidatesOptions,
): Promise<CandidatesRun> {
  const progress = startProgress({ what: 'replaying', unit: 'rows', quiet: options.quiet });
  try {
    const outcomes: CandidateOutcome[] = [];
    const codes: number[] = [];
    const notes: string[] = [];
    const warnings: string[] = [];
    const done = await runReplaysCommand(workspace, requests, runOf(options, progress));
    for (const [index, run] of done.entries()) {
      const request = requests[index];
      const candidate = request?.model ?? '';
      if (run.kind === 'failed') {
        if (options.signal.aborted || !(run.error instanceof HindcastError)) throw run.error;
        if (request !== undefined) notes.push(...wroteWords(await publishNothing(request, run.error)));
        codes.push(run.error.exitCode);
        outcomes.push({ candidate, error: run.error });
        continue;
      }
      codes.push(run.run.exitCode);
      outcomes.push({ candidate, report: run.run.report });
      notes.push(...notesOf(run.run));
      warnings.push(...warningsOf(run.run));
    }
    return {
      text: candidatesTable(outcomes, options.paint),
      exitCode: codes.includes(exitCodes.interrupted) ? exitCodes.interrupted : worstExitCode(codes),
      notes,
      warnings,
    };
  } finally {
    progress.stop();
  }
}

function runOf({ paint, signal }: CandidatesOptions, progress: Progress) {
  return {
    paint,
    signal,
    onProgress: ({ rows, total }: { readonly rows: number; readonly total: number }) =>
      progress.update(rows, total),
  };
}

function notesOf({ written, timings }: ReplayRun): string[] {
  return [...wroteWords(written), ...(timings === undefined ? [] : [rateWords(timings)])];
}

function wroteWords(paths: readonly string[]): string[] {
  return paths.map((path) => `wrote ${path}`);
}

function warningsOf({ notRecorded }: ReplayRun): string[] {
  return notRecorded === undefined ? [] : [`the result is not in the log: ${notRecorded}`];
}

/** A folder a candidate, none twice. */
function foldersOf(
  models: readonly string[],
  { out, reportsFolder }: { readonly out: string | undefined; readonly reportsFolder: string },
): readonly string[] {
  if (out !== undefined && models.length === 1) return [out];
  const used = new Set<string>();
  return models.map((model) => {
    const plain = model.replaceAll(/[^\w.-]/g, '-');
    let name = plain;
    for (let number = 2; used.has(name); number += 1) name = `${plain}-${number}`;
    used.add(name);
    return join(out ?? reportsFolder, name);
  });
}

function rateWords({ rowsPerSecond, totalMicros }: { rowsPerSecond: number; totalMicros: number }): string {
  return `${Math.round(rowsPerSecond).toLocaleString('en-US')} rows/s, ${(totalMicros / 1e6).toFixed(2)} s in all`;
}
