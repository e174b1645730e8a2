import { describe, expect, it } from 'vitest';
import { densityCountsOf, joinDensities } from '../../../src/replay/judging/density-tally.js';
import type { PairedRows } from '../../../src/replay/judging/paired-rows.js';
import type { PartFindings } from '../../../src/replay/part/replay-part.js';
import { joinFindings } from '../../../src/replay/part/replay-part.js';

function regressionOf(values: readonly number[]): PairedRows {
  const side = () => ({
    value: Float64Array.from(values),
    label: new Int32Array(values.length).fill(-1),
    truthScore: undefined,
  });
  return {
    task: 'regression',
    rows: values.length,
    labels: [],
    positions: Float64Array.from(values, (_, row) => row),
    occurredAt: new Float64Array(values.length),
    control: side(),
    candidate: side(),
    truth: Float64Array.from(values),
    scoreDistance: undefined,
    cell: undefined,
    clip: 2 ** -52,
  };
}

it('the spread of values that joined blocks have is that of all their rows at once, in at most 64 bins', () => {
  const blocks = [
    [0.1, 0.2, 0.15],
    [5_000, 5_001],
    [-3, 40.5],
    [7, 7, 7],
  ];
  const joined = blocks
    .map((values) => densityCountsOf(regressionOf(values)))
    .reduce((a, b) => (a === undefined || b === undefined ? undefined : joinDensities(a, b)));
  expect(joined).toEqual(densityCountsOf(regressionOf(blocks.flat())));
  expect(joined?.control.length).toBeLessThanOrEqual(64);
  expect(joined?.control.reduce((sum, count) => sum + count, 0)).toBe(10);
});

describe('the findings of two parts', () => {
  const excluded = {
    outOfSample: 1,
    servedByCandidate: 0,
    trainedOn: 2,
    controlUnanswered: 0,
    candidateFailed: 1,
  };
  const part = (from: number, changes: Partial<PartFindings>): PartFindings => ({
    blocks: { from, until: from + 1 },
    rowsRead: 100,
    isComplete: true,
    excluded,
    comparedRows: 96,
    labels: ['a', 'b'],
    served: [{ version: 'v1', digest: 'd', rows: 97 }],
    failures: [{ position: from, message: 'no' }],
    noise: [],
    contract: { rows: 97, features: [] },
    neverRecorded: [],
    given: [],
    candidateDigest: 'c',
    ...changes,
  });

  it('lack a feature when both lack it, and name every label in order of appearance', () => {
    const joined = joinFindings(
      part(0, { neverRecorded: ['x', 'y'], labels: ['a', 'b', 'z'] }),
      part(1, { neverRecorded: ['y', 'w'], labels: ['a', 'b', 'q', 'z'] }),
    );
    expect(joined.neverRecorded).toEqual(['y']);
    expect(joined.labels).toEqual(['a', 'b', 'z', 'q']);
  });

  it('count every row once, and are complete when both are', () => {
    const joined = joinFindings(part(0, {}), part(1, { isComplete: false }));
    expect(joined).toMatchObject({
      blocks: { from: 0, until: 2 },
      rowsRead: 200,
      comparedRows: 192,
      isComplete: false,
      excluded: { outOfSample: 2, trainedOn: 4, candidateFailed: 2 },
      served: [{ version: 'v1', digest: 'd', rows: 194 }],
      failures: [{ position: 0 }, { position: 1 }],
      contract: { rows: 194 },
    });
  });
});
