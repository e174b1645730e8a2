import { checkFinite } from './checks.js';

/**
 * How many rows the subject of a row has on average (over rows, so that large subjects count for more: Σm²/Σm), from the rows in each cell
 * that subjects are hashed into. 1 or more; an estimate whose relative error is about √(2/cells). Every cell
 * takes part, empty ones too. `rows`: whole numbers, at least two cells; NaN without any row.
 * Source: the second frequency moment from hashed counts (N. Alon, Y. Matias and M. Szegedy, 1996), here without signs: a cell's
 * count varies by Σm²·(1 − 1/cells)/cells around its mean.
 */
export function rowsPerSubject(rows: Float64Array): number {
  let total = 0;
  let squares = 0;
  for (let cell = 0; cell < rows.length; cell += 1) {
    const inCell = rows[cell] ?? 0;
    checkFinite(`rows[${cell}]`, inCell);
    total += inCell;
  }
  const mean = total / rows.length;
  for (let cell = 0; cell < rows.length; cell += 1) squares += ((rows[cell] ?? 0) - mean) ** 2;
  const estimate = (squares * rows.length) / (rows.length - 1) / total;
  return total > 0 ? Math.max(1, estimate) : Number.NaN;
}
