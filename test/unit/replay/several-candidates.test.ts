import { describe, expect, it } from 'vitest';
import { candidatesTable } from '../../../src/replay/report/candidates-table.js';
import { worstExitCode } from '../../../src/replay/worst-exit-code.js';
import { makeReports } from '../../support/toy-reports.js';

const same = (text: string): string => text;
const plain = { good: same, bad: same, warn: same, dim: same, bold: same };

describe('several candidates', () => {
  it('end with the exit code of the worst: INVALID, FAIL, INCONCLUSIVE, PASS; a fault before them all', () => {
    expect(worstExitCode([0, 0])).toBe(0);
    expect(worstExitCode([0, 2])).toBe(2);
    expect(worstExitCode([2, 1, 0])).toBe(1);
    expect(worstExitCode([1, 3, 2])).toBe(3);
    expect(worstExitCode([3, 64])).toBe(64);
    expect(worstExitCode([64, 70, 0])).toBe(70);
  });

  it('stand in one table of at most 80 columns, with the gate that decided and its interval', async () => {
    const reports = Object.entries(await makeReports());
    const outcomes = [
      ...reports.map(([name, report]) => ({ candidate: `${name}-${'x'.repeat(90)}\u001b[31m`, report })),
      ...reports.map(([name, report]) => ({ candidate: name, report })),
      {
        candidate: 'v9',
        error: { code: 'REPLAY_CANDIDATE_UNFIT', message: 'The candidate cannot be compared.' },
      },
    ];
    const text = candidatesTable(outcomes, plain);
    for (const line of text.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
    expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    expect(text).toMatch(/^pass +PASS +log-loss +[+−]0\.\d+ \[[+−]0\.\d+, [+−]0\.\d+\]$/m);
    expect(text).toMatch(/^none +PASS +–$/m);
    expect(text).toMatch(/^invalid +INVALID +–$/m);
    expect(text).toMatch(/^v9 +not run +REPLAY_CANDIDATE_UNFIT$/m);
    for (const [name, report] of reports)
      expect(text.replaceAll('\n', ' ')).toContain(`${name}: ${report.reason.slice(0, 30)}`);
  });
});
