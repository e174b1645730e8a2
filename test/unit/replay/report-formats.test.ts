import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Token, Tokens } from 'marked';
import { lexer, walkTokens } from 'marked';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { candidatesTable } from '../../../src/replay/report/candidates-table.js';
import { renderHtmlReport } from '../../../src/replay/report/report-html.js';
import { reportJsonSchema } from '../../../src/replay/report/report-json-schema.js';
import { renderJunitReport } from '../../../src/replay/report/report-junit.js';
import { renderMarkdownReport } from '../../../src/replay/report/report-markdown.js';
import type { ReplayReport } from '../../../src/replay/report/report-schema.js';
import { renderTerminalReport } from '../../../src/replay/report/report-terminal.js';
import { jsonSchemaProblems } from '../../support/json-schema.js';
import { describeWith, plainPython } from '../../support/optional.js';
import { root } from '../../support/run-command.js';
import { hostileReport, hostileShown as shown, hugeReport } from '../../support/odd-reports.js';
import { makeReports } from '../../support/toy-reports.js';

const made = makeReports();

function tokensOf(markdown: string): Token[] {
  const all: Token[] = [];
  void walkTokens(lexer(markdown, { gfm: true }), (token) => {
    all.push(token);
  });
  return all;
}

const entities: { readonly [entity: string]: string } = { '&lt;': '<', '&gt;': '>', '&amp;': '&' };

/** The text of an inline token as a reader sees it, without the spaces of no width. */
function readerText(token: Token): string {
  if ('tokens' in token && token.tokens !== undefined) return token.tokens.map(readerText).join('');
  const text = 'text' in token ? String(token.text) : '';
  return text
    .replaceAll(/&#8203;|\u200b/g, '')
    .replaceAll(/&(?:lt|gt|amp|quot|#39);/g, (entity) => entities[entity] ?? entity);
}

describe('every report', () => {
  it('says in its first line what the candidate was given instead of the record', async () => {
    const { fail } = await made;
    const report = {
      ...fail!,
      settings: { ...fail!.settings, given: ['a = 1', 'b = null', 'c = 3', 'd = 4', 'e = 5'] },
    };
    const words = 'v2 given a = 1, b = null, c = 3 and 2 more values';
    const plain = (text: string): string => text;
    const paint = { good: plain, bad: plain, warn: plain, dim: plain, bold: plain };
    expect(renderTerminalReport(report, paint)).toMatch(`FAIL  toy: ${words} against`);
    expect(candidatesTable([{ candidate: 'toy@v2', report }], paint)).toContain(
      'toy@v2 given a = 1, b = null',
    );
    expect(renderHtmlReport(report)).toContain(`<title>FAIL: toy ${words} against what v1 answered</title>`);
    expect(renderJunitReport(report)).toContain(`<testsuite name="replay toy@${words}"`);
    const [heading] = lexer(renderMarkdownReport(report)).filter((token) => token.type === 'heading');
    expect(readerText(heading!)).toBe(`❌ FAIL · toy: ${words} against what v1 answered`);
  });
});

describe('the Markdown report', () => {
  it('says verdict and reason first, and has its sections in order', async () => {
    const { fail } = await made;
    const headings = lexer(renderMarkdownReport(fail!)).filter((token) => token.type === 'heading');
    expect(headings.map((token) => readerText(token))).toEqual([
      '❌ FAIL · toy: v2 against what v1 answered',
      'Gates',
      'Metrics',
      'Labels that flip',
      'What was not compared',
      'Can the record be trusted?',
      'Worst rows: where the candidate loses most',
      'How to get this again',
    ]);
    const [, , second] = lexer(renderMarkdownReport(fail!));
    expect(readerText(second!)).toContain(fail!.reason.slice(0, 60));
  });

  it('shows the number, the interval and the limit of each gate, and how many rows it lacks', async () => {
    const { few } = await made;
    const table = lexer(renderMarkdownReport(few!)).find((token) => token.type === 'table');
    const cells = (table as Tokens.Table).rows.map((row) => row.map((cell) => cell.text));
    expect(cells).toHaveLength(few!.gates.length);
    expect(cells[0]?.[1]).toContain('INCONCLUSIVE');
    expect(cells[0]?.[3]).toMatch(/^\[[+−].*, [+−].*\]$/);
    expect(cells[0]?.[4]).toBe('below 0');
    expect(renderMarkdownReport(few!)).toMatch(/About [\d,]+ rows would be needed/);
  });

  it('says of an invalid comparison that its gates count for nothing', async () => {
    const { invalid, pass } = await made;
    expect(renderMarkdownReport(invalid!)).toMatch(/^## ⚠️ INVALID[^]*counts for nothing/);
    expect(renderMarkdownReport(pass!)).not.toContain('counts for nothing');
  });

  it('lets nothing from outside become markup, a link or a mention, and shows all of it', async () => {
    for (const report of Object.values(await made)) {
      const markdown = renderMarkdownReport(hostileReport(report));
      const tokens = tokensOf(markdown);
      expect(tokens.filter(({ type }) => ['html', 'link', 'image', 'del', 'em'].includes(type))).toEqual([]);
      expect(markdown.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cs}]/u);
      const code = tokens.filter(({ type }) => type === 'code' || type === 'codespan').map(({ raw }) => raw);
      const outsideCode = code.reduce((text, part) => text.replace(part, ''), markdown);
      expect(outsideCode).not.toMatch(/(?<!\w)@\w/);
      const texts = tokens.filter(({ type }) => type === 'paragraph' || type === 'list_item').map(readerText);
      expect(texts[0]).toBe(shown);
      expect(texts).toContain(shown);
      expect(texts).toContain('1. one');
      const headings = tokens.filter(({ type }) => type === 'heading');
      expect(headings.map(readerText).join('\n')).not.toContain('no heading');
      for (const table of tokens.filter((token): token is Tokens.Table => token.type === 'table')) {
        for (const row of table.rows) expect(row).toHaveLength(table.header.length);
      }
    }
  });

  it('stays under 60 kB whatever the range, keeps how to get it again, and says what it left out', async () => {
    const { fail } = await made;
    const markdown = renderMarkdownReport(hugeReport(fail!));
    expect(Buffer.byteLength(markdown)).toBeLessThan(60_000);
    expect(markdown).toContain('### How to get this again');
    expect(markdown).toContain('in report.json');
    expect(markdown).toMatch(/Left out for want of room|more gates in report\.json/);
  });
});

const Case = z.object({
  name: z.string(),
  className: z.string(),
  outcome: z.string().nullable(),
  message: z.string().nullable(),
  output: z.string(),
});
const Suite = z.object({
  tests: z.int(),
  failures: z.int(),
  errors: z.int(),
  skipped: z.int(),
  cases: z.array(Case),
});

const readSuite = `
import json, sys, xml.etree.ElementTree as tree
suite = tree.fromstring(sys.stdin.buffer.read()).find("testsuite")
def case(node):
    outcome = next((child for child in node if child.tag != "system-out"), None)
    return {"name": node.get("name"), "className": node.get("classname"), "outcome": None if outcome is None else outcome.tag,
            "message": None if outcome is None else outcome.get("message"), "output": node.findtext("system-out")}
counts = {name: int(suite.get(name)) for name in ("tests", "failures", "errors", "skipped")}
print(json.dumps({**counts, "cases": [case(node) for node in suite.findall("testcase")]}))
`;

describeWith(plainPython, 'the JUnit report, read by an XML parser', () => {
  const parsed = (report: ReplayReport): z.infer<typeof Suite> => {
    const read = spawnSync(plainPython.command, ['-c', readSuite], {
      input: renderJunitReport(report),
      encoding: 'utf8',
    });
    expect(read.stderr).toBe('');
    return Suite.parse(JSON.parse(read.stdout));
  };

  it('has the verdict as a case and each gate as a case, and counts that are right', async () => {
    for (const report of Object.values(await made)) {
      const suite = parsed(report);
      expect(suite.cases.map(({ name }) => name)).toEqual([
        'verdict',
        ...report.gates.map(({ name }) => name),
      ]);
      expect(suite.tests).toBe(suite.cases.length);
      const count = (outcome: string): number =>
        suite.cases.filter((each) => each.outcome === outcome).length;
      expect([suite.failures, suite.errors, suite.skipped]).toEqual([
        count('failure'),
        count('error'),
        count('skipped'),
      ]);
    }
  });

  it('is green for PASS alone: FAIL and INCONCLUSIVE are failures, INVALID is an error', async () => {
    for (const [name, report] of Object.entries(await made)) {
      const { cases } = parsed(report);
      const red = cases.filter(({ outcome }) => outcome === 'failure' || outcome === 'error');
      expect(red.length === 0, `${name} is ${report.verdict}`).toBe(report.verdict === 'PASS');
      expect(cases[0]?.outcome).toBe(
        { PASS: null, FAIL: 'failure', INCONCLUSIVE: 'failure', INVALID: 'error' }[report.verdict],
      );
      expect(cases[0]?.output).toContain(report.verdict);
    }
  });

  it('counts no gate of an invalid comparison as passed', async () => {
    const { pass } = await made;
    const suite = parsed({ ...pass!, verdict: 'INVALID', reason: 'The control does not reproduce.' });
    expect(suite.cases.map(({ outcome }) => outcome)).toEqual(['error', 'skipped']);
    expect(suite.cases[0]?.message).toBe('INVALID: The control does not reproduce.');
  });

  it('is well-formed whatever text is in it, and shows what XML cannot hold as �', async () => {
    for (const report of Object.values(await made)) {
      const { cases } = parsed(hostileReport(report));
      expect(cases[0]?.output).toContain(shown);
      expect(cases[0]?.className).toContain(shown);
    }
  });
});

describe('the JSON Schema of report.json', () => {
  it('is what the code says', () => {
    const committed = readFileSync(join(root, 'docs', 'replay-report.v1.schema.json'), 'utf8');
    expect(committed, 'stale: run node scripts/report-schema.mjs').toBe(reportJsonSchema());
  });

  it('takes every report', async () => {
    for (const report of Object.values(await made)) expect(jsonSchemaProblems(report)).toEqual([]);
  });

  it('refuses a report with a verdict that is none, a field that is not known, or one that is missing', async () => {
    const { pass } = await made;
    expect(jsonSchemaProblems({ ...pass!, verdict: 'MAYBE' })).toHaveLength(1);
    expect(jsonSchemaProblems({ ...pass!, mood: 'good' })).toHaveLength(1);
    const { gates: _gates, ...without } = pass!;
    expect(jsonSchemaProblems(without)).toHaveLength(1);
  });
});
