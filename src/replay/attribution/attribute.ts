import type { JsonObject, JsonValue } from '../../schemas/json-value.js';
import { noiseFloorLimit } from '../noise-floor.js';
import type { OutputPairing } from '../output-pairing.js';
import type { Answer, Answered } from './answers.js';
import { areWithin, scoreAt, scoreName, scoreOf } from './compare-answers.js';
import type { ReferenceValue } from './reference-value.js';

/** What one model says with one feature at its reference value. Null as a whole: the model has no such feature. */
export type AnswerWithReference =
  | {
      readonly kind: 'answered';
      readonly label: string | null;
      readonly score: number | null;
      /** Against the model's own answer to the row as it is; null without scores. */
      readonly change: number | null;
    }
  | { readonly kind: 'failed'; readonly message: string };

export interface FeatureEffect {
  readonly feature: string;
  /** As recorded; undefined: the record has no such field. */
  readonly recorded: JsonValue | undefined;
  readonly reference: ReferenceValue;
  readonly candidate: AnswerWithReference | null;
  readonly control: AnswerWithReference | null;
  /** The candidate's change − the control's, whose change is 0 by a feature that it lacks; null where one of them has none. */
  readonly apart: number | null;
  /** The one of the two that this feature moves not at all, though both have it and the other moves. */
  readonly ignoredBy: 'candidate' | 'control' | null;
  /** The reference value alone makes the candidate agree with the control (labels; values within the tolerance). */
  readonly undoes: boolean;
}

/**
 * How far each feature moves the candidate's answer when it alone is set to its reference value. One feature at a time:
 * what several do together is not in it.
 */
export interface Attribution {
  /** What moves: `score`, `score of <class>` (the candidate's own label), `value`; null: the model gives labels alone. */
  readonly of: string | null;
  /** Whether labels, or values beyond the tolerance, differ: what `undoes` is about. */
  readonly differs: boolean;
  /** The largest move of the candidate's score first. */
  readonly features: readonly FeatureEffect[];
  /** Features of either model that nothing says a typical value of. */
  readonly withoutReference: readonly string[];
}

/** The answers to the rows of `oneAtATime`: the row as it is, and by feature. */
export interface ModelAnswers {
  readonly asIs: Answered;
  readonly replaced: ReadonlyMap<string, Answer>;
}

/** `control`: the record, or what the control's own version says now; `controlRun` is undefined when that was not run. */
export function attribute(options: {
  readonly pairing: OutputPairing;
  readonly inputs: JsonObject;
  readonly features: readonly string[];
  readonly references: ReadonlyMap<string, ReferenceValue>;
  readonly candidateRun: ModelAnswers;
  readonly control: Answered | undefined;
  readonly controlRun: ModelAnswers | undefined;
  readonly tolerance: number;
}): Attribution {
  const { pairing, inputs, features, references, candidateRun, control, controlRun, tolerance } = options;
  const of = candidateRun.asIs.scores.length === 0 ? undefined : scoreOf(pairing, candidateRun.asIs);
  const agrees = (answer: Answered): boolean =>
    control !== undefined &&
    (pairing.task === 'regression'
      ? areWithin(pairing, control, answer, tolerance)
      : answer.label === control.label);
  const differs = control !== undefined && !agrees(candidateRun.asIs);
  const effects = features.flatMap((feature): FeatureEffect[] => {
    const reference = references.get(feature);
    if (reference === undefined) return [];
    const answer = candidateRun.replaced.get(feature);
    const candidate = withReference(candidateRun, feature, of);
    const besides = controlRun === undefined ? null : withReference(controlRun, feature, of);
    return [
      {
        feature,
        recorded: Object.hasOwn(inputs, feature) ? inputs[feature] : undefined,
        reference,
        candidate,
        control: besides,
        apart: of === undefined || controlRun === undefined ? null : apartBy(candidate, besides),
        ignoredBy: ignoringSide(candidate, besides),
        undoes: differs && answer?.kind === 'answered' && agrees(answer),
      },
    ];
  });
  return {
    of: of === undefined ? null : scoreName(pairing, of),
    differs,
    features: effects.toSorted((a, b) => sizeOf(b) - sizeOf(a)),
    withoutReference: features.filter((feature) => !references.has(feature)),
  };
}

/** What could not be said comes last; without scores there is no size, so what undoes the flip comes first. */
function sizeOf({ candidate, undoes }: FeatureEffect): number {
  if (candidate?.kind !== 'answered') return -1;
  return candidate.change === null ? Number(undoes) : Math.abs(candidate.change);
}

function apartBy(candidate: AnswerWithReference | null, control: AnswerWithReference | null): number | null {
  const changes = [candidate, control].map((answer) => {
    if (answer === null) return 0;
    return answer.kind === 'answered' ? answer.change : null;
  });
  const [ofCandidate = null, ofControl = null] = changes;
  return ofCandidate === null || ofControl === null ? null : ofCandidate - ofControl;
}

/** Exactly unmoved, as trees are by a feature that takes no other branch, against beyond the noise. */
function ignoringSide(
  candidate: AnswerWithReference | null,
  control: AnswerWithReference | null,
): FeatureEffect['ignoredBy'] {
  if (candidate?.kind !== 'answered' || control?.kind !== 'answered') return null;
  const moved = (change: number | null): boolean => Math.abs(change ?? 0) > noiseFloorLimit;
  if (candidate.change === 0 && moved(control.change)) return 'candidate';
  return control.change === 0 && moved(candidate.change) ? 'control' : null;
}

function withReference(
  { asIs, replaced }: ModelAnswers,
  feature: string,
  of: number | undefined,
): AnswerWithReference | null {
  const answer = replaced.get(feature);
  if (answer === undefined) return null;
  if (answer.kind === 'failed') return answer;
  const score = of === undefined ? null : scoreAt(answer, of);
  return {
    kind: 'answered',
    label: answer.label,
    score,
    change: score === null || of === undefined ? null : score - scoreAt(asIs, of),
  };
}
