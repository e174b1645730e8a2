import { describe, expect, it } from 'vitest';
import { defaultRules } from '../../../src/replay/judging/gate-rules.js';
import { runReplay } from '../../../src/replay/run-replay.js';
import { reportJson } from '../../../src/replay/report/report-json.js';
import type { FieldProfile } from '../../../src/schemas/reference-profile.js';
import { formulaManifest } from '../../support/formula-model.js';
import { toyReplay, toyRows } from '../../support/toy-replay.js';

const policy = { outOfRange: 'warn', newCategory: 'warn', unexpectedMissing: 'warn' } as const;
const x = { name: 'x', tensor: 'x', tensorType: 'float64', required: true, missing: 'NaN', policy } as const;
const profile: { readonly [feature: string]: FieldProfile } = {
  x: {
    kind: 'number',
    missing: 0,
    nonFinite: 0,
    values: Array.from({ length: 100 }, (_, index) => (index - 50) / 25),
    counts: Array.from({ length: 100 }, () => 1),
    binEdges: [-1.6, -1.2, -0.8, -0.4, 0, 0.4, 0.8, 1.2, 1.6],
  },
};

function options(changes: Parameters<typeof toyReplay>[1] = {}) {
  return toyReplay(toyRows(6000), { profile, ...changes });
}

describe('slices that are declared for one replay', () => {
  it('are shown and gated like those of the manifest, and stand in the settings and the command', async () => {
    expect((await runReplay(options())).slices).toEqual([]);
    const report = await runReplay(options({ slices: ['x', 'x'], rules: { ...defaultRules, margin: 0.2 } }));
    expect(report.slices.map(({ feature, value }) => `${feature} ${value}`)).toEqual([
      'x ≤ -1.2',
      'x -1.2 to -0.4',
      'x -0.4 to 0.4',
      'x 0.4 to 1.2',
      'x > 1.2',
    ]);
    expect(report.gates.filter(({ slice }) => slice?.feature === 'x').length).toBeGreaterThan(0);
    expect(report.settings.slices).toEqual(['x']);
    expect(report.reproduce).toContain('--slice x');
    expect(report.reproduce.match(/--slice/g)).toHaveLength(1);
  });

  it('change nothing where the manifest declares them already, protected or not', async () => {
    const declared = { ...formulaManifest('v2'), slices: [{ feature: 'x', protected: true }] };
    const manifests = new Map([
      ['v1', formulaManifest('v1')],
      ['v2', declared],
    ]);
    const without = await runReplay(options({ manifests }));
    const asked = await runReplay(options({ manifests, slices: ['x'] }));
    expect(asked.slices.every((slice) => slice.protected)).toBe(true);
    expect(asked.settings.slices).toEqual([]);
    expect(reportJson({ ...asked, reproduce: '' })).toBe(reportJson({ ...without, reproduce: '' }));
  });

  it('are refused for a feature that the candidate lacks, with those that it has', async () => {
    await expect(runReplay(options({ slices: ['z'] }))).rejects.toMatchObject({
      code: 'USAGE_INVALID',
      exitCode: 64,
      message: '--slice z: v2 has no such feature; it has x',
    });
  });

  it('are refused for a feature that every row is given one value of', async () => {
    await expect(runReplay(options({ slices: ['x'], set: { x: 1 } }))).rejects.toMatchObject({
      code: 'USAGE_INVALID',
      message: expect.stringContaining('contradict each other'),
    });
  });

  it('are refused for numbers that nothing says how to cut', async () => {
    const { profile: _none, ...without } = options({ slices: ['x'] });
    await expect(runReplay(without)).rejects.toMatchObject({
      code: 'USAGE_INVALID',
      message: expect.stringContaining('neither a reference profile nor a range'),
    });
    const manifests = new Map([
      ['v1', formulaManifest('v1')],
      ['v2', formulaManifest('v2', { features: [{ ...x, range: { min: -4, max: 4 } }] })],
    ]);
    const ranged = toyReplay(toyRows(6000), { manifests, slices: ['x'] });
    expect((await runReplay(ranged)).slices.length).toBeGreaterThan(3);
  });
});
