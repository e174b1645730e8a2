import type { RecordedRow } from '../../projections/datasets/recorded-predictions.js';
import type { Judgement } from '../judging/judge.js';
import type { PartFindings } from '../part/replay-part.js';
import { defaultRules } from '../judging/gate-rules.js';
import { replaySettings } from '../judging/replay-settings.js';
import { verdictOf } from '../judging/verdict.js';
import type { PlanOptions, ReplayPlan } from '../plan-replay.js';
import { formatMicros } from '../time-option.js';
import { conditionWords } from './condition-words.js';
import { coverageNote } from './coverage-note.js';
import { inputViolations } from './input-violations.js';
import { notJudged } from './not-judged.js';
import { reproduceCommand } from './reproduce-command.js';
import type { NoiseFloor, ReplayReport, WorstRow } from './report-schema.js';

export interface ReportParts {
  readonly options: PlanOptions;
  readonly plan: ReplayPlan;
  readonly findings: PartFindings;
  readonly noiseFloor: NoiseFloor;
  readonly judgement: Judgement;
  /** By position. */
  readonly examples: ReadonlyMap<string, RecordedRow>;
}

/** Puts the report together; the same parts give the same report. */
export function replayReport(parts: ReportParts): ReplayReport {
  const { options, plan, findings, noiseFloor, judgement } = parts;
  const { excluded, comparedRows } = findings;
  const waterfall = {
    recorded: plan.count.rows + plan.ignored,
    ignored: plan.ignored,
    notReached: findings.isComplete ? 0 : plan.count.rows - findings.rowsRead,
    ...excluded,
    compared: comparedRows,
    withoutTruth: comparedRows - judgement.judged,
    judged: judgement.judged,
  };
  const importedRows =
    plan.control === undefined
      ? findings.served.reduce((sum, { digest, rows: served }) => sum + (digest === null ? served : 0), 0)
      : 0;
  const { expect, rules = defaultRules } = options;
  const { verdict, reason } = verdictOf({
    expect,
    waterfall,
    noiseFloor,
    importedRows,
    gates: judgement.gates,
    isComplete: findings.isComplete,
  });
  return {
    schemaVersion: 1,
    model: options.model,
    task: plan.candidate.task,
    expect,
    verdict,
    reason,
    isComplete: findings.isComplete,
    range: { from: formatMicros(options.range.fromMicros), until: formatMicros(options.range.untilMicros) },
    knownUntil: plan.knownUntil === undefined ? null : formatMicros(plan.knownUntil),
    log: { position: String((plan.count.lastPosition ?? -1) + 1) },
    control: controlOf(parts),
    candidate: { version: plan.candidate.version, digest: findings.candidateDigest },
    settings: {
      margin: rules.margin,
      level: replaySettings.level,
      tolerance: rules.tolerance,
      agreementLimit: rules.agreementLimit,
      failureLimit: rules.failureLimit,
      flipsLimit: rules.flipsLimit ?? null,
      negativeFlipsLimit: rules.negativeFlipsLimit ?? null,
      positiveRateWithin: rules.positiveRateWithin ?? null,
      meanScoreWithin: rules.meanScoreWithin ?? null,
      accuracyLoss: rules.accuracyLoss ?? null,
      aucLoss: rules.aucLoss ?? null,
      errorWithin: rules.errorWithin ?? null,
      errorWithinLoss: rules.errorWithinLoss ?? null,
      latencyRatio: rules.latencyRatio ?? null,
      gatesSlices: rules.slices,
      ignored: (options.ignore ?? []).map((exception) => ({ ...exception })),
      seed: options.seed,
      sample: options.sample ?? null,
      where: options.where ?? null,
      missingFeature: options.missingFeature,
      given: [...findings.given],
      slices: [...plan.slices],
    },
    waterfall,
    noiseFloor,
    violations: inputViolations(plan.candidate, findings.contract),
    gates: judgement.gates,
    metrics: judgement.metrics,
    classes: judgement.classes,
    flips: judgement.flips,
    shift: judgement.shift,
    density: judgement.density,
    joint: judgement.joint,
    calibration: judgement.calibration,
    days: judgement.days,
    slices: judgement.slices,
    discovered: discoveredOf(parts),
    worst: { by: judgement.worst.by, rows: worstOf(parts) },
    failures: findings.failures.map(({ position, message }) => {
      const row = parts.examples.get(String(position));
      return {
        position: String(position),
        predictionId: row?.predictionId ?? '',
        key: row?.key ?? null,
        message,
      };
    }),
    notes: notesOf(parts, importedRows),
    notJudged: notJudged({
      hasSubjects: plan.count.rowsWithSubject > 0,
      measuresLatency: rules.latencyRatio !== undefined,
    }),
    reproduce: reproduceCommand(options, plan.knownUntil),
  };
}

function controlOf({ plan, findings }: ReportParts): ReplayReport['control'] {
  if (plan.control === undefined)
    return { kind: 'recorded', versions: findings.served.map((served) => ({ ...served })) };
  const { version } = plan.control;
  return {
    kind: 'version',
    versions: [{ version, digest: findings.controlDigest ?? null, rows: findings.comparedRows }],
  };
}

function worstOf({ judgement, examples }: ReportParts): WorstRow[] {
  return judgement.worst.rows.map(({ position, occurredAt, ...row }) => {
    const example = examples.get(String(position));
    return {
      position: String(position),
      predictionId: example?.predictionId ?? '',
      key: example?.key ?? null,
      occurredAt: formatMicros(occurredAt),
      ...row,
      inputs: inputsOf(example),
    };
  });
}

function discoveredOf({ judgement: { search }, examples }: ReportParts): ReplayReport['discovered'] {
  if (search === undefined) return null;
  return {
    ...search,
    slices: search.slices.map((slice) => ({
      ...slice,
      conditions: slice.conditions.map((condition) => ({ ...condition })),
      shareOfFlips: slice.shareOfFlips ?? null,
      examples: slice.examples.map((at) => {
        const position = String(at);
        const row = examples.get(position);
        return { position, predictionId: row?.predictionId ?? '', key: row?.key ?? null };
      }),
    })),
  };
}

/** By name, so that the order of columns in a dataset does not show; numbers that JSON lacks as text. */
function inputsOf(example: RecordedRow | undefined): WorstRow['inputs'] {
  const entries = Object.entries(example?.inputs ?? {}).sort(([first], [second]) =>
    first < second ? -1 : 1,
  );
  return Object.fromEntries(
    entries.map(([name, value]) => [
      name,
      typeof value === 'number' && !Number.isFinite(value) ? String(value) : value,
    ]),
  );
}

function notesOf({ plan, findings, judgement }: ReportParts, importedRows: number): string[] {
  const notes: string[] = [];
  const { comparedRows, neverRecorded } = findings;
  if (importedRows > 0) {
    notes.push(
      `${importedRows} rows were imported: their control cannot be run again, so it is taken as recorded.`,
    );
  }
  if (comparedRows > 0 && neverRecorded.length > 0) {
    notes.push(
      `No compared row has a value of ${neverRecorded.join(', ')}; the candidate was given its missing value.`,
    );
  }
  if (judgement.judged > 0 && judgement.judged < comparedRows) {
    const share = ((100 * judgement.judged) / comparedRows).toFixed(1);
    notes.push(
      `Quality is judged on the ${share} % of compared rows whose truth is known; the others may differ.`,
    );
  }
  if (findings.excluded.candidateFailed > 0) {
    notes.push(
      `Quality is judged without the ${findings.excluded.candidateFailed} rows on which the candidate failed.`,
    );
  }
  const uncovered = coverageNote(judgement.flips);
  if (uncovered !== undefined) notes.push(uncovered);
  const worse = judgement.slices.filter(
    ({ verdict, interval }) => verdict === null && (interval?.lower ?? 0) > 0,
  );
  if (worse.length > 0) {
    const names = worse.slice(0, 5).map(conditionWords).join(', ');
    const more = worse.length > 5 ? ` and ${worse.length - 5} more` : '';
    notes.push(`Too small to be gated, but worse by their own 95 % interval: rows with ${names}${more}.`);
  }
  if (plan.candidate.trainedOn === undefined) {
    notes.push(
      'The candidate does not say what it was trained on: rows that it has seen could not be excluded.',
    );
  }
  return notes;
}
