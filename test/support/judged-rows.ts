import type { Judge, Judgement } from '../../src/replay/judging/judge.js';
import { createJudge } from '../../src/replay/judging/judge.js';
import type { PairedRows, PairedSide } from '../../src/replay/judging/paired-rows.js';
import { scoreRanking } from '../../src/replay/ranking/score-ranking.js';
import type { ReplayExpectation } from '../../src/replay/report/report-schema.js';
import { memorySpill } from './memory-spill.js';

export interface RowsToJudge {
  readonly rows: PairedRows;
  readonly expect: ReplayExpectation;
  readonly candidateFailed: number;
  /** Cells of the subjects of the rows that failed, dealt out to the blocks. */
  readonly failedCells?: Uint16Array;
}

/** Judges rows in blocks, as they come from a replay; `shards`: by so many judges, put together afterwards. */
export function judgeRows(
  { rows, expect, candidateFailed, failedCells = new Uint16Array() }: RowsToJudge,
  {
    blockRows = 700,
    shards = 1,
    setting = {},
  }: {
    readonly blockRows?: number;
    readonly shards?: number;
    readonly setting?: Parameters<typeof createJudge>[0];
  } = {},
): Judgement {
  const blocks = Math.ceil(rows.rows / blockRows);
  const judges: Judge[] = [];
  const ranking = scoreRanking(memorySpill);
  for (let shard = 0; shard < shards; shard += 1) {
    const judge = createJudge(setting);
    judges.push(judge);
    for (let block = cut(blocks, shard, shards); block < cut(blocks, shard + 1, shards); block += 1) {
      const some = rowRange(rows, block * blockRows, Math.min(rows.rows, (block + 1) * blockRows));
      const [from, until] = [
        cut(failedCells.length, block, blocks),
        cut(failedCells.length, block + 1, blocks),
      ];
      judge.add(block, some, undefined, failedCells.subarray(from, until));
      if (rows.task === 'binary-classification') ranking.add(some);
    }
  }
  const whole = createJudge(setting);
  for (const judge of judges) whole.addState(judge.state());
  return whole.finish({
    task: rows.task,
    labels: rows.labels,
    expect,
    candidateFailed,
    auc: rows.task === 'binary-classification' ? ranking.auc() : undefined,
  });
}

function cut(blocks: number, shard: number, shards: number): number {
  return Math.floor((blocks * shard) / shards);
}

/** Views of the rows `from` to `until`. */
export function rowRange(rows: PairedRows, from: number, until: number): PairedRows {
  const side = ({ value, label, truthScore }: PairedSide): PairedSide => ({
    value: value.subarray(from, until),
    label: label.subarray(from, until),
    truthScore: truthScore?.subarray(from, until),
  });
  return {
    ...rows,
    rows: until - from,
    positions: rows.positions.subarray(from, until),
    occurredAt: rows.occurredAt.subarray(from, until),
    control: side(rows.control),
    candidate: side(rows.candidate),
    truth: rows.truth.subarray(from, until),
    scoreDistance: rows.scoreDistance?.subarray(from, until),
    cell: rows.cell?.subarray(from, until),
  };
}
