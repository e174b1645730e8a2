import { describe, expect, it } from 'vitest';
import { defaultRules } from '../../../src/replay/judging/gate-rules.js';
import type { Judgement } from '../../../src/replay/judging/judge.js';
import type { PairedRows } from '../../../src/replay/judging/paired-rows.js';
import { replaySettings } from '../../../src/replay/judging/replay-settings.js';
import { cellPlacements } from '../../../src/stats/cell-placements.js';
import { clusteredAuc } from '../../../src/stats/clustered-auc.js';
import {
  clusteredPairedDifference,
  clusteredProportionInterval,
} from '../../../src/stats/clustered-proportion.js';
import { exactProportionInterval, exactProportionP } from '../../../src/stats/exact-proportion.js';
import { rowsPerSubject } from '../../../src/stats/hashed-subjects.js';
import { logLossClip } from '../../../src/stats/log-loss.js';
import { seededRandom } from '../../../src/stats/seeded-random.js';
import { studentTSf } from '../../../src/stats/student-t-distribution.js';
import { judgeRows, rowRange } from '../../support/judged-rows.js';

const subjects = 400;
const rowsEach = 10;
const cells = 1_024;
const rules = {
  ...defaultRules,
  flipsLimit: 0.04,
  negativeFlipsLimit: 0.04,
  accuracyLoss: 0.02,
  aucLoss: 0.02,
};

/** All rows of a subject are alike: they flip together, and their truth is one. */
function alikeRows(): PairedRows {
  const random = seededRandom(17);
  const drawn = Array.from({ length: subjects }, () => ({
    flips: random.uniform() < 0.02,
    truth: random.uniform() < 0.5 ? 1 : 0,
    control: random.uniform(),
    cell: random.below(cells),
  }));
  const rows = drawn.flatMap((subject) => Array.from({ length: rowsEach }, () => subject));
  const side = (score: (row: (typeof rows)[number]) => number) => ({
    value: Float64Array.from(rows, score),
    label: Int32Array.from(rows, (row) => (score(row) >= 0.5 ? 1 : 0)),
    truthScore: undefined,
  });
  return {
    task: 'binary-classification',
    rows: rows.length,
    labels: ['0', '1'],
    positions: Float64Array.from(rows, (_, index) => index),
    occurredAt: new Float64Array(rows.length),
    control: side(({ control }) => control),
    candidate: side(({ control, flips }) => (flips ? 1 - control : control)),
    truth: Float64Array.from(rows, ({ truth }) => truth),
    scoreDistance: undefined,
    cell: Uint16Array.from(rows, ({ cell }) => cell),
    clip: logLossClip.float64,
  };
}

/** Rows of each cell for which it holds. */
function counted({ rows, cell }: PairedRows, holds: (row: number) => boolean): Float64Array {
  const counts = new Float64Array(cells);
  for (let row = 0; row < rows; row += 1) {
    const at = cell?.[row] ?? 0;
    if (holds(row)) counts[at] = (counts[at] ?? 0) + 1;
  }
  return counts;
}

function gateOf(judgement: Judgement, name: string) {
  const found = judgement.gates.find((gate) => gate.name === name);
  if (found === undefined) throw new Error(`no gate ${name}`);
  return found;
}

describe('shares of rows that name their subject', () => {
  const rows = alikeRows();
  const { control, candidate, truth } = rows;
  const all = counted(rows, () => true);
  const flips = counted(rows, (row) => control.label[row] !== candidate.label[row]);
  const judged = judgeRows({ rows, expect: 'same', candidateFailed: 0 }, { setting: { rules } });
  const asRows = judgeRows(
    { rows: { ...rows, cell: undefined }, expect: 'same', candidateFailed: 0 },
    { setting: { rules } },
  );

  it('have the interval over cells, which says less than that of as many independent rows', () => {
    const expected = clusteredProportionInterval({
      clusters: { rows: all, successes: flips },
      alikeRows: rowsPerSubject(all),
    });
    if (expected.kind === 'undefined') throw new Error(expected.reason);
    expect(judged.flips?.interval).toMatchObject({ lower: expected.lower, upper: expected.upper });
    expect(gateOf(judged, 'flips')).toMatchObject({
      rows: subjects * rowsEach,
      estimate: expected.estimate,
      interval: { lower: expected.lower, upper: expected.upper },
      p: exactProportionP({
        successes: expected.estimate * expected.effectiveRows,
        trials: expected.effectiveRows,
        limit: 0.04,
        side: 'above',
      }),
    });
    expect(gateOf(asRows, 'flips').verdict).toBe('PASS');
    expect(gateOf(judged, 'flips').verdict).toBe('INCONCLUSIVE');
    // Of such rows, where ten are worth about one.
    expect(gateOf(judged, 'flips').rowsNeeded).toBeGreaterThan(4_000);
    expect(judged.flips?.rate).toBe(asRows.flips?.rate);
  });

  it('have it for negative flips, agreement, accuracy and the positive rate too', () => {
    const paired = (gained: (row: number) => boolean, lost: (row: number) => boolean) => {
      const found = clusteredPairedDifference({
        clusters: { rows: all, candidateOnly: counted(rows, gained), controlOnly: counted(rows, lost) },
        alikeRows: rowsPerSubject(all),
      });
      if (found.kind === 'undefined') throw new Error(found.reason);
      return { lower: found.lower, upper: found.upper };
    };
    const metric = (name: string) => judged.metrics.find((each) => each.name === name);
    const right = (side: typeof control, row: number) => side.label[row] === truth[row];
    expect(metric('accuracy')?.interval).toMatchObject(
      paired(
        (row) => right(candidate, row) && !right(control, row),
        (row) => right(control, row) && !right(candidate, row),
      ),
    );
    expect(metric('positive rate')?.interval).toMatchObject(
      paired(
        (row) => (candidate.label[row] ?? 0) > (control.label[row] ?? 0),
        (row) => (candidate.label[row] ?? 0) < (control.label[row] ?? 0),
      ),
    );
    for (const name of ['negative-flips', 'agreement', 'accuracy']) {
      const width = (of: Judgement) => {
        const { interval } = gateOf(of, name);
        return (interval?.upper ?? 0) - (interval?.lower ?? 0);
      };
      expect(width(judged), name).toBeGreaterThan(2 * width(asRows));
    }
  });

  it('count the rows that the candidate failed on with the subjects that they are of', () => {
    const failedCells = new Uint16Array(20).fill(7);
    const question = { rows, expect: 'no-worse', candidateFailed: 20, failedCells } as const;
    const failures = gateOf(judgeRows(question), 'candidate-failures');
    const failed = new Float64Array(cells);
    failed[7] = 20;
    const answered = all.map((count, cell) => count + (failed[cell] ?? 0));
    const expected = clusteredProportionInterval({
      clusters: { rows: answered, successes: failed },
      alikeRows: rowsPerSubject(answered),
    });
    if (expected.kind === 'undefined') throw new Error(expected.reason);
    expect(failures).toMatchObject({
      rows: 4_020,
      interval: { lower: expected.lower, upper: expected.upper },
    });
    // Twenty failures of one subject are no sign that one row in a thousand fails.
    expect(failures.verdict).toBe('INCONCLUSIVE');
    expect(
      gateOf(judgeRows({ ...question, rows: { ...rows, cell: undefined } }), 'candidate-failures').verdict,
    ).toBe('FAIL');
    for (const shards of [2, 3]) {
      expect(JSON.stringify(judgeRows(question, { shards }))).toBe(JSON.stringify(judgeRows(question)));
    }
  });

  it('leave the AUC with the interval over cells, and its gate with the p of that interval', () => {
    const expected = clusteredAuc({
      cells: cellPlacements({
        controlScores: control.value,
        candidateScores: candidate.value,
        labels: Uint8Array.from(truth),
        cell: rows.cell ?? new Uint16Array(),
        cells,
      }),
    });
    if (expected.kind === 'undefined') throw new Error(expected.reason);
    expect(judged.metrics.find(({ name }) => name === 'AUC')).toMatchObject({
      control: expected.controlAuc,
      candidate: expected.candidateAuc,
      interval: { lower: expected.lower, upper: expected.upper },
    });
    const { difference, standardError, df } = expected;
    expect(gateOf(judged, 'auc').p).toBe(studentTSf({ t: (-0.02 - difference) / standardError, df }));
    // As independent rows they would show almost for certain that it falls by less.
    expect(gateOf(asRows, 'auc').p).toBeGreaterThan(0.9999);
    expect(gateOf(judged, 'auc').p).toBeLessThan(0.95);
  });

  it('are worth one row when all are of one subject', () => {
    const one = { ...rows, cell: new Uint16Array(rows.rows).fill(3) };
    const { flips: found } = judgeRows({ rows: one, expect: 'anything', candidateFailed: 0 });
    const expected = exactProportionInterval({ successes: found?.rate ?? 0, trials: 1 });
    expect(found?.interval).toMatchObject(
      expected.kind === 'value' ? { lower: expected.lower, upper: expected.upper } : {},
    );
    expect(found?.interval.upper).toBeGreaterThan(0.95);
  });
});

describe('the gate of the AUC', () => {
  const rows = alikeRows();
  const aucOf = (of: PairedRows) =>
    gateOf(judgeRows({ rows: of, expect: 'anything', candidateFailed: 0 }, { setting: { rules } }), 'auc');

  it('gives no verdict on fewer rows than the gate of the loss would', () => {
    const few = aucOf({ ...rowRange(rows, 0, replaySettings.judgedRowsMin - 10), cell: undefined });
    expect(few).toMatchObject({ verdict: 'INCONCLUSIVE', rowsNeeded: replaySettings.judgedRowsMin });
    expect(few.reason).toContain('rows with truth are too few');
    expect(few.interval).not.toBeNull();
  });

  it('gives none on fewer rows of a class', () => {
    let positives = 0;
    const truth = rows.truth.map((value) => (value === 1 && (positives += 1) <= 8 ? 1 : 0));
    const found = aucOf({ ...rows, truth, cell: undefined });
    expect(found).toMatchObject({ verdict: 'INCONCLUSIVE', rowsNeeded: 5_000 });
    expect(found.reason).toContain('8 rows of the rarer class');
  });

  it('gives none on rows that are worth few groups of subjects, though there are many', () => {
    const cell = Uint16Array.from({ length: rows.rows }, (_, row) => (row < 2_000 ? 0 : row % cells));
    const found = aucOf({ ...rows, cell });
    expect(found.verdict).toBe('INCONCLUSIVE');
    expect(found.reason).toContain('worth 4 groups of subjects of equal size');
    expect(found.rowsNeeded).toBeGreaterThan(30_000);
    const [loss] = judgeRows({ rows: { ...rows, cell }, expect: 'no-worse', candidateFailed: 0 }).gates;
    expect(loss?.reason).toContain('worth 4 groups of subjects of equal size');
  });
});
