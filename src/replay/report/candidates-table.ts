import { candidateWords } from './candidate-words.js';
import { gateWords } from './condition-words.js';
import { formatInterval, formatSigned } from './format-numbers.js';
import type { ReplayGate, ReplayReport } from './report-schema.js';
import type { ReportPaint } from './report-terminal.js';
import { cut, wrap } from './terminal-text.js';
import { shortText, visibleText } from './visible-text.js';

/** What came of one of several candidates: a report, or why it could not be replayed. */
export type CandidateOutcome = { readonly candidate: string } & (
  | { readonly report: ReplayReport }
  | { readonly error: { readonly code: string; readonly message: string } }
);

/** Several candidates in one table of at most 80 columns (before paint), and the reason of each below it. */
export function candidatesTable(outcomes: readonly CandidateOutcome[], paint: ReportPaint): string {
  const lines = [
    paint.bold(line(['candidate', 'verdict', 'gate', 'estimate [95 % interval]'])),
    ...outcomes.map((outcome) => painted(outcome, paint)(line(cells(outcome)))),
    '',
    ...outcomes.flatMap((outcome) =>
      wrap(
        visibleText(
          'report' in outcome
            ? `${candidateWords(outcome.report, outcome.candidate)}: ${outcome.report.reason}`
            : `${outcome.candidate}: ${outcome.error.code} ${outcome.error.message}`,
        ),
        0,
      ),
    ),
  ];
  return `${lines.join('\n')}\n`;
}

function cells(outcome: CandidateOutcome): readonly string[] {
  if ('error' in outcome) return [outcome.candidate, 'not run', '', outcome.error.code];
  const { report } = outcome;
  const gate = decidingGate(report);
  if (gate === undefined) return [outcome.candidate, report.verdict, '–', ''];
  const found = gate.interval === null ? '' : ` ${formatInterval(gate.interval)}`;
  return [outcome.candidate, report.verdict, gateWords(gate), `${formatSigned(gate.estimate)}${found}`];
}

/** The gate that made the verdict, else the first; of an invalid comparison none counts. */
function decidingGate({ gates, verdict }: ReplayReport): ReplayGate | undefined {
  if (verdict === 'INVALID') return undefined;
  return gates.find((gate) => gate.verdict === verdict) ?? gates[0];
}

const widths = [18, 14, 20];

function line(texts: readonly string[]): string {
  const padded = texts.map((text, column) => {
    const width = widths[column];
    return width === undefined ? visibleText(text) : shortText(text, width - 1).padEnd(width);
  });
  return cut(padded.join('').trimEnd());
}

function painted(outcome: CandidateOutcome, paint: ReportPaint): (text: string) => string {
  if ('error' in outcome) return paint.bad;
  return { PASS: paint.good, FAIL: paint.bad, INCONCLUSIVE: paint.warn, INVALID: paint.bad }[
    outcome.report.verdict
  ];
}
