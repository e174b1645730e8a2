import type { DriftReport } from './drift-report.js';

export function renderDrift(report: DriftReport, _paint: unknown): string {
  return JSON.stringify(report);
}
