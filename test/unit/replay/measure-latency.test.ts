import { describe, expect, it } from 'vitest';
import { defaultRules } from '../../../src/replay/judging/gate-rules.js';
import { compareLatency } from '../../../src/replay/measure-latency.js';
import { runReplay } from '../../../src/replay/run-replay.js';
import type { InferenceModel } from '../../../src/services/inference/inference-model.js';
import { errors } from '../../../src/services/platform/errors.js';
import { formulaManifest, formulaModel } from '../../support/formula-model.js';
import { toyReplay, toyRows } from '../../support/toy-replay.js';

const rows = 64;
const batch = {
  rows,
  columns: {
    x: { kind: 'number', values: Float64Array.from({ length: rows }, (_, row) => row), valid: undefined },
  },
} as const;

/** A model that says it took so long for the row whose `x` this is; undefined: it cannot take the row. */
function timed(micros: (x: number) => number | undefined): InferenceModel {
  const model = formulaModel({ manifest: formulaManifest('v1'), digest: 'a', formula: () => 0.5 });
  return {
    ...model,
    run: async (given) => {
      const { x } = given.columns;
      const inferenceMicros = x?.kind === 'number' ? micros(x.values[0] ?? 0) : undefined;
      if (inferenceMicros === undefined) throw errors.INFERENCE_FAILED({ model: 'toy', problem: 'no' });
      return { ...(await model.run(given)), inferenceMicros };
    },
  };
}

describe('the time for one row', () => {
  it('is compared row by row, so that rows which take long on both sides do not blur the ratio', async () => {
    const control = timed((x) => 10 * (1 + x));
    const candidate = timed((x) => 15 * (1 + x));
    const found = await compareLatency({
      control: { model: control, batch },
      candidate: { model: candidate, batch },
    });
    expect(found).toMatchObject({ rows, controlMicros: 330, candidateMicros: 495 });
    expect(found?.ratio).toBeCloseTo(1.5, 12);
    expect(found?.upper).toBeCloseTo(1.5, 12);
  });

  it('is over the rows that both sides answer, and is unknown without any', async () => {
    const control = timed(() => 10);
    const some = await compareLatency({
      control: { model: control, batch },
      candidate: { model: timed((x) => (x % 2 === 0 ? 20 : undefined)), batch },
    });
    expect(some).toMatchObject({ rows: rows / 2, candidateMicros: 20 });
    const none = await compareLatency({
      control: { model: control, batch },
      candidate: { model: timed(() => undefined), batch },
    });
    expect(none).toBeUndefined();
  });
});

it('is measured on models that run exactly as they are served, which are closed again', async () => {
  const asServed: string[] = [];
  let open = 0;
  const toy = toyReplay(toyRows(1_000), { rules: { ...defaultRules, latencyRatio: 10 } });
  await runReplay({
    ...toy,
    loadModel: async (version, how) => {
      if (how?.asServed === true) asServed.push(version);
      const model = await toy.loadModel(version, how);
      open += 1;
      return {
        ...model,
        close: async () => {
          open -= 1;
          await model.close();
        },
      };
    },
  });
  expect(asServed).toEqual(['v1', 'v2']);
  expect(open).toBe(0);
});
