import { chiSquare } from '../../stats/chi-square.js';
import { independentProportionDifference } from '../../stats/proportion.js';
import type { MissingComparison } from './drift-report.js';

/** Rows of a field, and how many of them have no value. */
export interface MissingRows {
  readonly missing: number;
  readonly rows: number;
}

/**
 * The missing rates of both sides, adjusted p left open. p is null where no row, or every row, of both sides is missing:
 * there is nothing to test. Undefined where either side has no row.
 */
export function compareMissing(reference: MissingRows, live: MissingRows): MissingComparison | undefined {
  const interval = independentProportionDifference({
    control: { successes: reference.missing, trials: reference.rows },
    candidate: { successes: live.missing, trials: live.rows },
  });
  if (interval.kind === 'undefined') return undefined;
  return {
    p: missingP(reference, live),
    adjustedP: null,
    referenceRate: reference.missing / reference.rows,
    liveRate: live.missing / live.rows,
    difference: { estimate: interval.estimate, lower: interval.lower, upper: interval.upper },
  };
}

function missingP(reference: MissingRows, live: MissingRows): number | null {
  const table = {
    reference: [reference.missing, reference.rows - reference.missing],
    live: [live.missing, live.rows - live.missing],
  };
  const plain = chiSquare(table);
  if (plain.kind === 'undefined' || plain.df === 0) return null;
  if (!plain.expectedTooSmall) return plain.p;
  const corrected = chiSquare({ ...table, yates: true });
  return corrected.kind === 'value' ? corrected.p : null;
}
