import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openForeignTable } from '../../src/projections/duckdb/read-foreign-table.js';
import { root } from '../support/run-command.js';

const examples = join(root, 'examples', 'flights');

describe('the flights traffic in the repository', () => {
  it('has no truth that precedes its departure, none for a cancelled flight, and no key twice', async () => {
    const traffic = await openForeignTable(join(examples, 'traffic.parquet'));
    const counts = await traffic.aggregate(
      `count(*), count(distinct key), count(*) FILTER (arrived_at <= scheduled_at), count(*) FILTER ((late IS NULL) <> (arrived_at IS NULL)), count(*) FILTER (late NOT IN (0, 1))`,
    );
    await traffic.close();
    const [rows, keys, early, halfTruths, odd] = counts.map(Number);
    expect(rows).toBeGreaterThan(100_000);
    expect(keys).toBe(rows);
    expect([early, halfTruths, odd]).toEqual([0, 0, 0]);
  });

  it('stays, with the bundles, under 15 MB', async () => {
    const files = await readdir(examples, { recursive: true, withFileTypes: true });
    const sizes = await Promise.all(
      files
        .filter((file) => file.isFile())
        .map(async (file) => (await stat(join(file.parentPath, file.name))).size),
    );
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(15 * 1024 * 1024);
  });
});
