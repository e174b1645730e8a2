import type { RecordedPredictions } from '../projections/datasets/recorded-predictions.js';
import type { Scalar } from '../schemas/json-value.js';
import type { ModelManifest } from '../schemas/model-manifest.js';
import type { FieldProfile } from '../schemas/reference-profile.js';
import type { InferenceModel } from '../services/inference/inference-model.js';
import type { Clock } from '../services/platform/clock.js';
import type { GateRules, IgnoreRule } from './judging/gate-rules.js';
import type { ScoreRanking } from './ranking/score-ranking.js';
import type { Spill } from './ranking/spill.js';
import type { ReplayExpectation } from './report/report-schema.js';

export type MissingFeature = 'fail' | 'null' | 'default';

export interface ReplayOptions {
  readonly model: string;
  /** What was recorded; the caller closes it. */
  readonly recorded: RecordedPredictions;
  /**
   * Loads a version from the registry, best in a worker; replay closes what it loads. The model MUST leave the batch to the
   * caller (no `takesBatches`), since a batch that it fails on is run again in parts. `asServed`: exactly as serving runs it, to measure how
   * long that takes; else in whatever way gives the same outputs sooner.
   */
  readonly loadModel: (version: string, how?: { readonly asServed: boolean }) => Promise<InferenceModel>;
  /** Every registered version of the model. A version that served and is not here counts as imported. */
  readonly manifests: ReadonlyMap<string, ModelManifest>;
  /** `recorded`: what was answered then; a version: what it answers now on the recorded inputs. */
  readonly control: 'recorded' | { readonly version: string };
  readonly candidate: string;
  /** What the candidate's training saw of its features: cuts numbers into groups for slices. */
  readonly profile?: { readonly [feature: string]: FieldProfile };
  /** `occurredAt`, microseconds UTC, from inclusive, until exclusive. */
  readonly range: { readonly fromMicros: number; readonly untilMicros: number };
  /** Truths known later than this, microseconds UTC, are treated as unknown. */
  readonly knownUntil?: number;
  readonly expect: ReplayExpectation;
  /** Of a gate file; the defaults when undefined. */
  readonly rules?: GateRules;
  /** Rows that fit one of these are left out and counted. */
  readonly ignore?: readonly IgnoreRule[];
  /** Path of the gate file, as the command named it. */
  readonly gates?: string;
  /** About so many of the rows in range, chosen by a hash of position and seed. */
  readonly sample?: number;
  /** A whole number in [0, 2^32). */
  readonly seed: number;
  /** An SQL condition over the model's view. */
  readonly where?: string;
  /** What a candidate gets for a feature that the log does not have. */
  readonly missingFeature: MissingFeature;
  /** Features that the candidate gets one value for in every row, whatever was recorded. */
  readonly set?: { readonly [feature: string]: Scalar };
  /** Features whose groups are shown and gated like those that the candidate's manifest declares. */
  readonly slices?: readonly string[];
  /** How many workers run the candidate; 1 unless told. The report is the same for any number. */
  readonly workers?: number;
  /** Where scores are put aside that do not fit into memory. */
  readonly makeSpill: () => Spill;
  /** Ranks the scores of a range of so many rows or more in a thread of its own; undefined: this thread ranks. */
  readonly rankAside?: { readonly rowsMin: number; readonly make: (rowsExpected: number) => ScoreRanking };
  readonly onProgress?: (progress: ReplayProgress) => void;
  /** What does not belong into a report that is the same when run again: durations. Called once, at the end. */
  readonly onTimings?: (timings: ReplayTimings) => void;
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
}

export interface ReplayProgress {
  readonly rows: number;
  readonly total: number;
  readonly rowsPerSecond: number;
}

export interface ReplayTimings {
  readonly startedAtMicros: number;
  readonly totalMicros: number;
  /** From the first row read until the last row paired. */
  readonly replayMicros: number;
  readonly judgeMicros: number;
  /** Sum over the candidate's runs, as the model reports it. */
  readonly candidateInferenceMicros: number;
  readonly comparedRows: number;
  readonly rowsPerSecond: number;
}
