import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { exitCodeOf } from '../../../src/replay/exit-code.js';
import { replayCompletedEvent } from '../../../src/replay/replay-completed-event.js';
import { renderHtmlReport } from '../../../src/replay/report/report-html.js';
import { reportJson } from '../../../src/replay/report/report-json.js';
import { renderTerminalReport } from '../../../src/replay/report/report-terminal.js';
import { ReplayCompleted } from '../../../src/schemas/events.js';
import { hostileReport, hugeReport } from '../../support/odd-reports.js';
import { makeReports } from '../../support/toy-reports.js';

const same = (text: string): string => text;
const plain = { good: same, bad: same, warn: same, dim: same, bold: same };

const made = makeReports();
const reports = () => made;

describe('the terminal report', () => {
  it('never has a line of more than 80 columns', async () => {
    for (const [name, report] of Object.entries(await reports())) {
      for (const line of renderTerminalReport(report, plain).split('\n')) {
        expect(line.length, `${name}: ${line}`).toBeLessThanOrEqual(80);
      }
    }
  });

  it('keeps to 80 columns and shows no control character when every name is long or hostile', async () => {
    for (const report of Object.values(await reports())) {
      for (const odd of [hostileReport(report), hugeReport(report)]) {
        const lines = renderTerminalReport(odd, plain).split('\n');
        expect(lines.filter((line) => line.length > 80 || /[\p{Cc}\p{Cf}]/u.test(line))).toEqual([]);
      }
    }
  });

  it('says the verdict first and what is not judged last', async () => {
    const { fail } = await reports();
    const lines = renderTerminalReport(fail!, plain).split('\n');
    expect(lines[0]).toMatch(/^FAIL {2}toy: v2 against what v1 answered/);
    expect(lines.join('\n')).toMatch(/Not judged yet[^]*latency/);
    expect(lines.join('\n')).toContain('prediction-');
  });

  it('shows control characters instead of obeying them', async () => {
    const { fail } = await reports();
    expect(renderTerminalReport(fail!, plain).replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });

  it('leaves colour to the painter', async () => {
    const { fail } = await reports();
    const marked = renderTerminalReport(fail!, { ...plain, bad: (text) => `<<${text}>>` });
    expect(marked.startsWith('<<FAIL>>')).toBe(true);
    expect(renderTerminalReport(fail!, plain)).not.toContain('\u001b');
  });
});

describe('the HTML report', () => {
  it('escapes whatever came from outside', async () => {
    const { fail } = await reports();
    const page = renderHtmlReport(fail!, { hindcast: '9.8.7', node: 'v20.1.2', logHash: 'ab'.repeat(32) });
    expect(page).toContain('hindcast 9.8.7 on Node v20.1.2');
    expect(page).toContain('ab'.repeat(32));
    expect(page).not.toContain('<script');
    expect(page).toContain('&lt;script&gt;alert(');
    expect(page).toContain('&quot;&#39;&amp;');
  });

  it('needs no network and no script, and stays small', async () => {
    for (const report of Object.values(await reports())) {
      const page = renderHtmlReport(report);
      expect(page).not.toMatch(/(?:src|href)=|@import|url\(/);
      expect(page).not.toContain('undefined');
      expect(page).not.toContain('NaN');
      expect(page.length).toBeLessThan(500_000);
    }
  });

  it('has the verdict and the reason in its first heading', async () => {
    const { few } = await reports();
    expect(renderHtmlReport(few!)).toMatch(
      /<h1><span class="verdict">INCONCLUSIVE<\/span> 30 rows with truth are too few/,
    );
  });
});

describe('report.json', () => {
  it('holds no time of running and no path', async () => {
    const { pass } = await reports();
    const text = reportJson(pass!);
    expect(text).not.toContain(new Date().toISOString().slice(0, 10));
    expect(text).not.toContain(process.cwd());
    expect(JSON.parse(text)).toEqual(pass);
  });
});

describe('the event of a replay', () => {
  it('carries verdict, exit code and the digest of the report, and is valid', async () => {
    for (const report of Object.values(await reports())) {
      const event = replayCompletedEvent(report, {
        id: '018f0000-0000-7000-8000-000000000001',
        occurredAt: 5,
      });
      expect(ReplayCompleted.parse(event)).toEqual(event);
      expect(event.data.exitCode).toBe({ PASS: 0, FAIL: 1, INCONCLUSIVE: 2, INVALID: 3 }[report.verdict]);
      expect(event.data.exitCode).toBe(exitCodeOf(report.verdict));
      expect(event.data.reportDigest).toBe(createHash('sha256').update(reportJson(report)).digest('hex'));
    }
  });
});
