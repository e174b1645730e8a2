import type { RecordedBatch } from '../projections/datasets/recorded-predictions.js';
import type { EligibleRows } from './eligible-rows.js';

export interface ServedVersion {
  readonly version: string;
  /** Null: imported, so there is no artefact. */
  readonly digest: string | null;
  readonly rows: number;
}

/** Counts which versions served the eligible rows, in order of version and digest. */
export function servedVersions(): {
  add(batch: RecordedBatch, eligible: EligibleRows): void;
  list(): readonly ServedVersion[];
} {
  const totals = new Map<string, { version: string; digest: string | null; rows: number }>();
  return {
    add: ({ version, modelDigest }, { picked, count }) => {
      const width = modelDigest.dictionary.length + 1;
      const cells = new Float64Array(version.dictionary.length * width);
      for (let index = 0; index < count; index += 1) {
        const row = picked === undefined ? index : (picked[index] ?? 0);
        const imported = modelDigest.valid !== undefined && modelDigest.valid[row] === 0;
        const digestCode = imported ? width - 1 : (modelDigest.codes[row] ?? 0);
        const cell = (version.codes[row] ?? 0) * width + digestCode;
        cells[cell] = (cells[cell] ?? 0) + 1;
      }
      for (const [cell, rows] of cells.entries()) {
        if (rows === 0) continue;
        const name = version.dictionary[Math.floor(cell / width)] ?? '';
        const digest = modelDigest.dictionary[cell % width] ?? '';
        const key = `${name} ${digest}`;
        const total = totals.get(key) ?? { version: name, digest: digest === '' ? null : digest, rows: 0 };
        total.rows += rows;
        totals.set(key, total);
      }
    },
    list: () => [...totals].sort(([first], [second]) => (first < second ? -1 : 1)).map(([, total]) => total),
  };
}
