import { renderHtmlReport } from './report-html.js';
import { reportJson } from './report-json.js';
import { renderJunitReport } from './report-junit.js';
import { renderMarkdownReport } from './report-markdown.js';
import type { ReplayReport } from './report-schema.js';

export const reportFormats = ['json', 'html', 'md', 'junit'] as const;
export type ReportFormat = (typeof reportFormats)[number];

/** What wrote a report, and where the log ended then: shown on the page, and no part of `report.json`, which knows only what it rests on. */
export interface WrittenBy {
  readonly hindcast: string;
  readonly node: string;
  /** `hash`: of the log's last frame; null on a cluster, which has no chain. */
  readonly log: { readonly position: string; readonly hash: string | null };
}

const files = {
  json: { name: 'report.json', render: reportJson },
  html: { name: 'report.html', render: renderHtmlReport },
  md: { name: 'report.md', render: renderMarkdownReport },
  junit: { name: 'junit.xml', render: renderJunitReport },
} as const;

/** The file of a report in one format; the same report gives the same bytes, but for the page's words on what wrote it. */
export function renderReport(
  report: ReplayReport,
  format: ReportFormat,
  writtenBy?: WrittenBy,
): { readonly name: string; readonly content: string } {
  const { name, render } = files[format];
  return { name, content: render(report, writtenBy) };
}
