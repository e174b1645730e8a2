import { renderHtmlReport } from './report-html.js';
import { reportJson } from './report-json.js';
import { renderJunitReport } from './report-junit.js';
import { renderMarkdownReport } from './report-markdown.js';
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

/** The file of a report in one format; the same report, of the same origin, gives the same bytes. */
export function renderReport(
  report: ReplayReport,
  format: ReportFormat,
  origin?: ReportOrigin,
): { readonly name: string; readonly content: string } {
  const { name, render } = files[format];
  return { name, content: render(report, origin) };
}
