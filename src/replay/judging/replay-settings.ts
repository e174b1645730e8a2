/** The numbers that a judgement rests on; they stand in every report. */
export const replaySettings = {
  /** Of every interval, two-sided. */
  level: 0.95,
  /** Below these the normal approximation behind the intervals is not trusted, so nothing passes or fails. */
  judgedRowsMin: 100,
  rowsPerClassMin: 10,
  /** Independent groups of rows (cells that subjects are hashed into) behind an interval. */
  clustersMin: 30,
  /** Share of the variance that a single row may make up. */
  rowVarianceShareMax: 0.25,
  worstRows: 10,
} as const;
