import { binaryLogLoss, classLogLoss, logLossClip } from '../../stats/log-loss.js';
import type { OutputPairing } from '../output-pairing.js';
import type { Answered } from './answers.js';

/** Two answers to one row beside each other. */
export interface AnswerComparison {
  /** Null for a regression, which has no labels. */
  readonly flipped: boolean | null;
  /** Which score is told: `score`, `score of <class>` (the candidate's own label), `value`; null without scores. */
  readonly of: string | null;
  /** candidate − control of it. */
  readonly difference: number | null;
  /** Whether every score is within the tolerance (of values: relative to the control's where it is above 1); null without scores. */
  readonly withinTolerance: boolean | null;
  /** Null: the truth is not known, or is none that the task has. */
  readonly judged: {
    readonly right: 'both' | 'control' | 'candidate' | 'neither';
    readonly loss: 'log loss' | 'absolute error';
    /** Null without scores, or where a score is no probability. */
    readonly controlLoss: number | null;
    readonly candidateLoss: number | null;
  } | null;
}

export function compareAnswers(options: {
  readonly pairing: OutputPairing;
  readonly control: Answered;
  readonly candidate: Answered;
  readonly truth: string | number | null;
  readonly tolerance: number;
}): AnswerComparison {
  const { pairing, control, candidate, truth, tolerance } = options;
  const of = scoreOf(pairing, candidate);
  const scored = of !== undefined && candidate.scores.length > 0;
  return {
    flipped: pairing.task === 'regression' ? null : control.label !== candidate.label,
    of: scored ? scoreName(pairing, of) : null,
    difference: scored ? scoreAt(candidate, of) - scoreAt(control, of) : null,
    withinTolerance: scored ? areWithin(pairing, control, candidate, tolerance) : null,
    judged: pairing.task === 'regression' ? judgedValue(options) : judgedLabel(options, truth),
  };
}

/**
 * Which score speaks for an answer: the only one there is, or of several classes that of its label. Undefined: its label
 * has none.
 */
export function scoreOf(pairing: OutputPairing, answer: Answered): number | undefined {
  if (pairing.task !== 'multiclass-classification') return 0;
  const code = pairing.labels.indexOf(answer.label ?? '');
  return code >= 0 && code < answer.scores.length ? code : undefined;
}

/** What the score is called: `score`, `score of <class>`, or `value`. */
export function scoreName(pairing: OutputPairing, of: number): string {
  if (pairing.task === 'regression') return 'value';
  return pairing.task === 'multiclass-classification' ? `score of ${pairing.labels[of] ?? of}` : 'score';
}

export function scoreAt(answer: Answered, of: number): number {
  return answer.scores[of] ?? Number.NaN;
}

export function areWithin(
  pairing: OutputPairing,
  control: Answered,
  candidate: Answered,
  tolerance: number,
): boolean {
  return control.scores.every((score, index) => {
    const scale = pairing.task === 'regression' ? Math.max(1, Math.abs(score)) : 1;
    return Math.abs((candidate.scores[index] ?? Number.NaN) - score) / scale <= tolerance;
  });
}

function judgedValue({
  control,
  candidate,
  truth,
}: {
  readonly control: Answered;
  readonly candidate: Answered;
  readonly truth: string | number | null;
}): AnswerComparison['judged'] {
  if (typeof truth !== 'number' || !Number.isFinite(truth)) return null;
  const controlLoss = Math.abs(scoreAt(control, 0) - truth);
  const candidateLoss = Math.abs(scoreAt(candidate, 0) - truth);
  const nearer = controlLoss < candidateLoss ? 'control' : 'candidate';
  return {
    right: controlLoss === candidateLoss ? 'both' : nearer,
    loss: 'absolute error',
    controlLoss,
    candidateLoss,
  };
}

function judgedLabel(
  options: {
    readonly pairing: OutputPairing;
    readonly control: Answered;
    readonly candidate: Answered;
  },
  truth: string | number | null,
): AnswerComparison['judged'] {
  const { pairing, control, candidate } = options;
  const code = truthCode(pairing, truth);
  if (code === undefined) return null;
  const happened = pairing.labels[code];
  const sides = { control: control.label === happened, candidate: candidate.label === happened };
  const one = sides.control ? 'control' : 'candidate';
  return {
    right: sides.control === sides.candidate ? (sides.control ? 'both' : 'neither') : one,
    loss: 'log loss',
    ...logLosses(options, code),
  };
}

/** Binary truths that are neither 0 nor 1 count as unknown, as in a replay. */
function truthCode(pairing: OutputPairing, truth: string | number | null): number | undefined {
  if (truth === null) return undefined;
  if (pairing.task === 'multiclass-classification') return pairing.codeOf(String(truth));
  return truth === 0 || truth === 1 ? truth : undefined;
}

/** One clip for both sides: that of 32-bit floats when the scores of either side fit one. */
function logLosses(
  {
    pairing,
    control,
    candidate,
  }: { readonly pairing: OutputPairing; readonly control: Answered; readonly candidate: Answered },
  truth: number,
): { readonly controlLoss: number | null; readonly candidateLoss: number | null } {
  const fits = ({ scores }: Answered): boolean => scores.every((score) => Math.fround(score) === score);
  const clip = fits(control) || fits(candidate) ? logLossClip.float32 : logLossClip.float64;
  const lossOf = ({ scores }: Answered): number | null => {
    if (scores.length === 0 || scores.some((score) => !(score >= -clip && score <= 1 + clip))) return null;
    if (pairing.task === 'binary-classification')
      return binaryLogLoss({ score: scores[0] ?? Number.NaN, label: truth, clip });
    return truth < scores.length ? classLogLoss({ probabilities: scores, truth, clip }) : null;
  };
  return { controlLoss: lossOf(control), candidateLoss: lossOf(candidate) };
}
