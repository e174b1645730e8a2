import type { ShownPrediction, ShownReplay } from '../projections/queries/show-prediction.js';
import { compareOnRow } from '../replay/attribution/compare-on-row.js';
import { givenValues } from '../replay/attribution/given-values.js';
import type { VersionAnswer } from '../replay/attribution/version-answer.js';
import { defaultRules } from '../replay/judging/gate-rules.js';
import { checkComparable } from '../replay/plan-replay.js';
import type { ModelManifest } from '../schemas/model-manifest.js';
import { requireVersion, resolveModelReference } from '../services/inference/registry.js';
import type { RegistryState } from '../services/inference/registry.js';
import { errors, HindcastError } from '../services/platform/errors.js';
import type { Loading, VersionLoader } from './version-loader.js';
import { versionLoader } from './version-loader.js';
import type { Workspace } from './workspace.js';

/** So many replays are run again on a prediction; of more the newest. */
const replaysMax = 20;

export interface AnswersOfVersions {
  readonly answers: readonly VersionAnswer[];
  /** Replays that cover the prediction and are not among the answers, mostly since newer ones of the same versions are. */
  readonly others: number;
}

/**
 * What each replay said of a prediction, by running its candidate again on the recorded inputs: the newest replay of each
 * candidate, control and values given; and what further versions say. A version that cannot be run is an answer that says why.
 * Throws MODEL_VERSION_NOT_FOUND and USAGE_INVALID for a version asked for that the prediction's model does not have.
 */
export async function answersOfVersions(
  workspace: Pick<Workspace, 'artefacts' | 'registry'>,
  shown: ShownPrediction,
  options: {
    /** `[name@]version`, none twice. */
    readonly candidates: readonly string[];
    /** Attribute also where the two agree. */
    readonly always: boolean;
  },
): Promise<AnswersOfVersions> {
  const registry = await workspace.registry();
  const asked = options.candidates.map((name) => versionOf(registry, shown.model, name));
  const versions = versionLoader(workspace, registry, shown.model);
  try {
    const replays = newestOfEach(shown.replays).slice(0, replaysMax);
    const answers: VersionAnswer[] = [];
    for (const replay of replays)
      answers.push(await answerOf(shown, { version: replay.candidateVersion, replay, versions, ...options }));
    for (const version of new Set(asked)) {
      const told = answers.some(
        ({ candidate, control, problem }, index) =>
          candidate.version === version &&
          control.kind === 'recorded' &&
          problem === undefined &&
          replays[index]?.given.length === 0,
      );
      if (!told) answers.push(await answerOf(shown, { version, replay: undefined, versions, ...options }));
    }
    return { answers, others: shown.replays.length - replays.length };
  } finally {
    await versions.close();
  }
}

function versionOf(registry: RegistryState, model: string, name: string): string {
  const at = name.indexOf('@');
  if (at === -1) {
    requireVersion(registry, model, name);
    return name;
  }
  const resolved = resolveModelReference(registry, name);
  if (resolved.model === model) return resolved.version;
  throw errors.USAGE_INVALID({
    problem: `--candidate ${name}: the prediction is one of ${model}, so another model has no answer to it`,
  });
}

/** The newest replay of each candidate, control and values given, the newest first. */
function newestOfEach(replays: readonly ShownReplay[]): readonly ShownReplay[] {
  const found = new Map<string, ShownReplay>();
  for (const replay of replays.toReversed()) {
    const { candidateVersion, controlVersion, given } = replay;
    const key = JSON.stringify([candidateVersion, controlVersion, given]);
    if (!found.has(key)) found.set(key, replay);
  }
  return [...found.values()];
}

async function answerOf(
  shown: ShownPrediction,
  options: {
    readonly version: string;
    readonly replay: ShownReplay | undefined;
    readonly versions: VersionLoader;
    readonly always: boolean;
  },
): Promise<VersionAnswer> {
  const { version, replay, versions, always } = options;
  const isRecorded = replay === undefined || replay.controlVersion === 'recorded';
  const controlVersion = isRecorded ? shown.version : replay.controlVersion;
  const candidate = await versions.load(version);
  const control = await controlOf(shown, { versions, version: controlVersion, isRecorded });
  const digest = replay?.candidateDigest ?? ('digest' in candidate ? candidate.digest : undefined);
  const said = {
    candidate: { version, digest },
    control: { kind: isRecorded ? ('recorded' as const) : ('version' as const), version: controlVersion },
    replay,
  };
  const without = (problem: string): VersionAnswer => ({
    ...said,
    problem,
    notes: [],
    comparison: undefined,
  });
  if ('problem' in candidate) return without(`What it says of this one cannot be told: ${candidate.problem}`);
  if (digest !== undefined && digest !== candidate.digest)
    return without(
      `What it said of this one cannot be told: ${version} is now the artefact ${candidate.digest.slice(0, 12)}, and the replay ran ${digest.slice(0, 12)}. --candidate ${version} shows what the present one says.`,
    );
  if ('problem' in control && !isRecorded)
    return without(`What it says of this one cannot be told: ${control.problem}`);
  const { manifest } = candidate.model;
  const unfit = unfitness('model' in control ? control.model.manifest : undefined, manifest);
  if (unfit !== undefined) return without(unfit);

  const comparison = await compareOnRow({
    inputs: shown.inputs,
    given: replay === undefined ? {} : givenValues(replay.given, manifest),
    truth: shown.truth,
    candidate,
    control: isRecorded
      ? { kind: 'recorded', outputs: shown.status === 'served' ? shown.outputs : null }
      : { kind: 'version' },
    controlModel: 'model' in control ? control : undefined,
    tolerance: replay?.tolerance ?? defaultRules.tolerance,
    exact: replay?.expect === 'same',
    always,
  });
  const notes = [
    ...notesOfRow(shown, manifest, candidate.digest, replay),
    ...(comparison.absent.length === 0 ? [] : [absentWords(comparison.absent)]),
    ...(comparison.controlReproduced === false
      ? [`${controlVersion} run again does not give what it answered then, so its changes may mislead`]
      : []),
    ...(comparison.attribution !== null && 'problem' in control
      ? [`${control.problem}, so its own changes are not shown`]
      : []),
  ];
  return { ...said, problem: undefined, notes, comparison };
}

/** The control's version for the attribution; of a record only the very artefact that gave it. */
async function controlOf(
  { provenance }: ShownPrediction,
  options: { readonly versions: VersionLoader; readonly version: string; readonly isRecorded: boolean },
): Promise<Loading> {
  const { versions, version, isRecorded } = options;
  if (isRecorded && provenance.kind === 'imported')
    return { problem: `The prediction was imported, and ${version} cannot be run again` };
  const loaded = await versions.load(version);
  if ('problem' in loaded || !isRecorded || provenance.kind === 'imported') return loaded;
  return loaded.digest === provenance.artefactDigest
    ? loaded
    : { problem: `${version} is now another artefact than the one that served this` };
}

function unfitness(control: ModelManifest | undefined, candidate: ModelManifest): string | undefined {
  if (control === undefined) return undefined;
  try {
    checkComparable(control, candidate);
    return undefined;
  } catch (error) {
    if (error instanceof HindcastError) return error.message;
    throw error;
  }
}

/** Why the replay may not have compared this row, and what it gave the candidate instead of what was recorded. */
function notesOfRow(
  { provenance, occurredAt }: ShownPrediction,
  { version, trainedOn }: ModelManifest,
  digest: string,
  replay: ShownReplay | undefined,
): readonly string[] {
  const notes: string[] = [];
  const left = replay === undefined ? 'a replay leaves such rows out' : 'the replay left it out';
  const isAgainstItself = replay?.controlVersion === version;
  if (provenance.kind === 'served' && provenance.artefactDigest === digest && !isAgainstItself)
    notes.push(`${version} itself served this, so ${left}`);
  if (
    trainedOn !== undefined &&
    Date.parse(trainedOn.from) * 1000 <= occurredAt &&
    occurredAt < Date.parse(trainedOn.until) * 1000
  )
    notes.push(`${version} was trained on this time, so ${left}`);
  if (replay === undefined) return notes;
  if (replay.where !== undefined) notes.push(`the replay took only rows where ${replay.where}`);
  if (replay.sample !== undefined)
    notes.push(`the replay took a sample of about ${replay.sample} rows, so it may have left this one out`);
  if (replay.ignored.length > 0) notes.push(`the replay left out rows where ${replay.ignored.join(', or ')}`);
  if (replay.given.length > 0) notes.push(`the replay gave the candidate ${replay.given.join(', ')}`);
  return notes;
}

function absentWords(absent: readonly string[]): string {
  const more = absent.length > 8 ? ` and ${absent.length - 8} more` : '';
  return `the record has no ${absent.slice(0, 8).join(', ')}${more}: the candidate was given what it takes for missing`;
}
