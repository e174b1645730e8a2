import type { ReplayReport } from '../../src/replay/report/report-schema.js';

/** Everything that is special to Markdown, to HTML, to forges or to XML. */
const hostile =
  '| a `b` **c** _d_ ~~e~~ <img src=x> [f](http://g.example) ![h](i) @everyone #12 !34 \\| &amp; ]]> "q" \u0000\u001b[31m\u202e\ud800\ufffe end';
/** The same as it should be shown. */
export const hostileShown = hostile.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\uFFFE]/gu, '�');

/** The report with hostile text wherever text can come from outside. */
export function hostileReport(report: ReplayReport): ReplayReport {
  return {
    ...report,
    model: hostile,
    reason: hostile,
    candidate: { ...report.candidate, version: hostile },
    gates: report.gates.map((gate) => ({ ...gate, reason: hostile, measures: hostile })),
    metrics: report.metrics.map((metric) => ({ ...metric, name: hostile })),
    slices: report.slices.map((slice) => ({ ...slice, feature: hostile, value: hostile })),
    flips: report.flips === null ? null : { ...report.flips, labels: report.flips.labels.map(() => hostile) },
    notes: [hostile, `- ${hostile}`, '1. one', '+ two', '= three'],
    failures: [{ position: '7', predictionId: hostile, key: hostile, message: hostile }],
    worst: { ...report.worst, rows: report.worst.rows.map((row) => ({ ...row, truth: hostile })) },
    reproduce: `replay --where '${hostile} \`\`\`\n# no heading'`,
  };
}

/** The report as it would be with thousands of everything, each of it long. */
export function hugeReport(report: ReplayReport): ReplayReport {
  const long = (index: number): string => `${index} ${'|<ü'.repeat(2_000)}`;
  const many = <Item>(items: readonly Item[], change: (item: Item, index: number) => Item): Item[] =>
    Array.from({ length: 1_000 }, () => items)
      .flat()
      .slice(0, 1_000)
      .map(change);
  return {
    ...report,
    model: long(0),
    reason: long(0),
    gates: many(report.gates, (gate, index) => ({ ...gate, reason: long(index), measures: long(index) })),
    metrics: many(report.metrics, (metric, index) => ({ ...metric, name: long(index) })),
    notes: Array.from({ length: 1_000 }, (_, index) => long(index)),
    reproduce: long(1).repeat(10),
  };
}
