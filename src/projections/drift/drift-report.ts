import { z } from 'zod';

const Count = z.int().nonnegative();
/** What could not be computed is null. */
const P = z.number().min(0).max(1).nullable();
const Share = z.number().min(0).max(1);

/** Two-sided 95 % limits. */
export const DriftInterval = z.strictObject({
  estimate: z.number(),
  lower: z.number(),
  upper: z.number(),
});
export type DriftInterval = z.infer<typeof DriftInterval>;

export const DriftVerdict = z.enum(['drift', 'equivalent', 'not enough data']);
export type DriftVerdict = z.infer<typeof DriftVerdict>;

/** `adjustedP`: Holm's, over every test of the report. */
const Test = z.strictObject({ p: P, adjustedP: P });

const NumberComparison = z.strictObject({
  kind: z.literal('number'),
  /** Kolmogorov-Smirnov. `sign` 1: at `location` the reference has more mass below, so live values are larger. */
  ks: z.strictObject({
    ...Test.shape,
    d: DriftInterval,
    location: z.number(),
    sign: z.union([z.literal(1), z.literal(-1)]),
    method: z.enum(['exact', 'asymptotic']),
  }),
  /** The chance that a live value exceeds a reference value, ties counting one half. */
  auc: DriftInterval,
  /** In the unit of the values; `normalised` in units of the reference's spread, null where it has none. */
  wasserstein: z.strictObject({
    distance: z.number(),
    nullExpectation: z.number(),
    normalised: z.number().nullable(),
    normalisedNullExpectation: z.number().nullable(),
  }),
  referenceMedian: z.number(),
  liveMedian: z.number(),
  /** 75 % quantile − 25 % quantile. */
  referenceSpread: z.number(),
  liveSpread: z.number(),
});
export type NumberComparison = z.infer<typeof NumberComparison>;

const ShareChange = z.strictObject({
  category: z.string(),
  referenceShare: Share,
  liveShare: Share,
  /** live − reference. */
  difference: DriftInterval,
});

const CategoryComparison = z.strictObject({
  kind: z.literal('category'),
  chiSquare: z.strictObject({
    ...Test.shape,
    statistic: z.number(),
    df: Count,
    /** Categories counted as one for the test, as they are too rare for it alone. */
    pooledCategories: Count,
    cramersVCorrected: z.number(),
  }),
  /** Half the sum of the absolute differences of shares. */
  totalVariation: DriftInterval,
  /** The largest absolute change; of equal ones the first by name. */
  largestChange: ShareChange,
  /** The largest gain and the largest loss; null where no share grew or fell. */
  mostGained: z.string().nullable(),
  mostLost: z.string().nullable(),
  /** The category that most reference rows have, and its shares. */
  largestCategory: z.strictObject({ category: z.string(), referenceShare: Share, liveShare: Share }),
  /** Categories of live rows that the reference lacks; the most frequent are named. */
  newCategories: z.strictObject({
    categories: Count,
    share: DriftInterval,
    named: z.array(z.strictObject({ category: z.string(), share: Share })),
  }),
});
export type CategoryComparison = z.infer<typeof CategoryComparison>;

const MissingComparison = z.strictObject({
  ...Test.shape,
  referenceRate: Share,
  liveRate: Share,
  /** live − reference. */
  difference: DriftInterval,
});
export type MissingComparison = z.infer<typeof MissingComparison>;

/** One field compared. Rows: all; counts: those with a value. */
export const DriftField = z.strictObject({
  field: z.string(),
  role: z.enum(['feature', 'output']),
  kind: z.enum(['number', 'category']),
  verdict: DriftVerdict,
  /** What drifted: empty unless the verdict is `drift`. */
  causes: z.array(z.enum(['location', 'shape', 'shares', 'new categories', 'missing'])),
  /** In words: `higher`, `lower`, `wider`, `narrower`, `more X, less Y`, `more missing`, `less missing`. */
  direction: z.string(),
  /** The largest effect in units of its floor: 1 is the floor. Null where nothing could be compared. */
  effectInFloors: z.number().nullable(),
  referenceRows: Count,
  liveRows: Count,
  referenceCount: Count,
  liveCount: Count,
  /** Null where either side has no value. */
  values: z.discriminatedUnion('kind', [NumberComparison, CategoryComparison]).nullable(),
  /** Null where either side has no row. */
  missing: MissingComparison.nullable(),
});
export type DriftField = z.infer<typeof DriftField>;

/** Effects below a floor do not matter, however sure they are. Differences of rates and shares are absolute. */
export const DriftFloors = z.strictObject({
  aucFromHalf: z.number(),
  ksDistance: z.number(),
  totalVariation: z.number(),
  newCategoryShare: z.number(),
  missingRate: z.number(),
  /** Fewer rows with a value than this on either side are not judged. */
  rowsMin: Count,
});
export type DriftFloors = z.infer<typeof DriftFloors>;

/** What changed between a version's reference rows and the live rows of a range. Plain JSON. */
export const DriftReport = z.strictObject({
  schemaVersion: z.literal(1),
  model: z.string(),
  /** Whose profile is the reference; outputs are compared on the rows that this version served. */
  version: z.string(),
  /** By occurredAt; from inclusive, until exclusive. */
  range: z.strictObject({ from: z.iso.datetime(), until: z.iso.datetime() }),
  referenceRows: Count,
  liveRows: Count,
  /** Of the live rows, those that this version served. */
  liveRowsOfVersion: Count,
  alpha: z.number(),
  floors: DriftFloors,
  fields: z.array(DriftField),
  assumptions: z.array(z.string()),
});
export type DriftReport = z.infer<typeof DriftReport>;
