import type { EarlierReplay } from '../../projections/datasets/earlier-replays.js';
import { errors } from '../../services/platform/errors.js';
import { candidateInputs } from '../candidate-inputs.js';
import { defaultRules } from '../judging/gate-rules.js';
import { noiseFloorLimit } from '../noise-floor.js';
import type { PlanOptions, ReplayPlan } from '../plan-replay.js';
import { checkComparable, eligibilityOf, planReplay } from '../plan-replay.js';
import type { ReplayExpectation, Waterfall } from '../report/report-schema.js';
import { reproduceCommand } from '../report/reproduce-command.js';
import type { RowChunk } from '../row-chunks.js';
import type { ServedVersion } from '../served-versions.js';
import { formatMicros } from '../time-option.js';
import { earlierSpread } from './earlier-spread.js';
import type { PlannedGate } from './planned-gates.js';
import { plannedGates } from './planned-gates.js';
import { surveyRecord } from './survey-record.js';

export interface DryRun {
  readonly model: string;
  readonly expect: ReplayExpectation;
  readonly range: { readonly from: string; readonly until: string };
  readonly knownUntil: string | null;
  readonly candidate: { readonly version: string; readonly digest: string };
  /** The version that would be run as the control; undefined: what was recorded is the control. */
  readonly control: { readonly version: string; readonly digest: string } | undefined;
  readonly served: readonly ServedVersion[];
  readonly waterfall: Waterfall;
  readonly gates: readonly PlannedGate[];
  /** Why a replay would be INVALID; undefined: nothing that can be known without running it. */
  readonly problem: string | undefined;
  readonly notes: readonly string[];
  readonly reproduce: string;
}

export type DryRunOptions = PlanOptions & {
  /** SHA-256 of a version's stored artefact, verified. Throws ARTEFACT_DAMAGED. */
  readonly digestOf: (version: string) => Promise<string>;
  /** Newest first. */
  readonly earlier: readonly EarlierReplay[];
};

/**
 * The plan of a replay: what would be compared, which gates would judge it, and what so many rows can show. Reads the record
 * and runs no model. Throws what `planReplay` throws, REPLAY_CANDIDATE_UNFIT, and ARTEFACT_DAMAGED.
 */
export async function dryRun(options: DryRunOptions): Promise<DryRun> {
  const plan = await planReplay(options);
  await checkFeatures(options, plan);
  const candidateDigest = await options.digestOf(plan.candidate.version);
  const control =
    plan.control === undefined
      ? undefined
      : { version: plan.control.version, digest: await options.digestOf(plan.control.version) };
  const survey = await surveyRecord({
    batches: options.recorded.read({ ...plan.query, features: [] }),
    rules: eligibilityOf(options, plan, candidateDigest),
    pairing: plan.pairing,
    threshold: plan.candidate.threshold,
    scoresAreSingle: plan.count.scoresAreSingle,
    onRows: (rows) => options.onProgress?.({ rows, total: plan.count.rows, rowsPerSecond: 0 }),
    signal: options.signal,
  });
  const { excluded, compared, judged, served } = survey;
  const gate = plan.candidate.task === 'regression' ? 'mean-absolute-error' : 'log-loss';
  const dry = {
    model: options.model,
    expect: options.expect,
    range: { from: formatMicros(options.range.fromMicros), until: formatMicros(options.range.untilMicros) },
    knownUntil: plan.knownUntil === undefined ? null : formatMicros(plan.knownUntil),
    candidate: { version: plan.candidate.version, digest: candidateDigest },
    control,
    served,
    waterfall: {
      recorded: plan.count.rows + plan.ignored,
      ignored: plan.ignored,
      notReached: 0,
      ...excluded,
      candidateFailed: 0,
      compared,
      withoutTruth: compared - judged,
      judged,
    },
    gates: plannedGates({
      expect: options.expect,
      task: plan.candidate.task,
      survey,
      rules: options.rules ?? defaultRules,
      earlier: earlierSpread({ replays: options.earlier, candidate: plan.candidate.version, gate }),
    }),
    reproduce: reproduceCommand(options, plan.knownUntil),
  };
  return { ...dry, problem: await problemOf(options, plan, dry), notes: notesOf(options, plan, dry) };
}

/** Features that no prediction of the log has a value of; with a stand-in for them, whether it can be given. */
async function checkFeatures(options: DryRunOptions, plan: ReplayPlan): Promise<void> {
  const { missingFeature, set = {} } = options;
  const manifest = plan.candidate;
  const inputs = candidateInputs({ manifest, missingFeature, set });
  const names = manifest.features.map(({ name }) => name);
  const recorded = await options.recorded.featuresWithValues(options.model, names);
  const absent = names.filter((name) => !recorded.has(name) && !(name in set));
  if (missingFeature === 'fail' && absent.length > 0) {
    throw errors.REPLAY_CANDIDATE_UNFIT({
      problem: `the log has no values of its ${absent.length === 1 ? 'feature' : 'features'} ${absent.join(', ')}`,
    });
  }
  // Of no row: whether the values of --set and the stand-ins suit their features shows without any.
  inputs.of(emptyChunk([...recorded]));
}

function emptyChunk(features: readonly string[]): RowChunk {
  const none = { kind: 'number', values: new Float64Array(0), valid: undefined } as const;
  return {
    rows: 0,
    positions: new Float64Array(0),
    occurredAt: new Float64Array(0),
    inputs: Object.fromEntries(features.map((name) => [name, none])),
    outputs: {},
    truth: none,
    subjectCell: undefined,
    release: () => undefined,
  };
}

type Planned = Omit<DryRun, 'problem' | 'notes'>;

async function problemOf(
  options: DryRunOptions,
  plan: ReplayPlan,
  { waterfall, served, expect }: Planned,
): Promise<string | undefined> {
  if (waterfall.compared === 0) return 'no row is left to compare';
  if (plan.control !== undefined) return undefined;
  for (const { version, digest } of served) {
    const manifest = options.manifests.get(version);
    if (manifest === undefined) continue;
    checkComparable(manifest, plan.candidate);
    if (digest === null) continue;
    const stored = await options.digestOf(version);
    if (stored !== digest)
      return `the control ${version} is now the artefact ${stored}, not ${digest}, which served these rows`;
  }
  if (expect === 'same' && served.some(({ digest }) => digest === null))
    return 'some rows were imported: without an artefact to run again, nobody can say what "same" is';
  return undefined;
}

function notesOf(options: DryRunOptions, plan: ReplayPlan, planned: Planned): readonly string[] {
  const notes: string[] = [];
  const { control, waterfall, expect, gates } = planned;
  if (control === undefined) {
    notes.push(
      `First a sample of up to 2,048 rows of each served version is run again; a score that differs by more than ${noiseFloorLimit} from its record makes the verdict INVALID.`,
    );
  } else if (gates.some(({ power }) => power.kind === 'loss')) {
    notes.push(
      `The control ${control.version} has not been run yet: the loss shown is that of what was answered then.`,
    );
  }
  if (expect === 'no-worse' && waterfall.judged > 0 && waterfall.judged < waterfall.compared)
    notes.push('Only rows with a truth are judged; more truths may come in later.');
  const sliced = [...plan.candidate.slices.map(({ feature }) => feature), ...plan.slices];
  if (expect === 'no-worse' && sliced.length > 0 && options.rules?.slices !== false)
    notes.push(
      `Each group by ${sliced.join(', ')} is gated like the whole once it has as many rows with truth as a candidate as good as the control needs; how many that is shows the replay's own spread.`,
    );
  if (plan.candidate.trainedOn === undefined) {
    notes.push(
      'The candidate does not say what it was trained on: rows that it has seen could not be excluded.',
    );
  }
  if (gates.length === 0) notes.push('Nothing would be gated: --expect anything only reports.');
  for (const { where, until } of options.rules?.expired ?? [])
    notes.push(`The exception for ${where} expired on ${until}, so the verdict will be FAIL.`);
  return options.sample === undefined ? notes : [...notes, `Of a sample of about ${options.sample} rows.`];
}
