import type { JsonObject, Scalar } from '../../schemas/json-value.js';
import type { FieldProfile } from '../../schemas/reference-profile.js';
import type { InferenceModel } from '../../services/inference/inference-model.js';
import { noiseFloorLimit } from '../noise-floor.js';
import { outputPairing } from '../output-pairing.js';
import type { Answer, Answered } from './answers.js';
import { answersOf, recordedAnswer } from './answers.js';
import type { Attribution, ModelAnswers } from './attribute.js';
import { attribute } from './attribute.js';
import type { AnswerComparison } from './compare-answers.js';
import { areWithin, compareAnswers } from './compare-answers.js';
import { oneAtATime, withValues } from './one-at-a-time.js';
import type { ReferenceValue } from './reference-value.js';
import { referenceValue } from './reference-value.js';

/** A model with what its training saw of its features; undefined: it was registered without. */
export interface ProfiledModel {
  readonly model: InferenceModel;
  readonly profile: { readonly [feature: string]: FieldProfile } | undefined;
}

export interface RowComparison {
  readonly candidate: Answer;
  /** The record, or what the control's version says now; null: the prediction failed, and nothing was recorded. */
  readonly control: Answer | null;
  /** Null unless both sides answered. */
  readonly compared: AnswerComparison | null;
  /** Features of the candidate that the record has no field of: it was given its missing value for them. */
  readonly absent: readonly string[];
  /** Whether the version that served gives its record again; null: it was not run, or is not the control. */
  readonly controlReproduced: boolean | null;
  /** Where the two disagree, or when asked for; null otherwise, and when the candidate failed. */
  readonly attribution: Attribution | null;
}

/**
 * What a candidate says of one recorded row, beside its control, and which features drive a disagreement. Each model runs
 * once, over the row as it is and the row with each feature at its reference value. The two MUST be comparable
 * (`checkComparable`).
 */
export async function compareOnRow(options: {
  readonly inputs: JsonObject;
  /** What a replay gave the candidate instead of what was recorded. */
  readonly given?: { readonly [feature: string]: Scalar };
  readonly truth: string | number | null;
  readonly candidate: ProfiledModel;
  /** `recorded`: the answer of then; null: there was none. Otherwise what `controlModel` says now. */
  readonly control:
    | { readonly kind: 'recorded'; readonly outputs: { readonly [role: string]: Scalar } | null }
    | { readonly kind: 'version' };
  /** The control's version where it can be run again. */
  readonly controlModel: ProfiledModel | undefined;
  readonly tolerance: number;
  /** Scores beyond the tolerance are a disagreement, also where labels agree. */
  readonly exact: boolean;
  /** Attribute also where both agree. */
  readonly always: boolean;
}): Promise<RowComparison> {
  const { inputs, given = {}, truth, candidate, controlModel, tolerance } = options;
  const { manifest } = candidate.model;
  const pairing = outputPairing(manifest);
  const { features, references } = referencesOf(candidate, controlModel);
  const candidateInputs = withValues(inputs, given);

  const answer = async ({ model }: ProfiledModel, row: JsonObject): Promise<ModelRun> => {
    const { rows, replaced } = oneAtATime(row, model.manifest, references);
    const [asIs, ...others] = await answersOf(model, rows, pairing);
    return {
      asIs: asIs ?? { kind: 'failed', message: 'it gave no usable output' },
      replaced: new Map(
        replaced.flatMap((name, index) => (others[index] === undefined ? [] : [[name, others[index]]])),
      ),
    };
  };
  const candidateRun = await answer(candidate, candidateInputs);
  const controlRun = controlModel === undefined ? undefined : await answer(controlModel, inputs);

  const recorded =
    options.control.kind === 'recorded' && options.control.outputs !== null
      ? recordedAnswer(options.control.outputs, pairing, manifest.threshold)
      : null;
  const control = options.control.kind === 'recorded' ? recorded : (controlRun?.asIs ?? null);
  const sides = bothOf(candidateRun.asIs, control);
  const compared = sides === undefined ? null : compareAnswers({ pairing, ...sides, truth, tolerance });
  const disagree =
    compared !== null &&
    (compared.flipped === true ||
      ((pairing.task === 'regression' || options.exact) && compared.withinTolerance === false));
  const candidateAnswers = answered(candidateRun);
  return {
    candidate: candidateRun.asIs,
    control,
    compared,
    absent: manifest.features.map(({ name }) => name).filter((name) => !Object.hasOwn(candidateInputs, name)),
    controlReproduced:
      recorded?.kind === 'answered' && controlRun !== undefined
        ? controlRun.asIs.kind === 'answered' &&
          controlRun.asIs.label === recorded.label &&
          areWithin(pairing, recorded, controlRun.asIs, noiseFloorLimit)
        : null,
    attribution:
      candidateAnswers !== undefined && (disagree || options.always)
        ? attribute({
            pairing,
            inputs,
            features,
            references,
            candidateRun: candidateAnswers,
            control: sides?.control,
            controlRun: controlRun === undefined ? undefined : answered(controlRun),
            tolerance,
          })
        : null,
  };
}

interface ModelRun {
  readonly asIs: Answer;
  readonly replaced: ReadonlyMap<string, Answer>;
}

function answered({ asIs, replaced }: ModelRun): ModelAnswers | undefined {
  return asIs.kind === 'answered' ? { asIs, replaced } : undefined;
}

function bothOf(
  candidate: Answer,
  control: Answer | null,
): { readonly candidate: Answered; readonly control: Answered } | undefined {
  return candidate.kind === 'answered' && control?.kind === 'answered' ? { candidate, control } : undefined;
}

/** One reference for both models, so that they can be held against each other: the candidate's, else the control's. */
function referencesOf(
  candidate: ProfiledModel,
  control: ProfiledModel | undefined,
): { readonly features: readonly string[]; readonly references: ReadonlyMap<string, ReferenceValue> } {
  const features = new Set<string>();
  const references = new Map<string, ReferenceValue>();
  for (const { model, profile } of control === undefined ? [candidate] : [candidate, control]) {
    for (const feature of model.manifest.features) {
      const { name } = feature;
      features.add(name);
      if (references.has(name)) continue;
      const found = profile !== undefined && Object.hasOwn(profile, name) ? profile[name] : undefined;
      const reference = referenceValue(feature, found);
      if (reference !== undefined) references.set(name, reference);
    }
  }
  return { features: [...features], references };
}
