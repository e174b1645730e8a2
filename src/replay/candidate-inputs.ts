import type { Column, ColumnBatch } from '../schemas/columns.js';
import type { Scalar } from '../schemas/json-value.js';
import type { Feature, ModelManifest } from '../schemas/model-manifest.js';
import { errors } from '../services/platform/errors.js';
import type { MissingFeature } from './replay-options.js';
import type { RowChunk } from './row-chunks.js';

export interface CandidateInputs {
  /** What the candidate is given for a chunk. Throws REPLAY_CANDIDATE_UNFIT for a feature that the log does not have. */
  of(chunk: RowChunk): ColumnBatch;
  /** Features that no chunk so far had a value for, and that nothing was given for instead. */
  neverRecorded(): readonly string[];
  /** What was given instead of recorded values: `feature = value`, in the manifest's order. */
  readonly given: () => readonly string[];
}

/** Decides for each feature of the candidate where its values come from: the record, `--set`, or a stand-in. */
export function candidateInputs(options: {
  readonly manifest: ModelManifest;
  readonly missingFeature: MissingFeature;
  readonly set: { readonly [feature: string]: Scalar };
}): CandidateInputs {
  const { manifest, missingFeature, set } = options;
  const { features } = manifest;
  for (const name of Object.keys(set)) {
    if (!features.some((feature) => feature.name === name)) {
      const known = features.map((feature) => feature.name).join(', ');
      throw errors.USAGE_INVALID({
        problem: `--set ${name}: the candidate has no such feature; it has ${known}`,
      });
    }
  }
  const unseen = new Set(features.filter((feature) => !(feature.name in set)).map((feature) => feature.name));
  const stoodIn = new Map<string, Scalar>();

  const standIn = (feature: Feature): Scalar => {
    if (missingFeature === 'fail') throw unfit(`the log has no values of its feature ${feature.name}`);
    const value = missingFeature === 'null' ? null : defaultOf(feature);
    if (value === null && feature.missing === undefined) {
      throw unfit(`the log has no values of its feature ${feature.name}, which cannot be missing`);
    }
    stoodIn.set(feature.name, value);
    unseen.delete(feature.name);
    return value;
  };

  return {
    of: (chunk) => {
      const columns: { [feature: string]: Column } = {};
      for (const feature of features) {
        const { name } = feature;
        const recorded = chunk.inputs[name];
        const fixed = set[name];
        if (fixed !== undefined) columns[name] = constant(fixed, feature, chunk.rows);
        else if (recorded === undefined) columns[name] = constant(standIn(feature), feature, chunk.rows);
        else {
          columns[name] = recorded;
          if (unseen.has(name) && hasValue(recorded)) unseen.delete(name);
        }
      }
      return { rows: chunk.rows, columns };
    },
    neverRecorded: () => [...unseen],
    given: () =>
      features.flatMap(({ name }) => {
        const value = set[name] ?? stoodIn.get(name);
        if (name in set) return [`${name} = ${String(set[name])}`];
        return value === undefined ? [] : [`${name} = ${String(value)}`];
      }),
  };
}

function hasValue(column: Column): boolean {
  return column.valid === undefined || column.valid.includes(1);
}

/** The declared missing value where there is one; else the middle of the range, the first category, or zero. */
function defaultOf(feature: Feature): Scalar {
  if (feature.missing !== undefined) return null;
  if (feature.tensorType === 'string') return feature.categories?.[0] ?? '';
  if (feature.tensorType === 'bool') return false;
  if (feature.range === undefined) return 0;
  const middle = (feature.range.min + feature.range.max) / 2;
  return feature.tensorType === 'int64' || feature.tensorType === 'int32' ? Math.round(middle) : middle;
}

/** One value in every row, as the feature's tensor takes it. */
function constant(value: Scalar, feature: Feature, rows: number): Column {
  const { tensorType, name } = feature;
  if (value === null) {
    const valid = new Uint8Array(rows);
    return tensorType === 'string'
      ? { kind: 'dictionary', codes: new Uint8Array(rows), dictionary: [''], valid }
      : { kind: 'number', values: new Float64Array(rows), valid };
  }
  if (tensorType === 'string') {
    return { kind: 'dictionary', codes: new Uint8Array(rows), dictionary: [String(value)], valid: undefined };
  }
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (tensorType === 'bool' && typeof value === 'boolean') {
    return { kind: 'boolean', values: new Uint8Array(rows).fill(value ? 1 : 0), valid: undefined };
  }
  if (typeof number !== 'number' || Number.isNaN(number)) {
    throw errors.USAGE_INVALID({ problem: `--set ${name}=${String(value)}: the feature takes a number` });
  }
  return { kind: 'number', values: new Float64Array(rows).fill(number), valid: undefined };
}

function unfit(problem: string) {
  return errors.REPLAY_CANDIDATE_UNFIT({ problem });
}
