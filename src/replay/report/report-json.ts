import { ReplayReport } from './report-schema.js';

/**
 * The text of `report.json`: keys in the schema's order, two spaces, a final newline. Validated, so what is written is
 * what the schema says; the same report gives the same bytes.
 */
export function reportJson(report: ReplayReport): string {
  return `${JSON.stringify(ReplayReport.parse(report), null, 2)}\n`;
}
