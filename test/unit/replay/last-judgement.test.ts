import { expect, it } from 'vitest';
import type { EarlierReplay } from '../../../src/projections/datasets/earlier-replays.js';
import { lastJudgement } from '../../../src/replay/last-judgement.js';
import { replayCompletedEvent } from '../../../src/replay/replay-completed-event.js';
import type { ReplayReport } from '../../../src/replay/report/report-schema.js';
import { makeReports } from '../../support/toy-reports.js';

function recorded(report: ReplayReport, id: string): EarlierReplay {
  const { data, occurredAt } = replayCompletedEvent(report, { id, occurredAt: 5 });
  return { ...data, occurredAt };
}

it('takes the newest replay of the version that judged it on what was recorded', async () => {
  const { pass, fail, none } = await makeReports();
  const other = { ...recorded(fail!, 'other'), candidateVersion: 'v3' };
  const ungated = recorded(none!, 'ungated');
  const counterfactual = recorded(
    { ...pass!, settings: { ...pass!.settings, given: ['x = 3'] } },
    'counterfactual',
  );
  const unreadable = { ...recorded(pass!, 'unreadable'), summary: { reason: 7 } };
  const failed = recorded(fail!, 'failed');
  const passed = recorded(pass!, 'passed');
  const newestFirst = [other, ungated, counterfactual, unreadable, failed, passed];
  expect(lastJudgement(newestFirst, 'v2')).toMatchObject({ replayId: 'failed', verdict: 'FAIL' });
  expect(lastJudgement(newestFirst.slice(5), 'v2')).toMatchObject({ replayId: 'passed', verdict: 'PASS' });
  expect(lastJudgement(newestFirst.slice(0, 4), 'v2')).toBeUndefined();
});

it('takes replays of before their settings were recorded', async () => {
  const { pass } = await makeReports();
  const replay = recorded(pass!, 'old');
  const { settings: _settings, ...summary } = replayCompletedEvent(pass!, { id: 'old', occurredAt: 5 }).data
    .summary;
  expect(lastJudgement([{ ...replay, summary }], 'v2')).toMatchObject({ replayId: 'old', verdict: 'PASS' });
});
