import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { defaultRules, rulesOf } from '../../../src/replay/judging/gate-rules.js';
import { runReplay } from '../../../src/replay/run-replay.js';
import { GateFile } from '../../../src/schemas/gate-file.js';
import { parseYaml } from '../../../src/services/platform/yaml-file.js';
import {
  controlFormula,
  logistic,
  toyDay,
  toyReplay,
  toyRows,
  toyStart,
  truthFormula,
} from '../../support/toy-replay.js';

const page = readFileSync(join(import.meta.dirname, '..', '..', '..', 'docs', 'gates.md'), 'utf8');
const until = toyStart + 30 * toyDay;

function rulesFrom(text: string, untilMicros = until) {
  const file = parseYaml(text, GateFile);
  if (file.kind !== 'read') throw new Error(file.kind === 'invalid' ? file.problem : 'no file');
  return rulesOf(file.value, untilMicros);
}

async function replayed(text: string, changes: Parameters<typeof toyReplay>[1] = {}) {
  return runReplay(toyReplay(toyRows(20_000), { ...changes, ...rulesFrom(text) }));
}

function gateOf(report: Awaited<ReturnType<typeof replayed>>, name: string) {
  const found = report.gates.find((gate) => gate.name === name);
  if (found === undefined) throw new Error(`no gate ${name}`);
  return found;
}

describe('a gate file', () => {
  it('is refused with line and field where a key or a value is not one', () => {
    const problem = (text: string) => {
      const file = parseYaml(text, GateFile);
      return file.kind === 'invalid' ? file.problem : file.kind;
    };
    expect(problem('margin: 0.01\nflips:\n  atMost: 5')).toMatch(/line 3, flips\.atMost: .*got 5/);
    expect(problem('margin: 0.01\nmargins: 2')).toMatch(/^line 2, .*margins/);
    expect(problem('gates:\n  margin: 0.01')).toMatch(/^line 1, .*gates/);
    expect(problem('margin: 0.01\nslices:\n\n  - 1')).toMatch(/^line 2, slices/);
    expect(problem('ignore:\n  - where: x > 1\n    reason: because')).toMatch(/line 2, ignore\[0\]\.until/);
    expect(problem('ignore:\n  - where: x > 1\n    reason: because\n    until: soon')).toMatch(
      /line 4, ignore\[0\]\.until/,
    );
    expect(problem('flips: [')).toMatch(/^line 1/);
  });

  it('that is empty changes nothing', () => {
    expect(rulesOf({}, until)).toEqual({ rules: defaultRules, ignore: [] });
  });

  it('can say what its page lists, and nothing else', () => {
    const keys = Object.entries(GateFile.shape).flatMap(([key, schema]) => {
      const inner = schema.unwrap();
      return 'shape' in inner ? Object.keys(inner.shape).map((field) => `${key}.${field}`) : [key];
    });
    const listed = [...page.matchAll(/^\| `([\w.]+)` \|/gm)].map(([, key]) => key);
    expect(new Set(listed)).toEqual(new Set(keys));
    expect(listed).toHaveLength(keys.length);
    const example = /```yaml\n([^]*?)```/.exec(page)?.[1] ?? '';
    expect(parseYaml(example, GateFile).kind).toBe('read');
  });
});

describe('gates of a file', () => {
  it('hold flips, from right to wrong too, below a limit', async () => {
    const open = await replayed('flips: { atMost: 0.9 }\nnegativeFlips: { atMost: 0.9 }');
    expect([gateOf(open, 'flips').verdict, gateOf(open, 'negative-flips').verdict]).toEqual(['PASS', 'PASS']);
    expect(gateOf(open, 'flips').estimate).toBe(open.flips?.rate);
    expect(open.verdict).toBe('PASS');
    const strict = await replayed('flips: { atMost: 0.001 }');
    expect(gateOf(strict, 'flips').verdict).toBe('FAIL');
    expect(strict.verdict).toBe('FAIL');
    expect(strict.reason).toContain('ore than 0.1 % of the labels change');
  });

  it('ask for equivalence: a rate may move neither up nor down', async () => {
    const formula = ({ x = 0 }: { readonly [feature: string]: number }) => controlFormula({ x: x + 0.02 });
    const near = await replayed('positiveRate: { within: 0.05 }\nmeanScore: { within: 0.05 }', { formula });
    expect([gateOf(near, 'positive-rate').verdict, gateOf(near, 'mean-score').verdict]).toEqual([
      'PASS',
      'PASS',
    ]);
    for (const shift of [-0.5, 0.5]) {
      const far = await replayed('positiveRate: { within: 0.05 }', {
        expect: 'anything',
        formula: ({ x = 0 }) => controlFormula({ x: x + shift }),
      });
      expect(gateOf(far, 'positive-rate')).toMatchObject({ verdict: 'FAIL', good: 'within', limit: 0.05 });
      expect(gateOf(far, 'positive-rate').p).toBeLessThan(1e-6);
    }
    const shown = gateOf(near, 'mean-score');
    const edge = await replayed(`meanScore: { within: ${shown.estimate} }`, { formula });
    expect(gateOf(edge, 'mean-score').verdict).toBe('INCONCLUSIVE');
    expect(gateOf(edge, 'mean-score').p).toBeCloseTo(0.5, 6);
  });

  it('hold accuracy and AUC above what they may lose', async () => {
    const worse = ({ x = 0 }: { readonly [feature: string]: number }) => logistic(Math.sin(5 * x));
    const report = await replayed('accuracy: { loseAtMost: 0.01 }\nauc: { loseAtMost: 0.01 }', {
      formula: worse,
    });
    expect([gateOf(report, 'accuracy').verdict, gateOf(report, 'auc').verdict]).toEqual(['FAIL', 'FAIL']);
    const good = await replayed('accuracy: { loseAtMost: 0.01 }\nauc: { loseAtMost: 0.01 }');
    expect([gateOf(good, 'accuracy').verdict, gateOf(good, 'auc').verdict]).toEqual(['PASS', 'PASS']);
  });

  it('are INCONCLUSIVE where they cannot be computed', async () => {
    const rows = toyRows(2_000).map((row) => ({ ...row, truth: null }));
    const report = await runReplay(
      toyReplay(rows, { expect: 'anything', ...rulesFrom('auc: { loseAtMost: 0.1 }') }),
    );
    expect(gateOf(report, 'auc').verdict).toBe('INCONCLUSIVE');
    expect(report.verdict).toBe('INCONCLUSIVE');
  });

  it('move the margin of the loss, and stand in the report', async () => {
    const slightlyWorse = (row: { readonly [feature: string]: number }) =>
      controlFormula({ x: (row['x'] ?? 0) * 0.9 });
    const strict = await replayed('margin: 0', { formula: slightlyWorse });
    const generous = await replayed('margin: 0.5', { formula: slightlyWorse });
    expect([strict.verdict, generous.verdict]).toEqual(['FAIL', 'PASS']);
    expect(generous.settings.margin).toBe(0.5);
    expect(gateOf(generous, 'log-loss').measures).toContain('1.5 × control');
    expect(generous.reason).toContain('at most 50 % worse');
  });
});

describe('exceptions', () => {
  it('expire after their last day, and then fail the replay', async () => {
    const text = 'ignore:\n  - where: in_x > 1\n    reason: a known slip\n    until: 2026-01-30';
    // The range ends at midnight after the thirtieth.
    expect(rulesFrom(text).ignore).toHaveLength(1);
    expect(rulesFrom(text, until + 1)).toMatchObject({
      ignore: [],
      rules: { expired: [{ reason: 'a known slip' }] },
    });
    const { rules } = rulesFrom(text, until + 1);
    const report = await runReplay(toyReplay(toyRows(5_000), { rules, formula: truthFormula }));
    expect(report.verdict).toBe('FAIL');
    expect(report.reason).toContain('expired on 2026-01-30');
    expect(gateOf(report, 'log-loss').verdict).toBe('PASS');
  });
});
