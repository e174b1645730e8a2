import { Command, InvalidArgumentError, Option } from 'commander';
import type { ReportFormat } from '../replay/report/render-report.js';
import { parseTimeOption } from '../replay/time-option.js';
import type { Scalar } from '../schemas/json-value.js';
import { systemClock } from '../services/platform/clock.js';
import { errors, exitCodes, HindcastError } from '../services/platform/errors.js';
import { addGlobalOptions, configOf } from './global-options.js';
import { listenForInterruption } from './interruption.js';
import { packageVersion } from './package-version.js';
import { paint } from './paint.js';
import { mergeCommand } from './replay-merge.js';
import { reportOption } from './report-option.js';
import type { Shard } from './run-shard-command.js';
import { parseCount } from './parse-port.js';
import { note, print } from './print.js';
import { dataPaths, withWorkspace } from './workspace.js';

interface ReplayFlags {
  readonly model?: readonly string[];
  readonly control: string;
  readonly since: string;
  readonly until?: string;
  readonly asOf?: string;
  readonly expect: 'same' | 'no-worse' | 'anything';
  readonly report: readonly ReportFormat[];
  readonly out?: string;
  readonly where?: string;
  readonly gates?: string;
  readonly set: readonly string[];
  readonly slice?: readonly string[];
  readonly missingFeature: 'fail' | 'null' | 'default';
  readonly sample?: number;
  readonly seed: number;
  readonly workers: number;
  readonly shard?: Shard;
  readonly dryRun?: boolean;
  readonly quiet?: boolean;
}

/** `replay`: the differential test of a candidate on recorded traffic; its exit code is the verdict. */
export function replayProgram(): Command {
  const command = addGlobalOptions(new Command('replay'))
    .description('re-run recorded predictions against a candidate model; the exit code is the verdict')
    .version(packageVersion())
    .option(
      '--model <version>',
      'candidate, [name@]version; several with commas between give one table (needed)',
      parseModels,
    )
    .option(
      '--control <version>',
      '"recorded" (what was answered then) or a version to run instead',
      'recorded',
    )
    .option('--since <time>', 'a duration back from now (90m, 24h, 7d, 4w) or an instant', '7d')
    .option('--until <time>', 'a duration back from now or an instant (default: now)')
    .option('--as-of <time>', 'truth as it was known then')
    .addOption(
      new Option('--expect <what>', 'what to judge')
        .choices(['same', 'no-worse', 'anything'])
        .default('no-worse'),
    )
    .addOption(reportOption())
    .option(
      '--out <dir>',
      'folder for the reports; of several candidates, for one folder each (default: <data>/reports/<model>)',
    )
    .option('--gates <file>', 'what must be shown, in YAML (docs/gates.md)')
    .option('--where <condition>', "SQL condition over the model's columns, such as \"in_origin = 'JFK'\"")
    .addOption(
      new Option(
        '--set <feature=value>',
        'give the candidate this value in every row (repeatable; null is null)',
      )
        .argParser(collect)
        .default([], 'what was recorded'),
    )
    .option(
      '--slice <feature>',
      'show and gate its groups like declared slices (repeatable, or commas between)',
      collectNames,
    )
    .addOption(
      new Option('--missing-feature <how>', 'what the candidate gets for a feature that the log lacks')
        .choices(['fail', 'null', 'default'])
        .default('fail'),
    )
    .option('--sample <rows>', 'about so many rows, chosen by a hash', parseCount)
    .option('--seed <number>', 'of the sample', parseSeed, 0)
    .option('--workers <n>', 'run the candidate in so many workers; the report is the same', parseWorkers, 1)
    .option(
      '--shard <i/n>',
      'replay share i of n and write it as a part; "replay merge" gives the report of all',
      parseShard,
    )
    .option('--dry-run', 'only the plan: rows, truths, digests, gates, and what so many rows can show')
    .option('--quiet', 'no progress, and nothing beside the result but warnings')
    .addHelpText(
      'after',
      '\nExit codes: 0 PASS · 1 FAIL · 2 INCONCLUSIVE (too little data) · 3 INVALID (broken comparison) · 64 usage · 70 fault · 130 interrupted\n\nExamples:\n  replay --model v2 --since 7d --report json,html\n  replay --model v2 --control v2 --set temp=null    # what if a feed goes away?\n  replay --model v2 --since 2026-01-01 --until 2026-04-01 --shard 1/2    # and 2/2 on another machine\n  replay merge hindcast-data/reports/v2/*.part --report html',
    )
    .exitOverride();
  mergeCommand(command);
  return command.action(async (flags: ReplayFlags) => {
    const models = flags.model;
    if (models === undefined)
      throw errors.USAGE_INVALID({ problem: '--model is needed: which version to replay.' });
    checkShard(flags, models);
    const config = configOf(command);
    const signal = listenForInterruption();
    const nowMicros = systemClock.nowMicros();
    const fromMicros = parseTimeOption(flags.since, nowMicros, '--since');
    const untilMicros =
      flags.until === undefined ? nowMicros : parseTimeOption(flags.until, nowMicros, '--until');
    if (untilMicros <= fromMicros) throw errors.USAGE_INVALID({ problem: emptyRange(flags) });
    if (flags.where?.trim() === '')
      throw errors.USAGE_INVALID({ problem: '--where is empty: expected an SQL condition.' });
    const request = {
      control: flags.control,
      fromMicros,
      untilMicros,
      ...(flags.asOf === undefined
        ? undefined
        : { knownUntil: parseTimeOption(flags.asOf, nowMicros, '--as-of') }),
      expect: flags.expect,
      ...(flags.sample === undefined ? undefined : { sample: flags.sample }),
      seed: flags.seed,
      ...(flags.where === undefined ? undefined : { where: flags.where }),
      ...(flags.gates === undefined ? undefined : { gates: flags.gates }),
      missingFeature: flags.missingFeature,
      ...(flags.set.length === 0 ? undefined : { set: parseSettings(flags.set) }),
      ...(flags.slice === undefined ? undefined : { slices: flags.slice }),
      workers: flags.workers,
      reports: flags.report,
    };
    const quiet = flags.quiet === true;
    const { runCandidates } = await import('./run-candidates.js');
    const colours = paint(process.stdout);
    const run = await withWorkspace(config, (workspace) =>
      runCandidates(workspace, request, {
        models,
        shard: flags.shard,
        out: flags.out,
        reportsFolder: dataPaths(config.data).reports,
        dryRun: flags.dryRun === true,
        quiet,
        paint: colours,
        signal,
      }),
    ).catch((error: unknown) => {
      // The verdict stands on standard output like any other; why is said beside it.
      if (error instanceof HindcastError && error.exitCode === exitCodes.invalid)
        print(`${colours.bad('INVALID')}  nothing was compared`);
      throw error;
    });
    print(run.text);
    for (const text of quiet ? run.warnings : [...run.notes, ...run.warnings]) note(text);
    if (flags.dryRun === true && flags.report.length > 0 && !quiet)
      note('a dry run writes no reports: leave out --dry-run for them');
    if (flags.out !== undefined && flags.report.length === 0 && flags.shard === undefined && !quiet)
      note('nothing was written to --out: --report json,html says what to write');
    process.exitCode = run.exitCode;
  });
}

function emptyRange({ since, until }: ReplayFlags): string {
  return until === undefined
    ? `--since ${since} lies in the future, and the range ends now.`
    : `--until ${until} does not lie after --since ${since}.`;
}

const workersMax = 64;

function parseWorkers(text: string): number {
  const workers = parseCount(text);
  if (workers > workersMax) throw new InvalidArgumentError(`expected at most ${workersMax}`);
  return workers;
}

function parseShard(text: string): Shard {
  const [, first, second] = /^(\d{1,6})\/(\d{1,6})$/.exec(text) ?? [];
  const [index, of] = [Number(first), Number(second)];
  if (!(index >= 1 && index <= of))
    throw new InvalidArgumentError('expected a share such as 3/8, from 1/8 to 8/8');
  return { index, of };
}

/** A share is of a range that every machine sees alike, and gives no verdict. */
function checkShard(flags: ReplayFlags, models: readonly string[]): void {
  if (flags.shard === undefined) return;
  const problem = (text: string) => errors.USAGE_INVALID({ problem: `--shard ${text}` });
  if (models.length > 1) throw problem('takes one candidate: run it for each.');
  if (flags.dryRun === true) throw problem('has no plan of its own: leave out one of --shard and --dry-run.');
  if (flags.report.length > 0) throw problem('writes a part and no report: give --report to "replay merge".');
  if (flags.until === undefined || [flags.since, flags.until].some(isDuration))
    throw problem('needs --since and --until as instants, so that every share is of the same range.');
}

function isDuration(time: string): boolean {
  return !time.includes('-');
}

function parseModels(text: string): string[] {
  const models = text.split(',').map((name) => name.trim());
  if (models.includes(''))
    throw new InvalidArgumentError('expected [name@]version, or several with commas between');
  return models;
}

function parseSeed(text: string): number {
  const seed = Number(text);
  if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32)
    throw new InvalidArgumentError('expected a whole number, 0 to 4294967295');
  return seed;
}

function collectNames(text: string, before: readonly string[] = []): string[] {
  const names = text.split(',').map((name) => name.trim());
  if (names.includes(''))
    throw new InvalidArgumentError('expected a feature, or several with commas between');
  return [...before, ...names];
}

function collect(text: string, before: readonly string[]): string[] {
  return [...before, text];
}

/** `feature=value`: null, true, false and numbers mean what they say; everything else is text. */
function parseSettings(settings: readonly string[]): { [feature: string]: Scalar } {
  const parsed = new Map<string, Scalar>();
  for (const setting of settings) {
    const at = setting.indexOf('=');
    if (at < 1) throw errors.USAGE_INVALID({ problem: `--set ${setting}: expected feature=value.` });
    const name = setting.slice(0, at);
    if (parsed.has(name))
      throw errors.USAGE_INVALID({
        problem: `--set ${setting}: ${name} is set twice, and has one value a run.`,
      });
    parsed.set(name, scalarOf(setting.slice(at + 1)));
  }
  return Object.fromEntries(parsed);
}

function scalarOf(text: string): Scalar {
  if (text === 'null') return null;
  if (text === 'true' || text === 'false') return text === 'true';
  const number = Number(text);
  return text.trim() === '' || Number.isNaN(number) ? text : number;
}
