import { defaultRules } from '../../../src/replay/judging/gate-rules.js';
import { describe, expect, it } from 'vitest';
import type { EarlierReplay } from '../../../src/projections/datasets/earlier-replays.js';
import type { DryRunOptions } from '../../../src/replay/dry-run/dry-run.js';
import { dryRun } from '../../../src/replay/dry-run/dry-run.js';
import type { LossCase } from '../../../src/replay/dry-run/planned-gates.js';
import { plannedGates } from '../../../src/replay/dry-run/planned-gates.js';
import { renderDryRun } from '../../../src/replay/dry-run/render-dry-run.js';
import { replayCompletedEvent } from '../../../src/replay/replay-completed-event.js';
import type { ReplayReport } from '../../../src/replay/report/report-schema.js';
import { runReplay } from '../../../src/replay/run-replay.js';
import { momentsOf } from '../../../src/stats/moments.js';
import { marginInterval } from '../../../src/stats/paired-mean.js';
import { seededRandom } from '../../../src/stats/seeded-random.js';
import { formulaManifest } from '../../support/formula-model.js';
import type { MemoryRow } from '../../support/memory-recorded-predictions.js';
import { candidateDigest, controlDigest, toyReplay, toyRows } from '../../support/toy-replay.js';

const same = (text: string): string => text;
const plain = { good: same, bad: same, warn: same, dim: same, bold: same };

function toyPlan(rows: readonly MemoryRow[], changes: Partial<DryRunOptions> = {}): DryRunOptions {
  const { loadModel: _loadModel, ...options } = toyReplay(rows);
  return {
    ...options,
    digestOf: async (version) => (version === 'v1' ? controlDigest : candidateDigest),
    earlier: [],
    ...changes,
  };
}

function recorded(report: ReplayReport): EarlierReplay {
  const { data, occurredAt } = replayCompletedEvent(report, { id: 'replay-1', occurredAt: 5 });
  return { ...data, occurredAt };
}

function lossCases(plan: Awaited<ReturnType<typeof dryRun>>): readonly LossCase[] {
  const power = plan.gates[0]?.power;
  if (power?.kind !== 'loss') throw new Error(`the first gate has no power of a loss: ${power?.kind}`);
  return power.cases;
}

describe('a dry run', () => {
  it('counts the rows that a replay compares and judges, without a model', async () => {
    const rows = toyRows(3000).map((row, index) => (index % 3 === 0 ? { ...row, truth: null } : row));
    const plan = await dryRun(toyPlan(rows));
    const report = await runReplay(toyReplay(rows));
    expect(plan.waterfall).toEqual(report.waterfall);
    expect(plan.served).toEqual(report.control.versions);
    expect(plan.candidate).toEqual(report.candidate);
    expect(plan.reproduce).toBe(report.reproduce);
    expect(plan.gates[0]).toMatchObject({
      name: report.gates[0]?.name,
      measures: report.gates[0]?.measures,
      limit: report.gates[0]?.limit,
      rows: report.gates[0]?.rows,
    });
    expect(plan.problem).toBeUndefined();
  });

  it('leaves out what a replay leaves out', async () => {
    const rows = toyRows(2000).map((row, index) => (index < 500 ? { ...row, digest: candidateDigest } : row));
    const manifests = new Map([
      ['v1', formulaManifest('v1')],
      [
        'v2',
        formulaManifest('v2', { trainedOn: { from: '2026-01-10T00:00:00Z', until: '2026-01-12T00:00:00Z' } }),
      ],
    ]);
    const plan = await dryRun(toyPlan(rows, { manifests, sample: 1000 }));
    const report = await runReplay(toyReplay(rows, { manifests, sample: 1000 }));
    expect(plan.waterfall).toEqual(report.waterfall);
    expect(plan.waterfall.trainedOn).toBeGreaterThan(0);
    expect(plan.waterfall.servedByCandidate).toBeGreaterThan(0);
  });

  it('takes the spread from a replay of the candidate that was run, as that replay found it', async () => {
    const rows = toyRows(4000);
    const report = await runReplay(toyReplay(rows));
    const plan = await dryRun(toyPlan(rows, { earlier: [recorded(report)] }));
    const [first, ...assumed] = lossCases(plan);
    const gate = report.gates[0]!;
    expect(first?.basis).toMatchObject({
      kind: 'earlier',
      spread: { replayId: 'replay-1', rows: gate.rows },
    });
    // The nearer limit is t(0.975) standard errors away, some 1.96; skewness moved the other out.
    const width = Math.min(gate.interval!.upper - gate.estimate!, gate.estimate! - gate.interval!.lower);
    expect(first!.standardDeviation).toBeCloseTo((width / 1.96056) * Math.sqrt(gate.rows), 5);
    expect(assumed.map(({ basis }) => basis.kind)).toEqual(['assumed', 'assumed', 'assumed']);
  });

  it('passes over earlier replays whose summary it cannot read or whose rows were too few', async () => {
    const report = await runReplay(toyReplay(toyRows(50)));
    const odd = { ...recorded(report), summary: { gates: 'none' } };
    const plan = await dryRun(toyPlan(toyRows(500), { earlier: [odd, recorded(report)] }));
    expect(lossCases(plan).every(({ basis }) => basis.kind === 'assumed')).toBe(true);
  });

  it.each([
    ['the control was replaced', { digestOf: async () => 'f'.repeat(64) }, /is now the artefact fff/],
    [
      'every row was served by the candidate',
      { digestOf: async () => controlDigest },
      /no row is left to compare/,
    ],
  ])('says that a replay would be INVALID when %s', async (_what, changes, words) => {
    const plan = await dryRun(toyPlan(toyRows(300), changes));
    expect(plan.problem).toMatch(words);
    expect(renderDryRun(plan, plain)).toContain('would be INVALID');
  });

  it('refuses a candidate whose feature the log does not have, unless told what to give', async () => {
    const feature = { name: 'y', type: 'number' as const, required: false, missing: 'NaN' as const };
    const [known] = formulaManifest('v2').features;
    const manifests = new Map([
      ['v1', formulaManifest('v1')],
      ['v2', formulaManifest('v2', { features: [known!, { ...known!, ...feature }] })],
    ]);
    await expect(dryRun(toyPlan(toyRows(300), { manifests }))).rejects.toMatchObject({
      code: 'REPLAY_CANDIDATE_UNFIT',
    });
    await expect(dryRun(toyPlan(toyRows(300), { manifests, missingFeature: 'null' }))).resolves.toMatchObject(
      { problem: undefined },
    );
    await expect(dryRun(toyPlan(toyRows(300), { manifests, set: { y: 3 } }))).resolves.toMatchObject({
      problem: undefined,
    });
  });

  it('says that nothing can be shown without a truth, and that nothing is gated for anything', async () => {
    const without = toyRows(300).map((row) => ({ ...row, truth: null }));
    const plan = await dryRun(toyPlan(without));
    expect(plan.gates[0]?.power).toMatchObject({ kind: 'none' });
    expect(renderDryRun(plan, plain)).toContain('INCONCLUSIVE');
    const free = await dryRun(toyPlan(without, { expect: 'anything' }));
    expect(free.gates).toEqual([]);
    expect(renderDryRun(free, plain)).toContain('only reports');
  });

  it('announces for `same` the most rows that may disagree', async () => {
    const plan = await dryRun(toyPlan(toyRows(5000), { expect: 'same' }));
    expect(plan.gates[0]?.power).toMatchObject({ kind: 'share', plan: { failuresMax: 0, rowsNeeded: 3688 } });
    const few = await dryRun(toyPlan(toyRows(100), { expect: 'same' }));
    expect(renderDryRun(few, plain)).toContain('cannot pass, even when none of them disagrees');
  });

  it('lists the gates of a gate file, the same that a replay judges, and says which exceptions have expired', async () => {
    const rules = {
      ...defaultRules,
      flipsLimit: 0.3,
      negativeFlipsLimit: 0,
      positiveRateWithin: 0.1,
      meanScoreWithin: 0.1,
      accuracyLoss: 0.02,
      aucLoss: 0.02,
      failureLimit: 0,
      expired: [{ where: 'in_x > 3', reason: 'old', until: '2025-01-01' }],
    };
    const rows = toyRows(3000);
    const plan = await dryRun(toyPlan(rows, { rules }));
    const report = await runReplay(toyReplay(rows, { rules }));
    const named = (gates: readonly { name: string; limit: number; good: string; rows: number }[]) =>
      gates.map(({ name, limit, good, rows: judged }) => ({ name, limit, good, rows: judged }));
    // No row failed, so the replay has no gate of failures; the plan says that it may come.
    expect(named(plan.gates).filter(({ name }) => name !== 'candidate-failures')).toEqual(
      named(report.gates).filter(({ name }) => name !== 'expired-exception'),
    );
    const text = renderDryRun(plan, plain).replaceAll(/\s+/g, ' ');
    expect(text).toMatch(/PASS when at most \d+ of them change/);
    expect(text).toContain('a limit of none or all of the rows cannot be shown');
    expect(text).toContain('The exception for in_x > 3 expired on 2025-01-01, so the verdict will be FAIL');
    expect(report.verdict).toBe('FAIL');
    const only = await dryRun(
      toyPlan(rows, { rules: { ...defaultRules, flipsLimit: 0.3 }, expect: 'anything' }),
    );
    expect(only.gates.map(({ name }) => name)).toEqual(['flips']);
    const judged = await runReplay(
      toyReplay(rows, { rules: { ...defaultRules, flipsLimit: 0.3 }, expect: 'anything' }),
    );
    expect(judged.reason).not.toContain('Nothing was gated');
  });

  it('takes no spread from the gate of a slice', async () => {
    const rows = toyRows(4000);
    const report = await runReplay(toyReplay(rows));
    const [whole] = report.gates;
    const sliced = {
      ...whole!,
      slice: { feature: 'x', value: 'a' },
      interval: { ...whole!.interval!, upper: 99 },
    };
    const gates = [sliced, whole!];
    const plan = await dryRun(toyPlan(rows, { earlier: [recorded({ ...report, gates })] }));
    const alone = await dryRun(toyPlan(rows, { earlier: [recorded(report)] }));
    expect(lossCases(plan)[0]).toEqual(lossCases(alone)[0]);
  });

  it('fits 80 columns, however long the names are, and shows no control character', async () => {
    const long = `v2-${'n'.repeat(200)}\u001b[31m`;
    const manifests = new Map([
      ['v1', formulaManifest('v1')],
      [long, formulaManifest(long)],
    ]);
    const report = await runReplay(toyReplay(toyRows(500)));
    const earlier = [{ ...recorded(report), candidateVersion: long }];
    const plan = await dryRun(
      toyPlan(toyRows(500), { manifests, candidate: long, earlier, where: 'x'.repeat(300) }),
    );
    for (const text of renderDryRun(plan, plain).split('\n')) {
      expect(text.length, text).toBeLessThanOrEqual(80);
      expect(text).not.toMatch(/\p{Cc}/u);
    }
  });
});

describe('the power that a plan announces', () => {
  it('is what comes true: PASS and FAIL in about 80 % of 500 simulated replays at the announced changes', () => {
    const random = seededRandom(91);
    const rows = 600;
    const correlation = 0.8;
    // Losses with a mean of 0.5; the candidate's move with the control's.
    const draw = (): { control: number; candidate: number } => {
      const shared = random.normal();
      const own = random.normal();
      const of = (z: number): number => 0.5 + 0.2 * z;
      return {
        control: of(shared),
        candidate: of(correlation * shared + Math.sqrt(1 - correlation ** 2) * own),
      };
    };
    const control = momentsOf(Float64Array.from({ length: rows }, () => draw().control));
    const [gate] = plannedGates({
      expect: 'no-worse',
      task: 'regression',
      survey: {
        excluded: { outOfSample: 0, servedByCandidate: 0, trainedOn: 0, controlUnanswered: 0 },
        compared: rows,
        judged: rows,
        served: [],
        loss: control,
        problem: undefined,
      },
      rules: defaultRules,
      earlier: undefined,
    });
    const planned =
      gate?.power.kind === 'loss'
        ? gate.power.cases.find(({ basis }) => basis.kind === 'assumed' && basis.correlation === correlation)
        : undefined;
    const verdictShare = (change: number, verdict: 'PASS' | 'FAIL'): number => {
      let reached = 0;
      for (let round = 0; round < 500; round += 1) {
        const pairs = Array.from({ length: rows }, draw);
        const found = marginInterval({
          control: Float64Array.from(pairs, (pair) => pair.control),
          candidate: Float64Array.from(pairs, (pair) => pair.candidate + change * 0.5),
          margin: 0.01,
        });
        if (found.kind === 'value' && (verdict === 'PASS' ? found.upper < 0 : found.lower > 0)) reached += 1;
      }
      return reached / 500;
    };
    const shares = [verdictShare(planned!.passAtMost, 'PASS'), verdictShare(planned!.failAtLeast, 'FAIL')];
    for (const share of shares) {
      expect(share).toBeGreaterThan(0.74);
      expect(share).toBeLessThan(0.86);
    }
  });
});
