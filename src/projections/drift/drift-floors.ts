import type { DriftFloors } from './drift-report.js';

/** What matters: effects below a floor are no drift, however sure they are. */
export const driftFloors: DriftFloors = {
  aucFromHalf: 0.05,
  ksDistance: 0.1,
  totalVariation: 0.1,
  newCategoryShare: 0.02,
  missingRate: 0.02,
  rowsMin: 30,
};

/** The chance of any false alarm among all fields of one report, at most. */
export const driftAlpha = 0.05;
