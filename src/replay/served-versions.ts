import type { RecordedBatch, RecordedServer } from '../projections/datasets/recorded-predictions.js';
import type { EligibleRows } from './eligible-rows.js';

export interface ServedVersion extends RecordedServer {
  readonly rows: number;
}

/** Counts which versions served the eligible rows, in order of version and digest. */
export function servedVersions(): {
  add(batch: RecordedBatch, eligible: EligibleRows): void;
  list(): readonly ServedVersion[];
} {
  const totals = new Map<string, RecordedServer & { rows: number }>();
  return {
    add: ({ served: { codes, servers } }, { picked, count }) => {
      const rowsBy = new Float64Array(servers.length);
      for (let index = 0; index < count; index += 1) {
        const code = codes[picked === undefined ? index : (picked[index] ?? 0)] ?? 0;
        rowsBy[code] = (rowsBy[code] ?? 0) + 1;
      }
      for (const [code, { version, digest }] of servers.entries()) {
        const rows = rowsBy[code] ?? 0;
        if (rows === 0) continue;
        const key = `${version} ${digest ?? ''}`;
        const total = totals.get(key) ?? { version, digest, rows: 0 };
        total.rows += rows;
        totals.set(key, total);
      }
    },
    list: () => [...totals].sort(([first], [second]) => (first < second ? -1 : 1)).map(([, total]) => total),
  };
}
