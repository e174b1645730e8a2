import { z } from 'zod';

const Count = z.int().nonnegative();
const Instant = z.string();
/** A number that JSON can hold; what could not be computed is null, and its reason stands beside it. */
const Value = z.number().nullable();
const Digest = z.string();
const Cell = z.union([z.string(), z.number(), z.boolean(), z.null()]);

export const ReplayVerdict = z.enum(['PASS', 'FAIL', 'INCONCLUSIVE', 'INVALID']);
export type ReplayVerdict = z.infer<typeof ReplayVerdict>;

export const ReplayExpectation = z.enum(['same', 'no-worse', 'anything']);
export type ReplayExpectation = z.infer<typeof ReplayExpectation>;

/** Two-sided limits at `level`. */
const Interval = z.strictObject({ lower: z.number(), upper: z.number(), level: z.number() });
export type Interval = z.infer<typeof Interval>;

/** One gate: passes when its whole interval lies on the good side of the limit, fails when it lies wholly on the bad. */
export const ReplayGate = z.strictObject({
  name: z.enum([
    'agreement',
    'log-loss',
    'mean-absolute-error',
    'candidate-failures',
    'flips',
    'negative-flips',
    'positive-rate',
    'mean-score',
    'accuracy',
    'auc',
    'error-within',
    'latency',
    'expired-exception',
  ]),
  /** The group of rows that it is about; null: all compared rows. */
  slice: z.strictObject({ feature: z.string(), value: z.string() }).nullable(),
  /** What is measured, in one sentence. */
  measures: z.string(),
  rows: Count,
  estimate: Value,
  interval: Interval.nullable(),
  limit: z.number(),
  /** Where the good values are: below the limit, above it, or nearer to 0 than it. */
  good: z.enum(['below', 'above', 'within']),
  /** One-sided, of the hypothesis that the truth is on the good side of the limit; null without an interval. */
  p: Value,
  verdict: z.enum(['PASS', 'FAIL', 'INCONCLUSIVE']),
  reason: z.string(),
  /** About how many rows would decide it, if what was seen goes on; null when decided, or when rows would not help. */
  rowsNeeded: Count.nullable(),
});
export type ReplayGate = z.infer<typeof ReplayGate>;

export const ReplayMetric = z.strictObject({
  name: z.string(),
  rows: Count,
  control: Value,
  candidate: Value,
  /** candidate − control. */
  difference: Value,
  interval: Interval.nullable(),
  better: z.enum(['lower', 'higher', 'neither']),
  /** Why something is null. */
  note: z.string().nullable(),
});
export type ReplayMetric = z.infer<typeof ReplayMetric>;

const Rates = z.strictObject({ control: Value, candidate: Value });

/** One class of several. */
const ClassComparison = z.strictObject({
  label: z.string(),
  /** Judged rows whose truth it is. */
  rows: Count,
  /** Of those, the share that a side says it of. */
  recall: Rates,
  /** Of the judged rows that a side says it of, the share that it is the truth of. */
  precision: Rates,
  /** candidate − control, paired. */
  recallDifference: Value,
  interval: Interval.nullable(),
});
export type ClassComparison = z.infer<typeof ClassComparison>;

const Flips = z.strictObject({
  rows: Count,
  flipped: Count,
  rate: z.number(),
  interval: Interval,
  /** Rows by control label (outer) and candidate label (inner), in the order of `labels`. */
  labels: z.array(z.string()),
  matrix: z.array(z.array(Count)),
  /** Where the truth is known. */
  judged: Count,
  /** Of the matrix, rows whose truth is known: where it is missing more often, quality is not judged as well. */
  judgedMatrix: z.array(z.array(Count)),
  rightToWrong: Count,
  wrongToRight: Count,
});
export type Flips = z.infer<typeof Flips>;

const Quantile = z.strictObject({ probability: z.number(), value: z.number() });

const Shift = z.strictObject({
  /** Mean of candidate − control; null for several classes. */
  mean: Value,
  interval: Interval.nullable(),
  /** Quantiles of |candidate − control|; for several classes of the largest difference of a class. */
  distance: z.array(Quantile),
  tolerance: z.number(),
  beyondTolerance: Count,
});
export type Shift = z.infer<typeof Shift>;

/** Rows by score of either side: equal bins between the first and the last edge. */
const Density = z.strictObject({
  from: z.number(),
  until: z.number(),
  control: z.array(Count),
  candidate: z.array(Count),
});
export type Density = z.infer<typeof Density>;

const SideCalibration = z.strictObject({
  rows: Count,
  /** Mean of score − truth: above 0 the scores are too high. */
  bias: z.number(),
  biasInterval: Interval,
  /** Mean over the rows of |mean score − share of positives| of their bin. */
  expectedError: z.number(),
  /** Those that have rows; from inclusive, until exclusive but for the last. */
  bins: z.array(
    z.strictObject({
      from: z.number(),
      until: z.number(),
      rows: Count,
      meanScore: z.number(),
      /** Of positives. */
      share: z.number(),
      interval: Interval,
    }),
  ),
});
export type SideCalibration = z.infer<typeof SideCalibration>;

/** Binary tasks with scores and truths. */
const Calibration = z.strictObject({ control: SideCalibration, candidate: SideCalibration });
export type Calibration = z.infer<typeof Calibration>;

const Day = z.strictObject({
  day: z.string(),
  rows: Count,
  judged: Count,
  /** Mean loss over the judged rows: log loss, or the absolute error of a regression. */
  controlLoss: Value,
  candidateLoss: Value,
});
export type Day = z.infer<typeof Day>;

/** The rows of one value of a declared slice feature. */
const SliceOfRows = z.strictObject({
  feature: z.string(),
  value: z.string(),
  /** Declared as protected: always shown, for fairness. */
  protected: z.boolean(),
  rows: Count,
  flipped: Count,
  judged: Count,
  rightToWrong: Count,
  wrongToRight: Count,
  /** Mean loss over the judged rows. */
  controlLoss: Value,
  candidateLoss: Value,
  /** Mean of candidate loss − control loss. */
  increase: Value,
  interval: Interval.nullable(),
  /** What its gate says; null: it has none, see `note`. */
  verdict: z.enum(['PASS', 'FAIL', 'INCONCLUSIVE']).nullable(),
  note: z.string().nullable(),
});
export type SliceOfRows = z.infer<typeof SliceOfRows>;

/** Where the candidate is worst against the rest, searched for on one half of a sample and tested on the other. */
const DiscoveredSlices = z.strictObject({
  /** `loss`: candidate loss − control loss; `flips`: share of changed labels. */
  by: z.enum(['loss', 'flips']),
  sampledRows: Count,
  considered: Count,
  tested: Count,
  slices: z.array(
    z.strictObject({
      conditions: z.array(z.strictObject({ feature: z.string(), value: z.string() })),
      /** Of the sample. */
      rows: Count,
      /** Mean in the slice, and in the rest. */
      effect: z.number(),
      rest: z.number(),
      /** Of effect − rest, on the half that it was not found on. */
      interval: Interval,
      /** Adjusted for the number tested (false discovery rate). */
      p: z.number(),
      shareOfFlips: Value,
      examples: z.array(
        z.strictObject({ position: z.string(), predictionId: z.string(), key: z.string().nullable() }),
      ),
    }),
  ),
});
export type DiscoveredSlices = z.infer<typeof DiscoveredSlices>;

const Side = z.strictObject({ label: z.string().nullable(), value: Value });

const WorstRow = z.strictObject({
  position: z.string(),
  predictionId: z.string(),
  key: z.string().nullable(),
  occurredAt: Instant,
  control: Side,
  candidate: Side,
  truth: z.union([z.string(), z.number()]).nullable(),
  /** By how much the candidate's loss is larger, or |difference| where there is no truth. */
  increase: z.number(),
  inputs: z.record(z.string(), Cell),
});
export type WorstRow = z.infer<typeof WorstRow>;

export const NoiseFloorOfVersion = z.strictObject({
  version: z.string(),
  digest: Digest,
  rows: Count,
  maxDifference: Value,
  labelsChanged: Count.nullable(),
  reproduced: z.boolean(),
  problem: z.string().nullable(),
});
export type NoiseFloorOfVersion = z.infer<typeof NoiseFloorOfVersion>;

const NoiseFloor = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('measured'), limit: z.number(), versions: z.array(NoiseFloorOfVersion) }),
  z.strictObject({ kind: z.literal('none'), reason: z.string() }),
]);
export type NoiseFloor = z.infer<typeof NoiseFloor>;

const InputViolation = z.strictObject({
  feature: z.string(),
  kind: z.enum(['out-of-range', 'new-category', 'unexpected-missing']),
  rows: Count,
  /** Of all rows that the candidate was given. */
  share: z.number(),
  /** Served, such a row would be refused; false: served with a warning. */
  isRefused: z.boolean(),
});
export type InputViolation = z.infer<typeof InputViolation>;

/** Every row in range, taken away step by step. */
const Waterfall = z.strictObject({
  recorded: Count,
  /** Left out by the exceptions of the gate file. */
  ignored: Count,
  /** Not read any more when the replay was interrupted. */
  notReached: Count,
  outOfSample: Count,
  servedByCandidate: Count,
  trainedOn: Count,
  controlUnanswered: Count,
  candidateFailed: Count,
  compared: Count,
  withoutTruth: Count,
  judged: Count,
});
export type Waterfall = z.infer<typeof Waterfall>;

/**
 * The report of a replay: a pure function of range, truth known until, log position, digests, gates and seed. Holds no
 * duration, host, path or date of running.
 */
export const ReplayReport = z.strictObject({
  schemaVersion: z.literal(1),
  model: z.string(),
  task: z.enum(['binary-classification', 'multiclass-classification', 'regression']),
  expect: ReplayExpectation,
  verdict: ReplayVerdict,
  /** One sentence: why. */
  reason: z.string(),
  /** False: interrupted, so that it speaks of a part of the range alone. */
  isComplete: z.boolean(),
  range: z.strictObject({ from: Instant, until: Instant }),
  knownUntil: Instant.nullable(),
  /** `position`: one past the last prediction that it rests on. */
  log: z.strictObject({ position: z.string() }),
  control: z.strictObject({
    kind: z.enum(['recorded', 'version']),
    /** Which versions gave the control's outputs, and how many of the rows that take part; digest null: imported. */
    versions: z.array(z.strictObject({ version: z.string(), digest: Digest.nullable(), rows: Count })),
  }),
  candidate: z.strictObject({ version: z.string(), digest: Digest }),
  settings: z.strictObject({
    margin: z.number(),
    level: z.number(),
    tolerance: z.number(),
    agreementLimit: z.number(),
    failureLimit: z.number(),
    /** Null: not gated. */
    flipsLimit: Value,
    negativeFlipsLimit: Value,
    positiveRateWithin: Value,
    meanScoreWithin: Value,
    accuracyLoss: Value,
    aucLoss: Value,
    errorWithin: Value,
    errorWithinLoss: Value,
    latencyRatio: Value,
    gatesSlices: z.boolean(),
    ignored: z.array(z.strictObject({ where: z.string(), reason: z.string(), until: z.string() })),
    seed: Count,
    sample: Count.nullable(),
    where: z.string().nullable(),
    missingFeature: z.enum(['fail', 'null', 'default']),
    /** `feature = value` that the candidate was given instead of the record. */
    given: z.array(z.string()),
    /** Features that were declared as slices for this replay, beside those of the candidate's manifest. */
    slices: z.array(z.string()),
  }),
  waterfall: Waterfall,
  noiseFloor: NoiseFloor,
  /** Inputs that the candidate's own contract objects to, of the rows that it was given. */
  violations: z.array(InputViolation),
  gates: z.array(ReplayGate),
  metrics: z.array(ReplayMetric),
  /** Several classes only, in the order of the labels. */
  classes: z.array(ClassComparison),
  flips: Flips.nullable(),
  shift: Shift.nullable(),
  density: Density.nullable(),
  /** Binary: rows by the scores of control (outer) and candidate (inner), in equal bins of [0, 1]. */
  joint: z.array(z.array(Count)).nullable(),
  calibration: Calibration.nullable(),
  days: z.array(Day),
  /** Declared ones, in order of feature; a value that no row has is left out. */
  slices: z.array(SliceOfRows),
  discovered: DiscoveredSlices.nullable(),
  worst: z.strictObject({ by: z.enum(['loss', 'distance']), rows: z.array(WorstRow) }),
  /** First rows on which the candidate failed. */
  failures: z.array(
    z.strictObject({
      position: z.string(),
      predictionId: z.string(),
      key: z.string().nullable(),
      message: z.string(),
    }),
  ),
  notes: z.array(z.string()),
  /** What this release does not judge: said, so that silence is not taken for a pass. */
  notJudged: z.array(z.strictObject({ what: z.string(), why: z.string() })),
  reproduce: z.string(),
});
export type ReplayReport = z.infer<typeof ReplayReport>;
