import { describe, expect, it } from 'vitest';
import { reportJson } from '../../../src/replay/report/report-json.js';
import { ReplayReport } from '../../../src/replay/report/report-schema.js';
import type { ReplayOptions } from '../../../src/replay/replay-options.js';
import { errors } from '../../../src/services/platform/errors.js';
import { runReplay, runReplays } from '../../../src/replay/run-replay.js';
import { formulaManifest, formulaModel } from '../../support/formula-model.js';
import {
  candidateDigest,
  controlDigest,
  controlFormula,
  logistic,
  toyDay,
  toyReplay,
  toyRows,
  toyStart,
  truthFormula,
} from '../../support/toy-replay.js';

describe('the verdict of a replay', () => {
  it('is PASS when the candidate is shown to lose no more than the margin allows', async () => {
    const report = await runReplay(toyReplay(toyRows(5000)));
    expect(report.verdict).toBe('PASS');
    expect(report.gates.map((gate) => gate.name)).toEqual(['log-loss']);
    expect(report.gates[0]?.interval?.upper).toBeLessThan(0);
    expect(ReplayReport.safeParse(report).success).toBe(true);
  });

  it('is FAIL when the candidate is shown to lose more', async () => {
    const report = await runReplay(toyReplay(toyRows(5000), { formula: ({ x = 0 }) => logistic(-x) }));
    expect(report.verdict).toBe('FAIL');
    expect(report.gates[0]?.interval?.lower).toBeGreaterThan(0);
  });

  it('is INCONCLUSIVE on fifty rows, however good the candidate looks, and says how many are needed', async () => {
    const report = await runReplay(toyReplay(toyRows(50)));
    expect(report.verdict).toBe('INCONCLUSIVE');
    expect(report.gates[0]?.rowsNeeded).toBeGreaterThanOrEqual(100);
    expect(report.reason).toContain('too few');
  });

  it('is INCONCLUSIVE when the interval holds the limit', async () => {
    // Twice the margin worse on average would need more rows than these to show.
    const report = await runReplay(
      toyReplay(toyRows(600), {
        formula: ({ x = 0 }) => logistic(x + 0.5 + (Math.sin(50 * x) > 0 ? 0.3 : -0.3)),
      }),
    );
    const [gate] = report.gates;
    expect(gate?.interval?.lower).toBeLessThan(0);
    expect(gate?.interval?.upper).toBeGreaterThan(0);
    expect(report.verdict).toBe('INCONCLUSIVE');
    expect(gate?.rowsNeeded).toBeGreaterThan(600);
  });

  it('is INCONCLUSIVE without truth, and names that', async () => {
    const rows = toyRows(2000).map((row) => ({ ...row, truth: null }));
    const report = await runReplay(toyReplay(rows));
    expect(report.verdict).toBe('INCONCLUSIVE');
    expect(report.reason).toContain('No compared row has a truth');
    expect(report.worst.by).toBe('distance');
    expect(report.worst.rows).toHaveLength(10);
  });

  it('is INCONCLUSIVE when hardly any row is positive', async () => {
    const rows = toyRows(2000).map((row, index) => ({ ...row, truth: index % 500 === 0 ? 1 : 0 }));
    const report = await runReplay(toyReplay(rows));
    expect(report.verdict).toBe('INCONCLUSIVE');
    expect(report.reason).toContain('rarer class');
  });

  it('is INVALID when the control does not reproduce its record', async () => {
    const rows = toyRows(3000).map((row) => ({
      ...row,
      outputs: { ...row.outputs, score: Number(row.outputs['score']) * 0.9 },
    }));
    const report = await runReplay(toyReplay(rows));
    expect(report.verdict).toBe('INVALID');
    expect(report.reason).toContain('v1 does not reproduce its record');
    expect(report.reason).toContain('the record or the stored artefact was changed');
  });

  it('names the runtime when the record differs only in its last digits', async () => {
    const rows = toyRows(3000).map((row) => ({
      ...row,
      outputs: { ...row.outputs, score: Number(row.outputs['score']) + 1e-5 },
    }));
    const report = await runReplay(toyReplay(rows));
    expect(report.verdict).toBe('INVALID');
    expect(report.reason).toContain('version of the runtime');
  });

  it('finds what the last rows of the record do not reproduce, though the noise floor is begun before them', async () => {
    const rows = toyRows(40_000).map((row, index) =>
      index < 39_000
        ? row
        : { ...row, outputs: { ...row.outputs, score: Number(row.outputs['score']) * 0.9 } },
    );
    const report = await runReplay(toyReplay(rows));
    expect(report.verdict).toBe('INVALID');
    expect(report.reason).toContain('v1 does not reproduce its record');
  });

  it('loads a version that served once, runs each sampled row again once, and lets go of it', async () => {
    const options = toyReplay(toyRows(40_000));
    const of = { loaded: 0, closed: 0, rows: 0 };
    const report = await runReplay({
      ...options,
      loadModel: async (version) => {
        const model = await options.loadModel(version);
        if (version !== 'v1') return model;
        of.loaded += 1;
        return {
          ...model,
          run: (batch) => {
            of.rows += batch.rows;
            return model.run(batch);
          },
          close: () => {
            of.closed += 1;
            return model.close();
          },
        };
      },
    });
    const [measured] = report.noiseFloor.kind === 'measured' ? report.noiseFloor.versions : [];
    expect(of).toEqual({ loaded: 1, closed: 1, rows: measured?.rows });
    // About 1,843 are sampled; a row that is run twice is counted twice on both sides.
    expect(measured?.rows).toBeGreaterThan(1_700);
    expect(measured?.rows).toBeLessThan(2_000);
  });

  it('is INVALID when the registered control is another artefact than the one that served', async () => {
    const rows = toyRows(300).map((row) => ({ ...row, digest: 'e'.repeat(64) }));
    const report = await runReplay(toyReplay(rows));
    expect(report.verdict).toBe('INVALID');
    expect(report.reason).toContain('not the one that served');
  });

  it('is INVALID when every row is excluded', async () => {
    const rows = toyRows(300).map((row) => ({ ...row, version: 'v2', digest: candidateDigest }));
    const report = await runReplay(toyReplay(rows));
    expect(report.verdict).toBe('INVALID');
    expect(report.reason).toContain('300 were served by the candidate itself');
    expect(report.waterfall.compared).toBe(0);
  });

  it('of an imported record is judged on truth, but never on being the same', async () => {
    const rows = toyRows(5000).map((row) => ({ ...row, digest: null }));
    const judged = await runReplay(toyReplay(rows));
    expect(judged.verdict).toBe('PASS');
    expect(judged.noiseFloor).toMatchObject({ kind: 'none' });
    expect(judged.notes.join(' ')).toContain('5000 rows were imported');
    const same = await runReplay(toyReplay(rows, { expect: 'same' }));
    expect(same.verdict).toBe('INVALID');
  });

  it('of a re-export is PASS for "same" only when enough rows agree to show it', async () => {
    const reExport = { expect: 'same' as const, formula: controlFormula };
    expect((await runReplay(toyReplay(toyRows(5000), reExport))).verdict).toBe('PASS');
    const few = await runReplay(toyReplay(toyRows(1000), reExport));
    expect(few.verdict).toBe('INCONCLUSIVE');
    expect(few.gates[0]?.rowsNeeded).toBe(3688);
    expect((await runReplay(toyReplay(toyRows(5000), { expect: 'same' }))).verdict).toBe('FAIL');
  });

  it('under "anything" says that nothing was gated', async () => {
    const report = await runReplay(
      toyReplay(toyRows(500), { expect: 'anything', formula: ({ x = 0 }) => logistic(-x) }),
    );
    expect(report.verdict).toBe('PASS');
    expect(report.reason).toContain('Nothing was gated');
    expect(report.gates).toEqual([]);
  });

  it('is FAIL when a declared slice that is large enough is shown to lose, although the whole gains', async () => {
    // Where x is above 0 the candidate is less sure than it should be; elsewhere it knows the truth's formula.
    const slices = [{ feature: 'x', protected: true }];
    const manifests = new Map(['v1', 'v2'].map((version) => [version, formulaManifest(version, { slices })]));
    const profile = {
      x: {
        kind: 'number' as const,
        missing: 0,
        nonFinite: 0,
        values: Array.from({ length: 100 }, (_, i) => i),
        counts: [],
        binEdges: [0],
      },
    };
    const unsureAbove = ({ x = 0 }: { readonly [feature: string]: number }) =>
      logistic(2 * x - (x > 0 ? 0.5 : 0));
    const recorded = toyRows(60_000).map((row) => {
      const score = logistic(2 * Number(row.inputs['x']) - (Number(row.inputs['x']) > 0 ? 0 : 0.6));
      return { ...row, digest: null, outputs: { label: score >= 0.5 ? 1 : 0, score } };
    });
    const report = await runReplay(toyReplay(recorded, { manifests, profile, formula: unsureAbove }));
    const whole = report.gates.find((gate) => gate.slice === null);
    expect(whole?.verdict).toBe('PASS');
    expect(report.slices.map(({ value, verdict }) => [value, verdict])).toEqual([
      ['≤ 0', 'PASS'],
      ['> 0', 'FAIL'],
    ]);
    expect(report.slices.reduce((sum, slice) => sum + slice.rows, 0)).toBe(report.waterfall.compared);
    expect(report.verdict).toBe('FAIL');
    expect(report.reason).toMatch(/where x is > 0/i);
    expect(report.discovered?.slices[0]?.conditions).toEqual([{ feature: 'x', value: '> 0' }]);
    expect(report.discovered?.slices[0]?.examples[0]?.key).toMatch(/^order-/);
  });

  it('shows a slice that is smaller than planned without gating it', async () => {
    const slices = [{ feature: 'x', protected: false }];
    const manifests = new Map(['v1', 'v2'].map((version) => [version, formulaManifest(version, { slices })]));
    const profile = {
      x: {
        kind: 'number' as const,
        missing: 0,
        nonFinite: 0,
        values: Array.from({ length: 100 }, (_, i) => i),
        counts: [],
        binEdges: [2],
      },
    };
    const formula = (row: { readonly [feature: string]: number }) =>
      (row['x'] ?? 0) > 2 ? 0.01 : (row['x'] ?? 0) < -2 ? undefined : truthFormula(row);
    const rows = toyRows(20_000);
    const report = await runReplay(toyReplay(rows, { manifests, profile, formula }));
    const rare = report.slices.find(({ value }) => value === '> 2');
    const expected = rows.filter((row) => Number(row.inputs['x']) > 2);
    expect(rare).toMatchObject({ rows: expected.length, judged: expected.length, verdict: null });
    expect(rare?.note).toContain('smaller than planned');
    expect(rare?.increase).toBeGreaterThan(1);
    // Rows on which the candidate failed are in no slice.
    const failed = rows.filter((row) => Number(row.inputs['x']) < -2).length;
    expect(report.slices.reduce((sum, slice) => sum + slice.rows, 0)).toBe(rows.length - failed);
  });

  it('does not take many rows of one subject for many subjects', async () => {
    // Two hundred subjects, each asked again and again with the same answer and the same outcome.
    const subjects = toyRows(200);
    const repeated = Array.from({ length: 20_000 }, (_, index) => {
      const row = subjects[index % subjects.length];
      if (row === undefined) throw new Error('no such subject');
      return { ...row, key: `order-${index}` };
    });
    const asRows = await runReplay(toyReplay(repeated));
    const named = repeated.map((row, index) => ({ ...row, subject: index % subjects.length }));
    const bySubject = await runReplay(toyReplay(named));
    const alone = await runReplay(toyReplay(subjects));
    const width = ({ gates: [gate] }: typeof asRows) =>
      (gate?.interval?.upper ?? Number.NaN) - (gate?.interval?.lower ?? Number.NaN);
    expect(width(bySubject) / width(alone)).toBeCloseTo(1, 2);
    expect(width(asRows) / width(alone)).toBeLessThan(0.15);
    expect(bySubject.gates[0]?.estimate).toBeCloseTo(asRows.gates[0]?.estimate ?? Number.NaN, 12);
    expect(bySubject.notJudged[0]?.why).toContain('allow for rows of one subject');
  });

  it('is INCONCLUSIVE when hardly any subjects are behind the rows', async () => {
    const rows = toyRows(4_000).map((row, index) => ({ ...row, subject: index % 12 }));
    const report = await runReplay(toyReplay(rows));
    expect(report.verdict).toBe('INCONCLUSIVE');
    expect(report.reason).toContain('12 groups of subjects');
  });

  it('of a regression rests on the mean absolute error', async () => {
    const regression = { task: 'regression' as const, outputs: { value: { output: 'y' } } };
    const manifests = new Map(['v1', 'v2'].map((version) => [version, formulaManifest(version, regression)]));
    const rows = toyRows(2000).map((row) => ({
      ...row,
      outputs: { value: controlFormula({ x: Number(row.inputs['x']) }) },
    }));
    const truths = rows.map((row, index) => ({
      ...row,
      truth: truthFormula({ x: Number(row.inputs['x']) }) + (index % 2 ? 0.01 : -0.01),
    }));
    const report = await runReplay(toyReplay(truths, { manifests }));
    expect(report.verdict).toBe('PASS');
    expect(report.gates[0]?.name).toBe('mean-absolute-error');
    expect(report.metrics[0]).toMatchObject({ name: 'mean absolute error', rows: 2000 });
    expect(report.metrics[0]?.candidate).toBeCloseTo(0.01, 10);
    expect(report.flips).toBeNull();
  });
});

describe('the rows of a replay', () => {
  it('are all accounted for, each under its first reason', async () => {
    const rows = toyRows(3000).map((row, index) => {
      if (index % 3 === 0) return { ...row, version: 'v2', digest: candidateDigest };
      if (index % 3 === 1 && index % 2 === 0) return { ...row, truth: null };
      return row;
    });
    const trainedOn = { from: '2026-01-01T00:00:00Z', until: '2026-01-11T00:00:00Z' };
    const manifests = new Map([
      ['v1', formulaManifest('v1')],
      ['v2', formulaManifest('v2', { trainedOn })],
    ]);
    const { waterfall } = await runReplay(toyReplay(rows, { manifests }));
    expect(waterfall).toMatchObject({
      recorded: 3000,
      servedByCandidate: 1000,
      trainedOn: 666,
      outOfSample: 0,
    });
    expect(waterfall.compared).toBe(3000 - 1000 - 666);
    expect(waterfall.withoutTruth + waterfall.judged).toBe(waterfall.compared);
    expect(waterfall.withoutTruth).toBe(334);
  });

  it('of a sample are about as many as asked for, and the same ones each time', async () => {
    const once = await runReplay(toyReplay(toyRows(4000), { sample: 1000, seed: 7 }));
    const again = await runReplay(toyReplay(toyRows(4000), { sample: 1000, seed: 7 }));
    const other = await runReplay(toyReplay(toyRows(4000), { sample: 1000, seed: 8 }));
    expect(once.waterfall.compared).toBeGreaterThan(900);
    expect(once.waterfall.compared).toBeLessThan(1100);
    expect(reportJson(again)).toBe(reportJson(once));
    expect(other.metrics).not.toEqual(once.metrics);
  });

  it('on which the candidate fails are observations, named with their ids, and the others are still compared', async () => {
    const rows = toyRows(6000);
    const bad = new Set([17, 4242].map((index) => rows[index]?.inputs['x']));
    const runs: number[] = [];
    const formula = (row: { readonly [feature: string]: number }) =>
      bad.has(row['x']!) ? undefined : truthFormula(row);
    const options = toyReplay(rows, { formula });
    const report = await runReplay({
      ...options,
      loadModel: async (version) =>
        version === 'v1'
          ? options.loadModel(version)
          : formulaModel({
              manifest: formulaManifest('v2'),
              digest: candidateDigest,
              formula,
              onRun: (count) => runs.push(count),
            }),
    });
    expect(report.waterfall).toMatchObject({ candidateFailed: 2, compared: 5998 });
    expect(report.failures.map((row) => row.predictionId)).toEqual(['prediction-1017', 'prediction-5242']);
    expect(report.failures[0]?.message).toContain('a row it cannot take');
    expect(report.gates.map((gate) => gate.name)).toEqual(['log-loss', 'candidate-failures']);
    expect(runs.length).toBeLessThan(60);
  });

  it('make the verdict FAIL when the candidate fails on too many of them', async () => {
    const report = await runReplay(
      toyReplay(toyRows(3000), { formula: (row) => (row['x']! > 2 ? undefined : truthFormula(row)) }),
    );
    expect(report.verdict).toBe('FAIL');
    expect(report.reason).toContain('fail on more than');
  });

  it('on which the candidate fails are counted with their subjects: many of one are not many', async () => {
    const rows = toyRows(12_000);
    const bad = new Set(rows.flatMap((row, index) => (index % 400 === 7 ? [row.inputs['x']] : [])));
    const formula = (row: { readonly [feature: string]: number }) =>
      bad.has(row['x']!) ? undefined : truthFormula(row);
    const named = rows.map((row, index) => ({
      ...row,
      subject: bad.has(row.inputs['x']) ? 1_023 : index % 1_000,
    }));
    const failures = ({ gates }: ReplayReport) => gates.find(({ name }) => name === 'candidate-failures');
    const asRows = failures(await runReplay(toyReplay(rows, { formula })));
    const report = await runReplay(toyReplay(named, { formula }));
    const bySubject = failures(report);
    expect(bySubject?.estimate).toBe(asRows?.estimate);
    expect(bySubject?.rows).toBe(asRows?.rows);
    expect(asRows?.verdict).toBe('FAIL');
    expect(bySubject?.verdict).toBe('INCONCLUSIVE');
    expect(bySubject?.interval?.lower).toBeLessThan(0.001);
    expect(bySubject?.interval?.upper).toBeGreaterThan(2 * (asRows?.interval?.upper ?? 1));
    const threads = await runReplay({ ...toyReplay(named, { formula }), workers: 3 });
    expect(reportJson(threads)).toBe(reportJson(report));
  });

  it('that nobody recorded end with an error that names what there is', async () => {
    const late = { fromMicros: toyStart + 60 * toyDay, untilMicros: toyStart + 61 * toyDay };
    await expect(runReplay(toyReplay(toyRows(10), { range: late }))).rejects.toMatchObject({
      code: 'REPLAY_RANGE_EMPTY',
      exitCode: 3,
      message: expect.stringContaining('2026-01-01T00:00:00Z'),
    });
  });
});

describe('the report of a replay', () => {
  it('is the same to the byte when run again, and by several workers', async () => {
    const rows = toyRows(30_000);
    const once = reportJson(await runReplay(toyReplay(rows)));
    for (const workers of [1, 2, 5]) {
      expect(reportJson(await runReplay(toyReplay(rows, { workers })))).toBe(once);
    }
  });

  it('hands models the rows of one batch of the record at a time, whichever of them take part', async () => {
    const sizes = async (changes: Partial<ReplayOptions>) => {
      const runs: number[] = [];
      const options = toyReplay(toyRows(9000), changes);
      await runReplay({
        ...options,
        loadModel: async (version) =>
          formulaModel({
            manifest: formulaManifest(version),
            digest: version === 'v1' ? controlDigest : candidateDigest,
            formula: version === 'v1' ? controlFormula : truthFormula,
            ...(version === 'v2' ? { onRun: (rows: number) => runs.push(rows) } : {}),
          }),
      });
      return runs;
    };
    expect(await sizes({})).toEqual([4096, 4096, 808]);
    const [first = 0, second = 0, third = 0, ...more] = await sizes({ sample: 900, seed: 5 });
    expect(more).toEqual([]);
    for (const [rows, share] of [
      [first, 4096],
      [second, 4096],
      [third, 808],
    ] as const) {
      expect(Math.abs(rows - share / 10)).toBeLessThan(90);
    }
  });

  it('gives the command that reproduces it, with absolute times', async () => {
    const report = await runReplay(
      toyReplay(toyRows(200), { knownUntil: toyStart + 40 * toyDay, sample: 100, seed: 3 }),
    );
    expect(report.reproduce).toBe(
      'replay --model toy@v2 --since 2026-01-01T00:00:00Z --until 2026-01-31T00:00:00Z --as-of 2026-02-10T00:00:00Z --expect no-worse --sample 100 --seed 3',
    );
  });

  it('names the worst rows with their prediction ids, keys and inputs, the largest loss first', async () => {
    const report = await runReplay(toyReplay(toyRows(5000)));
    expect(report.worst.rows).toHaveLength(10);
    const increases = report.worst.rows.map((row) => row.increase);
    expect(increases).toEqual(increases.toSorted((a, b) => b - a));
    const [worst] = report.worst.rows;
    expect(worst?.predictionId).toBe(`prediction-${worst?.position}`);
    expect(worst?.key).toBe(`order-${Number(worst?.position) - 1000}`);
    expect(worst?.inputs).toHaveProperty('x');
  });

  it('says what is not judged yet', async () => {
    const report = await runReplay(toyReplay(toyRows(200)));
    expect(report.notJudged.map(({ what }) => what)).toEqual(
      expect.arrayContaining(['latency', 'dependence between rows']),
    );
  });

  it('takes truth as it was known at the time asked for', async () => {
    const rows = toyRows(1000).map((row, index) => ({
      ...row,
      truthKnownAt: row.occurredAt + (index % 2) * 90 * toyDay,
    }));
    const report = await runReplay(toyReplay(rows, { knownUntil: toyStart + 31 * toyDay }));
    expect(report.waterfall.judged).toBe(500);
  });
});

describe('features that the log does not have', () => {
  const policy = { outOfRange: 'warn', newCategory: 'warn', unexpectedMissing: 'warn' } as const;
  const y = { name: 'y', tensor: 'y', tensorType: 'float64', required: false, policy } as const;
  const withY = (changes: object = {}) => {
    const [x] = formulaManifest('v2').features;
    return new Map([
      ['v1', formulaManifest('v1')],
      ['v2', formulaManifest('v2', { features: [x!, { ...y, ...changes }] })],
    ]);
  };

  it('make the candidate unfit unless told what to give', async () => {
    await expect(runReplay(toyReplay(toyRows(100), { manifests: withY() }))).rejects.toMatchObject({
      code: 'REPLAY_CANDIDATE_UNFIT',
      exitCode: 64,
      message: expect.stringContaining('y'),
    });
  });

  it('make the candidate unfit also when the column is there but empty', async () => {
    const rows = toyRows(100).map((row) => ({ ...row, inputs: { ...row.inputs, y: null } }));
    await expect(runReplay(toyReplay(rows, { manifests: withY({ missing: 'NaN' }) }))).rejects.toMatchObject({
      code: 'REPLAY_CANDIDATE_UNFIT',
      message: expect.stringContaining('none of the 100 rows'),
    });
  });

  it('are given the missing value, the middle of their range, or what --set says', async () => {
    const seen = new Set<number>();
    const formula = (row: { readonly [feature: string]: number }) => {
      seen.add(row['y']!);
      return truthFormula(row);
    };
    const missing = withY({ missing: 'NaN' });
    await runReplay(toyReplay(toyRows(100), { manifests: missing, formula, missingFeature: 'null' }));
    expect([...seen]).toEqual([Number.NaN]);
    seen.clear();
    const middle = await runReplay(
      toyReplay(toyRows(100), {
        manifests: withY({ range: { min: 2, max: 6 } }),
        formula,
        missingFeature: 'default',
      }),
    );
    expect([...seen]).toEqual([4]);
    expect(middle.settings.given).toEqual(['y = 4']);
    seen.clear();
    await runReplay(toyReplay(toyRows(100), { manifests: withY(), formula, set: { y: 9 } }));
    expect([...seen]).toEqual([9]);
  });

  it('cannot be set when the candidate has no such feature', async () => {
    await expect(runReplay(toyReplay(toyRows(100), { set: { z: 1 } }))).rejects.toMatchObject({
      code: 'USAGE_INVALID',
    });
  });
});

describe('what cannot be compared', () => {
  it.each([
    ['another task', { task: 'regression' as const, outputs: { value: { output: 'y' } } }],
    ['other outputs', { outputs: { label: { output: 'label' } } }],
    ['another positive class', { positiveClass: 0 }],
  ])('is refused: %s', async (_what, changes) => {
    const manifests = new Map([
      ['v1', formulaManifest('v1')],
      ['v2', formulaManifest('v2', changes)],
    ]);
    await expect(runReplay(toyReplay(toyRows(10), { manifests }))).rejects.toMatchObject({
      code: 'REPLAY_CANDIDATE_UNFIT',
      exitCode: 64,
    });
  });

  it('is none of the versions that served nothing in the range', async () => {
    const other = formulaManifest('v0', { task: 'regression', outputs: { value: { output: 'y' } } });
    const manifests = new Map([
      ['v0', other],
      ['v1', formulaManifest('v1')],
      ['v2', formulaManifest('v2')],
    ]);
    expect((await runReplay(toyReplay(toyRows(5000), { manifests }))).verdict).toBe('PASS');
  });

  it('is refused when the version is not known', async () => {
    await expect(runReplay(toyReplay(toyRows(10), { candidate: 'v9' }))).rejects.toMatchObject({
      code: 'MODEL_VERSION_NOT_FOUND',
    });
  });
});

describe('a replay of a version against itself', () => {
  const itself = { candidate: 'v1', control: { version: 'v1' } };

  it('says what another value of a feature would change, also on rows that it served', async () => {
    const report = await runReplay(toyReplay(toyRows(5000), { ...itself, set: { x: 0 } }));
    expect(report.waterfall).toMatchObject({ compared: 5000, servedByCandidate: 0 });
    const score = report.metrics.find(({ name }) => name === 'mean score');
    expect(score?.candidate).toBeCloseTo(controlFormula({ x: 0 }), 12);
    expect(score?.control).not.toBeCloseTo(controlFormula({ x: 0 }), 2);
    expect(report.verdict).toBe('FAIL');
  });

  it('is refused when both would be given the same', async () => {
    await expect(runReplay(toyReplay(toyRows(100), itself))).rejects.toMatchObject({
      code: 'USAGE_INVALID',
      message: expect.stringContaining('--set feature=value'),
    });
  });
});

describe('a replay of two versions', () => {
  it('runs both now, and needs no record of either', async () => {
    const rows = toyRows(5000).map((row) => ({
      ...row,
      version: 'v0',
      digest: null,
      outputs: { label: 0, score: 0 },
    }));
    const report = await runReplay(toyReplay(rows, { control: { version: 'v1' } }));
    expect(report.verdict).toBe('PASS');
    expect(report.control).toEqual({
      kind: 'version',
      versions: [{ version: 'v1', digest: controlDigest, rows: 5000 }],
    });
    expect(report.noiseFloor.kind).toBe('none');
  });
});

describe('several candidates', () => {
  const manifests = new Map(['v1', 'v2', 'v3'].map((version) => [version, formulaManifest(version)]));
  const rows = toyRows(9000);
  const optionsOf = (candidate: string, counted: { reads: number }): ReplayOptions => {
    const options = toyReplay(rows, { manifests, candidate });
    const { recorded } = options;
    return {
      ...options,
      recorded: {
        ...recorded,
        read: (query) => {
          counted.reads += 1;
          return recorded.read(query);
        },
      },
      loadModel: async (version) => {
        const manifest = formulaManifest(version);
        if (version === 'v1') return options.loadModel(version);
        const digest = version === 'v2' ? candidateDigest : 'e'.repeat(64);
        return formulaModel({ manifest, digest, formula: version === 'v2' ? truthFormula : controlFormula });
      },
    };
  };

  it('have the reports that each would have alone, from one reading of the record', async () => {
    const counted = { reads: 0 };
    const together = await runReplays(['v2', 'v3'].map((version) => optionsOf(version, counted)));
    expect(counted.reads).toBe(1);
    for (const [index, version] of ['v2', 'v3'].entries()) {
      const alone = await runReplay(optionsOf(version, counted));
      const one = together[index];
      if (one?.kind !== 'report') throw new Error('a report is expected');
      expect(reportJson(one.report)).toBe(reportJson(alone));
    }
  });

  it('are judged although one of them cannot be run, or dies on the way', async () => {
    const broken = optionsOf('v3', { reads: 0 });
    const died = errors.INFERENCE_FAILED({
      model: 'toy@v3',
      problem: 'its worker thread ended twice, so it is not started again; restart the process',
    });
    const dying = {
      ...broken,
      loadModel: async (version: string) => ({
        ...(await broken.loadModel(version)),
        run: () => Promise.reject(died),
      }),
    };
    const unknown = { ...optionsOf('v2', { reads: 0 }), candidate: 'v9' };
    const results = await runReplays([dying, optionsOf('v2', { reads: 0 }), unknown]);
    expect(results.map(({ kind }) => kind)).toEqual(['failed', 'report', 'failed']);
    expect(results[0]).toMatchObject({ error: { code: 'INFERENCE_FAILED' } });
    expect(results[2]).toMatchObject({ error: { code: 'MODEL_VERSION_NOT_FOUND' } });
  });
});

describe('a replay that is interrupted', () => {
  it('judges what it has read by then, decides nothing, and says so', async () => {
    const controller = new AbortController();
    const options = toyReplay(toyRows(20_000), {
      signal: controller.signal,
      onProgress: ({ rows }) => {
        if (rows >= 8_192) controller.abort(new Error('interrupted'));
      },
    });
    const report = await runReplay(options);
    expect(report).toMatchObject({ isComplete: false, verdict: 'INCONCLUSIVE' });
    expect(report.reason).toContain('8192 of 20000 rows were read');
    expect(report.waterfall).toMatchObject({ recorded: 20_000, notReached: 20_000 - 8_192, compared: 8_192 });
    expect(report.metrics.find(({ name }) => name === 'log loss')?.rows).toBe(8_192);
  });

  it('before the first row stops with the reason of its signal', async () => {
    const signal = AbortSignal.abort(new Error('interrupted'));
    await expect(runReplay(toyReplay(toyRows(100), { signal }))).rejects.toThrow('interrupted');
  });
});
