import { join } from 'node:path';
import type { CandidateOutcome } from '../replay/report/candidates-table.js';
import { candidatesTable } from '../replay/report/candidates-table.js';
import { worstExitCode } from '../replay/worst-exit-code.js';
import { resolveModelReference } from '../services/inference/registry.js';
import { errors, HindcastError } from '../services/platform/errors.js';
import type { Paint } from './paint.js';
import { startProgress } from './progress.js';
import type { ReplayRequest } from './replay-request.js';
import { runDryRun } from './run-dry-run.js';
import { runReplayCommand } from './run-replay-command.js';
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

/**
 * Replays one candidate after the other. Of one the whole report is given; of several a table, and a candidate that cannot
 * be replayed is a line of it, so that the others are still judged. All names are resolved before the first is run.
 */
export async function runCandidates(
  workspace: Workspace,
  request: Omit<ReplayRequest, 'model' | 'out'>,
  options: {
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
  },
): Promise<CandidatesRun> {
  const { models, paint, quiet, signal } = options;
  const registry = await workspace.registry();
  const named = models.map((model) => {
    const { model: name, version } = resolveModelReference(registry, model);
    return `${name}@${version}`;
  });
  if (new Set(named).size < named.length)
    throw errors.USAGE_INVALID({ problem: `--model ${models.join(',')} names a version twice.` });

  const notes: string[] = [];
  const warnings: string[] = [];
  const texts: string[] = [];
  const codes: number[] = [];
  const outcomes: CandidateOutcome[] = [];
  const folders = foldersOf(models, options);
  for (const [index, model] of models.entries()) {
    signal.throwIfAborted();
    const progress = startProgress({
      what: `${options.dryRun ? 'reading' : 'replaying'}${models.length === 1 ? '' : ` ${model}`}`,
      unit: 'rows',
      quiet,
    });
    const single = { ...request, model, out: folders[index] ?? options.reportsFolder };
    const run = {
      paint,
      signal,
      onProgress: ({ rows, total }: { rows: number; total: number }) => progress.update(rows, total),
    };
    try {
      if (options.dryRun) {
        const { text, exitCode } = await runDryRun(workspace, single, run);
        texts.push(text);
        codes.push(exitCode);
        continue;
      }
      if (options.shard !== undefined) {
        const { text, exitCode } = await runShardCommand(workspace, single, { ...run, shard: options.shard });
        texts.push(text);
        codes.push(exitCode);
        continue;
      }
      const done = await runReplayCommand(workspace, single, run);
      texts.push(done.text);
      codes.push(done.exitCode);
      outcomes.push({ candidate: model, report: done.report });
      notes.push(...done.written.map((path) => `wrote ${path}`));
      if (done.timings !== undefined) notes.push(rateWords(done.timings));
      if (done.notRecorded !== undefined) warnings.push(`the result is not in the log: ${done.notRecorded}`);
    } catch (error) {
      if (models.length === 1 || signal.aborted || !(error instanceof HindcastError)) throw error;
      codes.push(error.exitCode);
      outcomes.push({ candidate: model, error });
      texts.push(`${model} cannot be replayed: ${error.code} ${error.message}\n`);
    } finally {
      progress.stop();
    }
  }
  const several = models.length > 1 && !options.dryRun;
  return {
    text: several ? candidatesTable(outcomes, paint) : texts.join('\n'),
    exitCode: worstExitCode(codes),
    notes,
    warnings,
  };
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
