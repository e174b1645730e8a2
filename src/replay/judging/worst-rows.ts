import type { JudgedLosses } from './judged-losses.js';
import type { PairedRows } from './paired-rows.js';
import { distanceAt } from './paired-rows.js';
import { replaySettings } from './replay-settings.js';

export interface WorstPick {
  readonly by: 'loss' | 'distance';
  /** Largest increase first; equal ones in row order. */
  readonly rows: readonly { readonly row: number; readonly increase: number }[];
}

/** The rows on which the candidate loses most against the control; without truth, those where the two differ most. */
export function worstRows(rows: PairedRows, judged: JudgedLosses): WorstPick {
  const { loss } = judged;
  if (loss !== undefined && judged.row.length > 0) {
    const increaseAt = (index: number): number => (loss.candidate[index] ?? 0) - (loss.control[index] ?? 0);
    const picked = largest(judged.row.length, increaseAt);
    return { by: 'loss', rows: picked.map(({ row, increase }) => ({ row: judged.row[row] ?? 0, increase })) };
  }
  const differs = (row: number): number => {
    const distance = distanceAt(rows, row);
    if (!Number.isNaN(distance)) return distance;
    return rows.control.label[row] === rows.candidate.label[row] ? 0 : 1;
  };
  return { by: 'distance', rows: largest(rows.rows, differs) };
}

function largest(count: number, increaseAt: (row: number) => number): { row: number; increase: number }[] {
  const picked: { row: number; increase: number }[] = [];
  let least = 0;
  for (let row = 0; row < count; row += 1) {
    const increase = increaseAt(row);
    if (!(increase > least)) continue;
    const place = picked.findIndex((other) => increase > other.increase);
    picked.splice(place === -1 ? picked.length : place, 0, { row, increase });
    if (picked.length > replaySettings.worstRows) picked.pop();
    if (picked.length === replaySettings.worstRows) least = picked[picked.length - 1]?.increase ?? 0;
  }
  return picked;
}
