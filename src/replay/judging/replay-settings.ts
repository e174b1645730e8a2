/** The numbers that a judgement rests on; they stand in every report. */
export const replaySettings = {
  /** Of every interval, two-sided. */
  level: 0.95,
  /** `no-worse`: the candidate's mean loss may be this share larger than the control's. */
  margin: 0.01,
  /** `same`: scores agree when they differ by no more than this (values: relative to the value where it is above 1). */
  tolerance: 1e-5,
  /** `same`: at least this share of rows must agree, shown by the lower end of the interval (so 3,838 rows at least). */
  agreementLimit: 0.999,
  /** The candidate may fail on this share of the rows that the control answered; gated once it failed on any. */
  failureLimit: 0.001,
  /** Below these the normal approximation behind the intervals is not trusted, so nothing passes or fails. */
  judgedRowsMin: 100,
  rowsPerClassMin: 10,
  /** Independent groups of rows (cells that subjects are hashed into) behind an interval. */
  clustersMin: 30,
  /** Share of the variance that a single row may make up. */
  rowVarianceShareMax: 0.25,
  worstRows: 10,
} as const;
