import type { GateRules } from '../../src/replay/judging/gate-rules.js';
import type { Judgement } from '../../src/replay/judging/judge.js';
import { createJudge } from '../../src/replay/judging/judge.js';
import type { PairedRows } from '../../src/replay/judging/paired-rows.js';
import type { SliceFeature } from '../../src/replay/judging/slices/slice-feature.js';
import type { ReplayExpectation } from '../../src/replay/report/report-schema.js';
import { pairedAuc } from '../../src/stats/auc.js';
import { cellPlacements } from '../../src/stats/cell-placements.js';
import { clusteredAuc } from '../../src/stats/clustered-auc.js';
import { subjectCells } from '../../src/replay/judging/subject-cells.js';

/** What a replay would say of these rows, as one block. `groups`: the slice of each row, by number, of one declared feature. */
export function judged(
  rows: PairedRows,
  question: {
    readonly expect: ReplayExpectation;
    readonly candidateFailed?: number;
    readonly rules?: GateRules;
    readonly groups?: { readonly count: number; readonly codes: Uint16Array };
  },
): Judgement {
  const { expect, candidateFailed = 0, groups, rules } = question;
  const codes = groups?.codes ?? new Uint16Array(rows.rows);
  const feature: SliceFeature = {
    feature: 'group',
    declared: true,
    isProtected: false,
    labels: Array.from({ length: groups?.count ?? 0 }, (_, code) => String(code)),
    codesOf: () => codes,
  };
  const judge = createJudge({
    features: groups === undefined ? [] : [feature],
    rowsExpected: rows.rows,
    ...(rules === undefined ? {} : { rules }),
  });
  judge.add(0, rows, (_, picked) =>
    picked === undefined ? codes : Uint16Array.from(picked, (row) => codes[row] ?? 0),
  );
  return judge.finish({
    task: rows.task,
    labels: rows.labels,
    expect,
    candidateFailed,
    auc: rows.truth.includes(Number.NaN) ? undefined : aucOf(rows),
  });
}

/** What the ranking of a replay comes to, without its files. */
function aucOf({ control, candidate, truth, cell }: PairedRows) {
  const scores = {
    controlScores: control.value,
    candidateScores: candidate.value,
    labels: Uint8Array.from(truth),
  };
  if (cell === undefined) return pairedAuc(scores);
  return clusteredAuc({ cells: cellPlacements({ ...scores, cell, cells: subjectCells }) });
}
