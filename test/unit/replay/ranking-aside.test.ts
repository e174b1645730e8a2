import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { PairedRows } from '../../../src/replay/judging/paired-rows.js';
import { rankingAside } from '../../../src/replay/ranking/ranking-aside.js';
import { scoreRanking, type ScoreRanking } from '../../../src/replay/ranking/score-ranking.js';
import { runReplay } from '../../../src/replay/run-replay.js';
import { seededRandom } from '../../../src/stats/seeded-random.js';
import { rowRange } from '../../support/judged-rows.js';
import { memorySpill } from '../../support/memory-spill.js';
import { toyReplay, toyRows } from '../../support/toy-replay.js';

const folder = mkdtempSync(join(tmpdir(), 'hindcast-aside-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});
const aside = () => rankingAside({ spillDirectory: folder, rowsExpected: 50_000 });

/** `round`: what becomes of a score, which may then be shared or lie in 32 bits. */
function rowsOf(rows: number, round: (score: number) => number, subjects?: number): PairedRows {
  const random = seededRandom(47);
  const truth = Float64Array.from({ length: rows }, () =>
    random.uniform() < 0.1 ? Number.NaN : random.uniform() < 0.3 ? 1 : 0,
  );
  const scores = (): Float64Array =>
    Float64Array.from(truth, (label) => round((label === 1 ? 0.3 : 0) + 0.7 * random.uniform()));
  const side = (value: Float64Array) => ({
    value,
    label: Int32Array.from(value, (score) => (score >= 0.5 ? 1 : 0)),
    truthScore: undefined,
  });
  return {
    task: 'binary-classification',
    rows,
    labels: ['0', '1'],
    positions: Float64Array.from(truth, (_, row) => row + 1),
    occurredAt: new Float64Array(rows),
    truth,
    cell: subjects === undefined ? undefined : Uint16Array.from(truth, (_, row) => row % subjects),
    clip: 2 ** -23,
    scoreDistance: undefined,
    control: side(scores()),
    candidate: side(scores()),
  };
}

function addBlocks(ranking: ScoreRanking, rows: PairedRows): void {
  for (let from = 0; from < rows.rows; from += 4_096) {
    ranking.add(rowRange(rows, from, Math.min(rows.rows, from + 4_096)));
  }
}

describe('ranking in a thread of its own', () => {
  it.each([
    ['scores of 32 bits', rowsOf(50_000, Math.fround)],
    ['scores of 64 bits', rowsOf(50_000, (score) => score)],
    ['shared scores', rowsOf(50_000, (score) => Math.round(score * 20) / 20)],
    ['rows with subjects', rowsOf(50_000, Math.fround, 700)],
  ])('gives what ranking on this thread gives: %s', async (_, rows) => {
    const here = scoreRanking(memorySpill);
    const there = aside();
    addBlocks(here, rows);
    addBlocks(there, rows);
    const expected = here.auc();
    expect(expected).toMatchObject({ kind: 'value' });
    expect(await there.auc()).toEqual(expected);
    // Asked again it does not rank again.
    expect(await there.auc()).toEqual(expected);
    there.close();
  });

  it('is undefined when a row has no score, or when there are no rows', async () => {
    const rows = rowsOf(100, Math.fround);
    rows.candidate.value[rows.truth.indexOf(1)] = Number.NaN;
    const [withoutScore, withoutRows] = [aside(), aside()];
    addBlocks(withoutScore, rows);
    expect(await withoutScore.auc()).toBeUndefined();
    expect(await withoutRows.auc()).toMatchObject({ kind: 'undefined' });
    withoutScore.close();
    withoutRows.close();
  });

  it('says so when its thread ends before it has answered', async () => {
    const ranking = aside();
    addBlocks(ranking, rowsOf(50_000, Math.fround));
    ranking.close();
    await expect(ranking.auc()).rejects.toMatchObject({
      code: 'INTERNAL',
      message: expect.stringContaining('the thread that ranks scores ended'),
    });
  });

  it('makes no difference to the report of a replay', async () => {
    const rows = toyRows(20_000);
    let made = 0;
    const rankAside = {
      rowsMin: 20_000,
      make: () => {
        made += 1;
        return aside();
      },
    };
    const expected = await runReplay(toyReplay(rows));
    expect(await runReplay(toyReplay(rows, { rankAside }))).toEqual(expected);
    expect(made).toBe(1);
    await runReplay(toyReplay(rows.slice(1), { rankAside }));
    expect(made).toBe(1);
  });
});
