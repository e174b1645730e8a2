/** The numbers that a judgement rests on; they stand in every report. */
export const replaySettings = {
  /** Of every interval, two-sided. */
  level: 0.95,
  /**
   * Below these the approximations behind the intervals are not trusted, so nothing passes or fails. Rows: a candidate at the margin
   * that owes all of it to one row in a hundred was passed 34 times in 100 on 100 rows, 13 on 200, 5 on 300 and 2 on 400 (4,000 samples each;
   * 2.5 are promised), since no interval can allow for faults that no row shows. Losses that are skewed by every row need no more than 100.
   */
  judgedRowsMin: 400,
  rowsPerClassMin: 10,
  /** Independent groups of rows (cells that subjects are hashed into) behind an interval, counted by `effectiveClusters`. */
  clustersMin: 30,
  /** Share of the variance that a single row may make up. */
  rowVarianceShareMax: 0.25,
  worstRows: 10,
} as const;
