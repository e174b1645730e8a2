import { htmlOfNothing, renderHtmlReport } from './report-html.js';
import { reportJson } from './report-json.js';
import { junitOfNothing, renderJunitReport } from './report-junit.js';
import { markdownOfNothing, renderMarkdownReport } from './report-markdown.js';
import type { ReplayReport } from './report-schema.js';

export const reportFormats = ['json', 'html', 'md', 'junit'] as const;
export type ReportFormat = (typeof reportFormats)[number];

/** What wrote a report, and over which log: shown on the page, and no part of `report.json`, which knows only what it was told. */
export interface ReportOrigin {
  readonly hindcast: string;
  readonly node: string;
  /** Of the log's chain at the last prediction that the report rests on, or why it is not known; undefined: the log has none. */
  readonly logHash: string | undefined;
}

const files = {
  json: { name: 'report.json', render: reportJson },
  html: { name: 'report.html', render: renderHtmlReport },
  md: { name: 'report.md', render: renderMarkdownReport },
  junit: { name: 'junit.xml', render: renderJunitReport },
} as const;

/** A comparison that could not be made, and why. */
export interface NothingCompared {
  /** As it was named: `flights@v2`. */
  readonly candidate: string;
  readonly problem: string;
  readonly advice: string;
}

/** The file that says so in one format. Content is undefined for JSON, whose schema is that of comparisons. */
export function renderNothing(
  { candidate, problem, advice }: NothingCompared,
  format: ReportFormat,
): { readonly name: string; readonly content: string | undefined } {
  const { name } = files[format];
  switch (format) {
    case 'json':
      return { name, content: undefined };
    case 'html':
      return { name, content: htmlOfNothing(candidate, problem, advice) };
    case 'md':
      return { name, content: markdownOfNothing(candidate, problem, advice) };
    case 'junit':
      return { name, content: junitOfNothing(`replay ${candidate}`, problem, advice) };
  }
}

/** The file of a report in one format; the same report, of the same origin, gives the same bytes. */
export function renderReport(
  report: ReplayReport,
  format: ReportFormat,
  origin?: ReportOrigin,
): { readonly name: string; readonly content: string } {
  const { name, render } = files[format];
  return { name, content: render(report, origin) };
}
