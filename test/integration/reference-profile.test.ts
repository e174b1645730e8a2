import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { beforeAll, describe, expect, it } from 'vitest';
import { openDuckDb } from '../../src/projections/duckdb/open-duckdb.js';
import { buildReferenceProfile } from '../../src/projections/reference-profile/build-reference-profile.js';
import type { ReferenceProfile } from '../../src/schemas/reference-profile.js';
import { ReferenceProfile as Schema } from '../../src/schemas/reference-profile.js';
import { featureSchemaDigest } from '../../src/services/inference/feature-schema-digest.js';
import { loadOnnxModel } from '../../src/services/inference/onnx-adapter.js';
import { readBundle } from '../../src/services/inference/read-bundle.js';
import { bundle } from '../support/flights-folder.js';
import { formulaManifest, formulaModel } from '../support/formula-model.js';
import { temporaryFolder } from '../support/temporary-folder.js';

/** A Parquet file with the rows of a SELECT. */
async function parquet(select: string): Promise<string> {
  const path = join(await temporaryFolder(), 'reference.parquet');
  const database = await openDuckDb({ temporaryDirectory: tmpdir() });
  await database.run(`COPY (${select}) TO '${path}' (FORMAT parquet)`);
  await database.close();
  return path;
}

const manifest = formulaManifest('v1');
const model = formulaModel({
  manifest,
  digest: 'a'.repeat(64),
  formula: ({ x }) => (x === undefined || Number.isNaN(x) ? 0 : x / 10),
});
const profileOf = (parquetPath: string) =>
  buildReferenceProfile({ parquetPath, manifest, run: (batch) => model.run(batch) });

describe('a reference profile', () => {
  it('holds exact counts, with missing and non-finite values apart', async () => {
    const path = await parquet(
      "SELECT unnest(['3', '1', '1', NULL, 'NaN', 'Infinity', '6', '6', '6', '-0.0', '0.0'])::DOUBLE AS x, 1 AS other",
    );
    const profile = await profileOf(path);
    expect(Schema.parse(profile)).toEqual(profile);
    expect(profile.rows).toBe(11);
    expect(profile.features).toEqual({
      x: {
        kind: 'number',
        missing: 1,
        nonFinite: 2,
        values: [0, 1, 3, 6],
        counts: [2, 2, 1, 3],
        binEdges: [],
      },
    });
    expect(profile.outputs['label']).toEqual({
      kind: 'category',
      missing: 0,
      values: ['0', '1'],
      counts: [7, 4],
    });
    expect(profile.outputs['score']).toMatchObject({
      kind: 'number',
      nonFinite: 1,
      values: [0, 0.1, 0.3, 0.6],
      counts: [4, 2, 1, 3],
    });
  });

  it('counts the same over many batches, and freezes at most ten bins', async () => {
    const profile = await profileOf(await parquet('SELECT (i % 100)::DOUBLE AS x FROM range(50000) t(i)'));
    expect(profile.rows).toBe(50_000);
    const x = profile.features['x'];
    expect(x?.kind === 'number' && [x.values.length, new Set(x.counts)]).toEqual([100, new Set([500])]);
    expect(x?.kind === 'number' && x.binEdges.length).toBe(9);
  });

  it('refuses a file without a feature, without rows, or with text where numbers are meant', async () => {
    await expect(profileOf(await parquet('SELECT 1.0 AS y'))).rejects.toMatchObject({
      code: 'BUNDLE_INVALID',
      message: expect.stringContaining('no column x'),
    });
    await expect(profileOf(await parquet('SELECT 1.0 AS x WHERE false'))).rejects.toMatchObject({
      code: 'BUNDLE_INVALID',
    });
    await expect(profileOf(await parquet("SELECT '1' AS x"))).rejects.toMatchObject({
      code: 'BUNDLE_INVALID',
      message: expect.stringContaining('VARCHAR'),
    });
    await expect(profileOf('/nowhere/reference.parquet')).rejects.toMatchObject({ code: 'BUNDLE_INVALID' });
  });
});

describe('the profile of the flights example', () => {
  let profile: ReferenceProfile;
  let path: string;
  beforeAll(async () => {
    const read = await readBundle(bundle('v2'));
    path = read.referencePath ?? '';
    const onnx = await loadOnnxModel({
      manifest: read.manifest,
      modelPath: read.modelPath,
      artefactDigest: 'a'.repeat(64),
      featureSchemaDigest: featureSchemaDigest(read.manifest),
    });
    try {
      profile = await buildReferenceProfile({
        parquetPath: path,
        manifest: read.manifest,
        run: (batch) => onnx.run(batch),
      });
    } finally {
      await onnx.close();
    }
  });

  it('has every count as SQL counts it', async () => {
    const database = await openDuckDb({ temporaryDirectory: tmpdir() });
    try {
      expect(Object.keys(profile.features)).toHaveLength(16);
      for (const [name, counted] of Object.entries(profile.features)) {
        const rows = await database.rows(`SELECT "${name}", count(*) FROM '${path}' GROUP BY 1`);
        const expected = new Map(rows.map(([value, count]) => [value, Number(count)]));
        expect(counted.missing).toBe(expected.get(null) ?? 0);
        expected.delete(null);
        expect(
          new Map<unknown, number>(counted.values.map((value, index) => [value, counted.counts[index] ?? 0])),
        ).toEqual(expected);
      }
    } finally {
      await database.close();
    }
  });

  it('has an output for every row', () => {
    for (const role of ['label', 'score']) {
      const output = profile.outputs[role];
      expect(output?.counts.reduce((sum, count) => sum + count, 0)).toBe(profile.rows);
    }
    expect(profile.outputs['label']).toMatchObject({ kind: 'category', values: ['0', '1'] });
  });
});
