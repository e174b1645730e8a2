import { replaySettings } from './replay-settings.js';

export interface WorstPick {
  readonly by: 'loss' | 'distance';
  /** Largest increase first; equal ones in row order. */
  readonly rows: readonly { readonly row: number; readonly increase: number }[];
}

/** Keeps the rows with the largest positive increases. */
export function worstTally(): {
  add(row: number, increase: number): void;
  readonly rows: WorstPick['rows'];
} {
  const picked: { row: number; increase: number }[] = [];
  let least = 0;
  return {
    rows: picked,
    add: (row, increase) => {
      if (!(increase > least)) return;
      const place = picked.findIndex((other) => increase > other.increase);
      picked.splice(place === -1 ? picked.length : place, 0, { row, increase });
      if (picked.length > replaySettings.worstRows) picked.pop();
      if (picked.length === replaySettings.worstRows) least = picked[picked.length - 1]?.increase ?? 0;
    },
  };
}
