import { describe, expect, it } from 'vitest';
import type { Judgement } from '../../../src/replay/judging/judge.js';
import { defaultRules } from '../../../src/replay/judging/gate-rules.js';
import { distanceTally } from '../../../src/replay/judging/distance-tally.js';
import { joinMeans, meanTallyOf } from '../../../src/replay/judging/mean-tally.js';
import type { PairedRows } from '../../../src/replay/judging/paired-rows.js';
import { pairedAuc } from '../../../src/stats/auc.js';
import { exactMoments } from '../../../src/stats/exact-moments.js';
import { binaryLogLosses, logLossClip } from '../../../src/stats/log-loss.js';
import { marginInterval } from '../../../src/stats/paired-mean.js';
import { skewedMeanInterval, skewnessOfMean } from '../../../src/stats/skewed-mean.js';
import { seededRandom } from '../../../src/stats/seeded-random.js';
import { judgeRows as judge } from '../../support/judged-rows.js';

/** Binary rows from scores and truths; labels by the threshold 0.5. */
function binaryRows(
  control: readonly number[],
  candidate: readonly number[],
  truth: readonly number[],
): PairedRows {
  const side = (scores: readonly number[]) => ({
    value: Float64Array.from(scores),
    label: Int32Array.from(scores, (score) => (score >= 0.5 ? 1 : 0)),
    truthScore: undefined,
  });
  const clip = (scores: readonly number[]) => scores.every((score) => Math.fround(score) === score);
  return {
    task: 'binary-classification',
    rows: truth.length,
    labels: ['0', '1'],
    positions: Float64Array.from(truth, (_, index) => index),
    occurredAt: Float64Array.from(truth, (_, index) => index * 3_600_000_000),
    control: side(control),
    candidate: side(candidate),
    truth: Float64Array.from(truth),
    scoreDistance: undefined,
    cell: undefined,
    clip: clip(control) || clip(candidate) ? logLossClip.float32 : logLossClip.float64,
  };
}

function metric(judgement: Judgement, name: string) {
  const found = judgement.metrics.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no metric ${name}`);
  return found;
}

function simulated(count: number, seed: number) {
  const random = seededRandom(seed);
  const control = Array.from({ length: count }, () => random.uniform());
  const candidate = control.map((score) =>
    Math.min(0.999, Math.max(0.001, score + 0.2 * (random.uniform() - 0.5))),
  );
  return { control, candidate, truth: control.map((score) => (random.uniform() < score ? 1 : 0)) };
}

describe('the judgement of binary rows', () => {
  // Four rows that can be done by hand.
  const rows = binaryRows([0.9, 0.2, 0.6, 0.4], [0.8, 0.6, 0.7, 0.35], [1, 0, 0, 1]);
  const judgement = judge({ rows, expect: 'no-worse', candidateFailed: 0 });

  it('counts flips, and which of them made things better or worse', () => {
    expect(judgement.flips).toMatchObject({
      rows: 4,
      flipped: 1,
      rate: 0.25,
      matrix: [
        [1, 1],
        [0, 2],
      ],
      judgedMatrix: [
        [1, 1],
        [0, 2],
      ],
      rightToWrong: 1,
      wrongToRight: 0,
    });
    expect(metric(judgement, 'accuracy')).toMatchObject({ control: 0.5, candidate: 0.25, difference: -0.25 });
    expect(metric(judgement, 'positive rate')).toMatchObject({
      control: 0.5,
      candidate: 0.75,
      difference: 0.25,
    });
  });

  it('has the log loss, Brier score and AUC of both', () => {
    const logLoss = -(Math.log(0.9) + Math.log(0.8) + Math.log(0.4) + Math.log(0.4)) / 4;
    expect(metric(judgement, 'log loss').control).toBeCloseTo(logLoss, 12);
    expect(metric(judgement, 'Brier score').control).toBeCloseTo((0.01 + 0.04 + 0.36 + 0.36) / 4, 12);
    expect(metric(judgement, 'AUC')).toMatchObject({ control: 0.75, candidate: 0.5, difference: -0.25 });
  });

  it('says how far scores are what they claim, by bins and in the large', () => {
    const random = seededRandom(21);
    const control = Array.from({ length: 20_000 }, () => random.uniform());
    // The control is right; the candidate claims 0.2 too much where it can.
    const candidate = control.map((score) => Math.min(1, score + 0.2));
    const truth = control.map((score) => (random.uniform() < score ? 1 : 0));
    const { calibration } = judge({
      rows: binaryRows(control, candidate, truth),
      expect: 'no-worse',
      candidateFailed: 0,
    });
    expect(calibration?.control.biasInterval.lower).toBeLessThan(0);
    expect(calibration?.control.biasInterval.upper).toBeGreaterThan(0);
    const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(calibration?.candidate.bias).toBeCloseTo(mean(candidate) - mean(truth), 10);
    expect(calibration?.candidate.biasInterval.lower).toBeGreaterThan(0.15);
    // No score of the candidate lies below 0.2.
    expect(calibration?.candidate.bins.map(({ from }) => from)).toEqual([
      0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9,
    ]);
    const inBin = candidate.flatMap((score, row) => (score >= 0.5 && score < 0.6 ? [row] : []));
    expect(calibration?.candidate.bins[3]).toMatchObject({
      rows: inBin.length,
      share: mean(inBin.map((row) => truth[row] ?? 0)),
    });
    expect(calibration?.candidate.expectedError).toBeGreaterThan(0.1);
    expect(calibration?.control.expectedError).toBeLessThan(0.02);
  });

  it('has no calibration without truths, or where a score is no probability', () => {
    const without = binaryRows([0.1, 0.9], [0.2, 0.8], [Number.NaN, Number.NaN]);
    expect(judge({ rows: without, expect: 'anything', candidateFailed: 0 }).calibration).toBeNull();
    const beyond = binaryRows([0.1, 0.9], [0.2, 1.7], [0, 1]);
    expect(judge({ rows: beyond, expect: 'anything', candidateFailed: 0 }).calibration).toBeNull();
  });

  it('puts the rows that lose most first', () => {
    const losses = (score: number, truth: number) => -Math.log(truth === 1 ? score : 1 - score);
    expect(judgement.worst.by).toBe('loss');
    expect(judgement.worst.rows.map(({ position }) => position)).toEqual([1, 2, 3, 0]);
    expect(judgement.worst.rows[0]?.increase).toBeCloseTo(losses(0.6, 0) - losses(0.2, 0), 12);
  });

  it('gives no verdict on four rows', () => {
    expect(judgement.gates[0]).toMatchObject({ verdict: 'INCONCLUSIVE', rows: 4 });
  });

  it('uses the paired intervals of the statistics, on rows with truth alone', () => {
    const { control, candidate, truth } = simulated(3000, 5);
    const known = truth.map((value, index) => (index % 3 === 0 ? Number.NaN : value));
    const found = judge({
      rows: binaryRows(control, candidate, known),
      expect: 'no-worse',
      candidateFailed: 0,
    });
    const kept = <Value>(values: readonly Value[]) => values.filter((_, index) => index % 3 !== 0);
    const labels = Uint8Array.from(kept(truth));
    const sides = {
      control: Float64Array.from(kept(control)),
      candidate: Float64Array.from(kept(candidate)),
    };
    const loss = (scores: Float64Array) => binaryLogLosses({ scores, labels, clip: logLossClip.float64 });
    const margin = marginInterval({
      control: loss(sides.control),
      candidate: loss(sides.candidate),
      margin: 0.01,
    });
    const auc = pairedAuc({ controlScores: sides.control, candidateScores: sides.candidate, labels });
    if (margin.kind === 'undefined' || auc.kind === 'undefined') throw new Error('expected intervals');
    expect(found.judged).toBe(2000);
    expect(found.gates[0]?.estimate).toBeCloseTo(margin.mean, 14);
    const [before, after] = [loss(sides.control), loss(sides.candidate)];
    const skewness = skewnessOfMean({
      rows: new Float64Array(2000).fill(1),
      sums: after.map((value, row) => value - 1.01 * (before[row] ?? 0)),
    });
    const skewed = skewedMeanInterval({ ...margin, estimate: margin.mean, skewness });
    expect(found.gates[0]?.interval?.lower).toBeCloseTo(skewed.lower, 14);
    expect(found.gates[0]?.interval?.upper).toBeCloseTo(skewed.upper, 14);
    expect(found.gates[0]?.p).toBeCloseTo(skewed.pAboveZero, 12);
    expect(skewed.upper - skewed.lower).toBeGreaterThan(margin.upper - margin.lower);
    expect(metric(found, 'AUC')).toMatchObject({
      difference: auc.difference,
      interval: { lower: auc.lower, upper: auc.upper },
    });
    expect(metric(found, 'positive rate').rows).toBe(3000);
  });

  it('takes float32 scores for what they are: a sure mistake costs 15.9, not 36', () => {
    const { control, candidate, truth } = simulated(200, 6);
    const single = (scores: readonly number[]) => scores.map(Math.fround);
    const sure = binaryRows([1, ...single(control)], [0, ...single(candidate)], [1, ...truth]);
    const found = judge({ rows: sure, expect: 'no-worse', candidateFailed: 0 });
    expect(found.worst.rows[0]).toMatchObject({ position: 0, truth: '1' });
    expect(found.worst.rows[0]?.increase).toBeCloseTo(23 * Math.LN2, 5);
  });

  it('gives no verdict when one row makes up most of the variance', () => {
    const truth = Array.from({ length: 400 }, (_, index) => index % 2);
    const control = truth.map((value) => (value === 1 ? 0.7 : 0.3));
    const candidate = control.map((score, index) => (index === 7 ? 1e-9 : score));
    const [gate] = judge({
      rows: binaryRows(control, candidate, truth),
      expect: 'no-worse',
      candidateFailed: 0,
    }).gates;
    expect(gate?.verdict).toBe('INCONCLUSIVE');
    expect(gate?.reason).toContain('one row makes up');
  });

  it('names a score that is no probability instead of judging it', () => {
    const { control, truth } = simulated(300, 7);
    const [gate] = judge({
      rows: binaryRows(
        control,
        control.map((score) => 3 * score),
        truth,
      ),
      expect: 'no-worse',
      candidateFailed: 0,
    }).gates;
    expect(gate).toMatchObject({ verdict: 'INCONCLUSIVE', interval: null });
    expect(gate?.reason).toContain('is no probability');
  });

  it('passes an unchanged candidate, and shows differences of exactly nothing', () => {
    const { control, truth } = simulated(5000, 8);
    const rowsAlike = binaryRows(control, control, truth);
    const found = judge({ rows: rowsAlike, expect: 'no-worse', candidateFailed: 0 });
    expect(found.gates[0]?.verdict).toBe('PASS');
    expect(metric(found, 'log loss')).toMatchObject({ difference: 0, interval: { lower: 0, upper: 0 } });
    expect(found.flips?.flipped).toBe(0);
    expect(found.flips?.interval.upper).toBeGreaterThan(0);
    expect(judge({ rows: rowsAlike, expect: 'same', candidateFailed: 0 }).gates[0]?.verdict).toBe('PASS');
    // Five of 5,005 failed: too many for 99.9 %, too few to show it.
    expect(judge({ rows: rowsAlike, expect: 'same', candidateFailed: 5 }).gates[0]?.verdict).toBe(
      'INCONCLUSIVE',
    );
  });

  it('sums up each UTC day', () => {
    const { control, candidate, truth } = simulated(60, 9);
    const { days } = judge({
      rows: binaryRows(control, candidate, truth),
      expect: 'no-worse',
      candidateFailed: 0,
    });
    expect(days.map(({ day, rows: count }) => [day, count])).toEqual([
      ['1970-01-01', 24],
      ['1970-01-02', 24],
      ['1970-01-03', 12],
    ]);
  });
});

it('says how often positives are found, and how often the label that says so is right', () => {
  const rows = binaryRows([0.9, 0.2, 0.6, 0.4, 0.7], [0.8, 0.6, 0.7, 0.35, 0.2], [1, 1, 0, 1, 0]);
  const found = judge({ rows, expect: 'anything', candidateFailed: 0 });
  expect(metric(found, 'recall')).toMatchObject({ rows: 3, control: 1 / 3, candidate: 2 / 3 });
  expect(metric(found, 'recall').interval?.upper).toBeGreaterThan(0);
  expect(metric(found, 'precision')).toMatchObject({ control: 1 / 3, candidate: 2 / 3, interval: null });
  expect(found.joint?.flat().reduce((sum, count) => sum + count, 0)).toBe(5);
  // Scores 0.9 and 0.8 of 24 bins.
  expect(found.joint?.[21]?.[19]).toBe(1);
});

it('has the errors of a regression: absolute, root mean square, signed, and how many are small', () => {
  const truth = [10, 20, 30, 40];
  const side = (values: readonly number[]) => ({
    value: Float64Array.from(values),
    label: new Int32Array(4).fill(-1),
    truthScore: undefined,
  });
  const rows: PairedRows = {
    ...binaryRows(truth, truth, truth),
    task: 'regression',
    control: side([11, 18, 33, 40]),
    candidate: side([10, 25, 30, 39]),
  };
  const found = judge(
    { rows, expect: 'no-worse', candidateFailed: 0 },
    { setting: { rules: { ...defaultRules, errorWithin: 2, errorWithinLoss: 0.1 } } },
  );
  expect(metric(found, 'mean absolute error')).toMatchObject({ control: 6 / 4, candidate: 6 / 4 });
  expect(metric(found, 'root mean square error').control).toBeCloseTo(Math.sqrt(14 / 4), 14);
  expect(metric(found, 'root mean square error').candidate).toBeCloseTo(Math.sqrt(26 / 4), 14);
  expect(metric(found, 'root mean square error').difference).toBeCloseTo(Math.sqrt(6.5) - Math.sqrt(3.5), 14);
  expect(metric(found, 'mean error')).toMatchObject({ control: 2 / 4, candidate: 4 / 4 });
  expect(metric(found, 'share off by at most 2')).toMatchObject({ control: 3 / 4, candidate: 3 / 4 });
  expect(found.gates.map(({ name, verdict }) => [name, verdict])).toEqual([
    ['mean-absolute-error', 'INCONCLUSIVE'],
    ['error-within', 'INCONCLUSIVE'],
  ]);
});

describe('the judgement of several classes', () => {
  it('rests on the score of the true class, and on labels', () => {
    const count = 600;
    const truth = Float64Array.from({ length: count }, (_, index) => index % 3);
    const label = Int32Array.from(truth);
    const wrong = Int32Array.from(truth, (code, index) => (index % 10 === 0 ? (code + 1) % 3 : code));
    const nothing = new Float64Array(count).fill(Number.NaN);
    const rows: PairedRows = {
      task: 'multiclass-classification',
      rows: count,
      labels: ['a', 'b', 'c'],
      positions: Float64Array.from(truth, (_, index) => index),
      occurredAt: new Float64Array(count),
      control: {
        value: nothing,
        label: wrong,
        truthScore: Float64Array.from(truth, (_, index) => 0.5 + (index % 7) / 50),
      },
      candidate: {
        value: nothing,
        label,
        truthScore: Float64Array.from(truth, (_, index) => 0.6 + (index % 5) / 50),
      },
      truth,
      scoreDistance: new Float64Array(count).fill(0.1),
      cell: undefined,
      clip: logLossClip.float64,
    };
    const found = judge({ rows, expect: 'no-worse', candidateFailed: 0 });
    expect(found.gates[0]).toMatchObject({ name: 'log-loss', verdict: 'PASS' });
    expect(metric(found, 'accuracy')).toMatchObject({ control: 0.9, candidate: 1 });
    expect(found.classes.map(({ label, rows: judged }) => [label, judged])).toEqual([
      ['a', 200],
      ['b', 200],
      ['c', 200],
    ]);
    expect(found.classes[0]).toMatchObject({
      recall: { control: 0.9, candidate: 1 },
      precision: { control: 0.9, candidate: 1 },
    });
    expect(found.classes[0]?.recallDifference).toBeCloseTo(0.1, 14);
    expect(found.classes[0]?.interval?.lower).toBeGreaterThan(0);
    expect(found.flips?.matrix).toEqual([
      [180, 0, 20],
      [20, 180, 0],
      [0, 20, 180],
    ]);
    expect(found.shift?.distance.at(-1)).toEqual({ probability: 1, value: 0.1 });
  });
});

/** Rows that do not compare: only what is read of them counts. */
function rowsApart(distances: readonly number[]): PairedRows {
  const control = distances.map(() => 0);
  return { ...binaryRows(control, distances, control), task: 'regression' };
}

it('has quantiles of distances within 0.2 % of those of sorted values, and the largest exactly', () => {
  const random = seededRandom(11);
  for (const count of [1, 2, 3, 10, 999, 5000]) {
    // Rounded, so that there are many equal values, zero among them.
    const values = Array.from({ length: count }, () => Math.round(40 * random.normal() ** 2) / 4);
    const sorted = values.toSorted((a, b) => a - b);
    const tally = distanceTally();
    tally.add(rowsApart(values));
    const found = tally.quantiles([0, 0.5, 0.9, 0.99, 1]) ?? [];
    for (const [index, probability] of [0, 0.5, 0.9, 0.99].entries()) {
      const exact = sorted[Math.floor((count - 1) * probability)] ?? 0;
      expect(Math.abs((found[index] ?? Number.NaN) - exact)).toBeLessThanOrEqual(0.002 * exact);
    }
    expect(found.at(-1)).toBe(sorted.at(-1));
  }
});

it('has means over joined blocks as exact as the exact ones', () => {
  const { control, candidate } = simulated(10_000, 10);
  const values = Float64Array.from(control, (before, row) => 1e6 + (candidate[row] ?? 0) - before);
  const exact = exactMoments();
  for (const value of values) exact.add(value);
  const blocks = [0, 1, 2, 3].map((block) =>
    meanTallyOf(values.subarray(block * 2500, (block + 1) * 2500), undefined),
  );
  const joined = blocks.reduce(joinMeans);
  const expected = exact.moments();
  expect(joined.count).toBe(expected.count);
  expect(Math.abs(joined.mean / expected.mean - 1)).toBeLessThan(1e-15);
  expect(Math.abs(joined.squaredDeviations / expected.squaredDeviations - 1)).toBeLessThan(1e-9);
});

describe('judges that share the work', () => {
  const random = seededRandom(31);
  const { control, candidate, truth } = simulated(9_000, 30);
  const binary: PairedRows = {
    ...binaryRows(
      control,
      candidate,
      truth.map((value) => (random.uniform() < 0.2 ? Number.NaN : value)),
    ),
    cell: Uint16Array.from(truth, () => Math.floor(1_024 * random.uniform())),
  };
  const amounts = control.map((score) => 1_000 * (score - 0.3) * random.normal());
  const regression: PairedRows = {
    ...binaryRows(amounts, candidate, amounts),
    task: 'regression',
    truth: Float64Array.from(amounts, (amount) => amount + random.normal()),
    control: {
      value: Float64Array.from(amounts),
      label: new Int32Array(9_000).fill(-1),
      truthScore: undefined,
    },
    candidate: {
      value: Float64Array.from(amounts, (amount) => amount + 3 * random.normal()),
      label: new Int32Array(9_000).fill(-1),
      truthScore: undefined,
    },
  };

  it.each([
    ['binary rows of repeated subjects', binary],
    ['a regression', regression],
  ])('come to the same as one judge, to the last bit: %s', (_, rows) => {
    const question = { rows, expect: 'no-worse', candidateFailed: 0 } as const;
    const once = JSON.stringify(judge(question, { blockRows: 250 }));
    for (const shards of [2, 3, 5, 8, 36]) {
      expect(JSON.stringify(judge(question, { blockRows: 250, shards }))).toBe(once);
    }
  });
});
