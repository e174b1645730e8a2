import type { ReplayReport } from '../../src/replay/report/report-schema.js';
import { runReplay } from '../../src/replay/run-replay.js';
import { formulaManifest } from './formula-model.js';
import { logistic, toyReplay, toyRows, truthFormula } from './toy-replay.js';

/** Every kind of report, with names as long and as hostile as they get. */
export async function makeReports(): Promise<{ readonly [name: string]: ReplayReport }> {
  const hostile = toyRows(3000).map((row, index) => ({
    ...row,
    key: `<script>alert(${index})</script>"'&${'k'.repeat(120)}\u001b[31m\u202e`,
  }));
  const regression = { task: 'regression' as const, outputs: { value: { output: 'y' } } };
  const manifests = new Map(['v1', 'v2'].map((version) => [version, formulaManifest(version, regression)]));
  const values = toyRows(500).map((row) => ({
    ...row,
    digest: null,
    outputs: { value: 1e7 * Number(row.outputs['score']) },
  }));
  return {
    pass: await runReplay(toyReplay(toyRows(5000))),
    fail: await runReplay(toyReplay(hostile, { formula: ({ x = 0 }) => logistic(-x) })),
    few: await runReplay(toyReplay(toyRows(30))),
    none: await runReplay(
      toyReplay(
        toyRows(300).map((row) => ({ ...row, truth: null })),
        { expect: 'anything' },
      ),
    ),
    invalid: await runReplay(
      toyReplay(toyRows(300).map((row) => ({ ...row, version: 'v2', digest: 'd'.repeat(64) }))),
    ),
    failing: await runReplay(
      toyReplay(hostile, {
        formula: (row) => (row['x']! > 2 ? undefined : truthFormula(row)),
        where: `in_x < '${'y'.repeat(150)}'`,
      }),
    ),
    regression: await runReplay(toyReplay(values, { manifests })),
  };
}
