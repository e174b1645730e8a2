import { renderHtmlReport } from './report-html.js';
import { reportJson } from './report-json.js';
import { renderJunitReport } from './report-junit.js';
import { renderMarkdownReport } from './report-markdown.js';
import type { ReplayReport } from './report-schema.js';

export const reportFormats = ['json', 'html', 'md', 'junit'] as const;
export type ReportFormat = (typeof reportFormats)[number];

/** What wrote a report: shown on the page, and no part of `report.json`, which knows only what it rests on. */
export interface WrittenBy {
  readonly hindcast: string;
  readonly node: string;
}

const files = {
  json: { name: 'report.json', render: reportJson },
  html: { name: 'report.html', render: renderHtmlReport },
  md: { name: 'report.md', render: renderMarkdownReport },
  junit: { name: 'junit.xml', render: renderJunitReport },
} as const;

/** The file of a report in one format; the same report, written by the same versions, gives the same bytes. */
export function renderReport(
  report: ReplayReport,
  format: ReportFormat,
  writtenBy?: WrittenBy,
): { readonly name: string; readonly content: string } {
  const { name, render } = files[format];
  return { name, content: render(report, writtenBy) };
}
