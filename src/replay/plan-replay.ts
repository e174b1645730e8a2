import type { RecordedCount, RecordedQuery } from '../projections/datasets/recorded-predictions.js';
import type { ModelManifest } from '../schemas/model-manifest.js';
import { errors } from '../services/platform/errors.js';
import type { Eligibility } from './eligible-rows.js';
import { subjectCells } from './judging/subject-cells.js';
import { sliceFeatures } from './judging/slices/slice-feature.js';
import type { OutputPairing } from './output-pairing.js';
import { outputPairing } from './output-pairing.js';
import type { ReplayOptions } from './replay-options.js';
import { formatMicros } from './time-option.js';

export interface ReplayPlan {
  readonly candidate: ModelManifest;
  /** Of the version that is run again as the control; undefined: the record is the control. */
  readonly control: ModelManifest | undefined;
  readonly pairing: OutputPairing;
  readonly query: RecordedQuery;
  readonly count: RecordedCount;
  /** Rows in range that the exceptions of the gate file leave out; not in `count`. */
  readonly ignored: number;
  /**
   * Truths known later are not in the report: the instant asked for, or that of the last truth in range, so that the
   * same command gives the same report when more truths have come. Undefined: no row has a truth.
   */
  readonly knownUntil: number | undefined;
  /** Slice features beside those of the candidate's manifest, none twice, in the manifest's order of features. */
  readonly slices: readonly string[];
}

/** What a plan is made from: everything but the models themselves. */
export type PlanOptions = Omit<ReplayOptions, 'loadModel' | 'makeSpill' | 'rankAside' | 'workers'>;

/**
 * Checks that the comparison makes sense, before anything is loaded. Throws MODEL_VERSION_NOT_FOUND, REPLAY_CANDIDATE_UNFIT (another
 * task or other outputs), USAGE_INVALID (control and candidate are one, given the same; slices that the candidate cannot be cut into), REPLAY_RANGE_EMPTY.
 */
export async function planReplay(options: PlanOptions): Promise<ReplayPlan> {
  const { model, manifests, range } = options;
  const candidate = manifestOf(options, options.candidate);
  const control = options.control === 'recorded' ? undefined : manifestOf(options, options.control.version);
  if (control?.version === candidate.version && Object.keys(options.set ?? {}).length === 0) {
    const problem = `Control and candidate are both ${candidate.version}: with --set feature=value they differ by what the candidate is given.`;
    throw errors.USAGE_INVALID({ problem });
  }
  if (control !== undefined) checkComparable(control, candidate);
  const slices = furtherSlices(options, candidate);
  const pairing = outputPairing(candidate);
  const features = new Set(candidate.features.map((feature) => feature.name));
  for (const other of control === undefined ? manifests.values() : [control]) {
    for (const feature of other.features) features.add(feature.name);
  }
  const all: RecordedQuery = {
    model,
    occurredFrom: range.fromMicros,
    occurredUntil: range.untilMicros,
    ...(options.knownUntil === undefined ? {} : { knownUntil: options.knownUntil }),
    features: [...features].sort(),
    outputs: pairing.roles,
    ...(options.where === undefined ? {} : { where: options.where }),
  };
  const { query, count, ignored } = await withoutIgnored(options, all);
  if (count.rows + ignored === 0) {
    const where = options.where === undefined ? '' : ` where ${options.where}`;
    throw errors.REPLAY_RANGE_EMPTY({
      range: `${formatMicros(range.fromMicros)} to ${formatMicros(range.untilMicros)}${where}`,
      available:
        count.available === undefined
          ? `no prediction of ${model}`
          : `${formatMicros(count.available.from)} to ${formatMicros(count.available.until)}`,
    });
  }
  return {
    candidate,
    control,
    pairing,
    query: count.rowsWithSubject === 0 ? query : { ...query, subjectCells },
    count,
    ignored,
    knownUntil: options.knownUntil ?? count.truthKnownUntil,
    slices,
  };
}

/** Throws USAGE_INVALID for a feature that the candidate lacks, that has no groups, or that is one value in every row. */
function furtherSlices(
  { slices: asked = [], set = {}, profile }: PlanOptions,
  candidate: ModelManifest,
): readonly string[] {
  const { features, slices, version } = candidate;
  const known = features.map(({ name }) => name);
  const groups = new Set(sliceFeatures(candidate, profile).map(({ feature }) => feature));
  for (const name of asked) {
    if (!known.includes(name)) {
      const problem = `--slice ${name}: ${version} has no such feature; it has ${known.join(', ')}`;
      throw errors.USAGE_INVALID({ problem });
    }
    if (Object.hasOwn(set, name)) {
      const problem = `--slice ${name} and --set ${name} contradict each other: the candidate is given one value of it in every row`;
      throw errors.USAGE_INVALID({ problem });
    }
    if (!groups.has(name)) {
      const problem = `--slice ${name}: ${version} has neither a reference profile nor a range that says how to cut it into groups`;
      throw errors.USAGE_INVALID({ problem });
    }
  }
  const declared = new Set(slices.map(({ feature }) => feature));
  return known.filter((name) => asked.includes(name) && !declared.has(name));
}

/** The query without the rows that exceptions leave out, and how many those are. */
async function withoutIgnored(
  { recorded, ignore = [] }: PlanOptions,
  all: RecordedQuery,
): Promise<Pick<ReplayPlan, 'query' | 'count' | 'ignored'>> {
  const count = await recorded.count(all);
  if (ignore.length === 0 || count.rows === 0) return { query: all, count, ignored: 0 };
  const conditions = ignore.map(({ where }) => `(\n${where}\n) IS NOT TRUE`);
  const query = {
    ...all,
    where: [...(all.where === undefined ? [] : [`(\n${all.where}\n)`]), ...conditions].join(' AND '),
  };
  const kept = await recorded.count(query);
  return { query, count: kept, ignored: count.rows - kept.rows };
}

/** Which of the rows in range take part. */
export function eligibilityOf(options: PlanOptions, plan: ReplayPlan, candidateDigest: string): Eligibility {
  const { trainedOn } = plan.candidate;
  return {
    // Against itself a version answers another question than it did when it served, so that those rows take part.
    candidateDigest: plan.control?.version === plan.candidate.version ? undefined : candidateDigest,
    trainedOn:
      trainedOn === undefined
        ? undefined
        : { fromMicros: Date.parse(trainedOn.from) * 1000, untilMicros: Date.parse(trainedOn.until) * 1000 },
    sampleShare: options.sample === undefined ? undefined : Math.min(1, options.sample / plan.count.rows),
    seed: options.seed,
  };
}

function manifestOf({ model, manifests }: PlanOptions, version: string): ModelManifest {
  const manifest = manifests.get(version);
  if (manifest === undefined)
    throw errors.MODEL_VERSION_NOT_FOUND({ model, version, known: [...manifests.keys()] });
  return manifest;
}

/** Throws REPLAY_CANDIDATE_UNFIT unless both have one task and the same outputs. */
export function checkComparable(control: ModelManifest, candidate: ModelManifest): void {
  const pair = (of: ModelManifest): string => `${of.version} is ${of.task} with ${outputsOf(of)}`;
  if (control.task !== candidate.task || outputsOf(control) !== outputsOf(candidate)) {
    throw errors.REPLAY_CANDIDATE_UNFIT({ problem: `${pair(control)}, ${pair(candidate)}` });
  }
}

function outputsOf({ outputs, classes, positiveClass, task }: ModelManifest): string {
  const roles = (['label', 'score', 'value'] as const).filter((role) => outputs[role] !== undefined);
  const classNames = task === 'regression' || classes === undefined ? [] : classes.map(String).sort();
  const positive = task === 'binary-classification' ? [`positive class ${positiveClass ?? 1}`] : [];
  return [...roles, ...classNames, ...positive].join(', ');
}
