import { z } from 'zod';
import type { PairedRows, PairedSide } from './paired-rows.js';
import { replaySettings } from './replay-settings.js';

const Side = z.strictObject({ label: z.string().nullable(), value: z.number().nullable() });

/** A row with what is needed to show it, whatever became of its block. */
export const WorstRow = z.strictObject({
  position: z.number(),
  /** Microseconds UTC. */
  occurredAt: z.number(),
  control: Side,
  candidate: Side,
  truth: z.union([z.string(), z.number()]).nullable(),
  increase: z.number(),
});
export type WorstRow = z.infer<typeof WorstRow>;

export interface WorstPick {
  readonly by: 'loss' | 'distance';
  /** Largest increase first; equal ones in the order of the read. */
  readonly rows: readonly WorstRow[];
}

/**
 * The rows of a block with the largest positive increases. `increase`: by index; `rowOf`: the row of an index, ascending; the
 * index itself when undefined.
 */
export function worstRowsOf(
  rows: PairedRows,
  increase: Float64Array,
  rowOf: Int32Array | undefined,
): WorstRow[] {
  const picked: { row: number; increase: number }[] = [];
  let least = 0;
  for (let index = 0; index < increase.length; index += 1) {
    const here = increase[index] ?? Number.NaN;
    if (!(here > least)) continue;
    const place = picked.findIndex((other) => here > other.increase);
    const row = rowOf === undefined ? index : (rowOf[index] ?? 0);
    picked.splice(place === -1 ? picked.length : place, 0, { row, increase: here });
    if (picked.length > replaySettings.worstRows) picked.pop();
    if (picked.length === replaySettings.worstRows) least = picked.at(-1)?.increase ?? 0;
  }
  return picked.map(({ row, increase: by }) => ({
    position: rows.positions[row] ?? 0,
    occurredAt: rows.occurredAt[row] ?? 0,
    control: sideAt(rows, rows.control, row),
    candidate: sideAt(rows, rows.candidate, row),
    truth: truthAt(rows, row),
    increase: by,
  }));
}

/** The worst of both; of equal ones the earlier first. */
export function joinWorst(earlier: readonly WorstRow[], later: readonly WorstRow[]): WorstRow[] {
  return [...earlier, ...later]
    .toSorted((a, b) => b.increase - a.increase)
    .slice(0, replaySettings.worstRows);
}

function sideAt(rows: PairedRows, side: PairedSide, row: number): WorstRow['control'] {
  const value = side.truthScore?.[row] ?? side.value[row] ?? Number.NaN;
  return { label: rows.labels[side.label[row] ?? -1] ?? null, value: Number.isNaN(value) ? null : value };
}

function truthAt(rows: PairedRows, row: number): string | number | null {
  const truth = rows.truth[row] ?? Number.NaN;
  if (Number.isNaN(truth)) return null;
  return rows.task === 'regression' ? truth : (rows.labels[truth] ?? null);
}
