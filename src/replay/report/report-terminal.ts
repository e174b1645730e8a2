import { gateWords, limitWords } from './condition-words.js';
import { candidateWords } from './candidate-words.js';
import { formatCount, formatInterval, formatPercent, formatSigned, formatValue } from './format-numbers.js';
import { violationWords } from './input-violations.js';
import type { NoiseFloor, ReplayGate, ReplayReport, ReplayVerdict, WorstRow } from './report-schema.js';
import { sliceLines } from './terminal-slices.js';
import { cut, labelled, wrap } from './terminal-text.js';
import { visibleText } from './visible-text.js';
import { waterfallLines } from './waterfall-lines.js';

/** Meanings, not colours; each gives the text back, with or without colour. */
export interface ReportPaint {
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly warn: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly bold: (text: string) => string;
}

const worstShown = 5;
const gatesShown = 20;

/** The report as text of at most 80 columns (before paint), the verdict first; ends with a newline. */
export function renderTerminalReport(report: ReplayReport, paint: ReportPaint): string {
  const heading = (title: string): string => paint.bold(title);
  const sections: (readonly string[])[] = [
    [...headline(report, paint), ...wrap(visibleText(report.reason), 0)],
    [
      ...labelled('range', `${report.range.from} to ${report.range.until}`),
      ...(report.knownUntil === null ? [] : labelled('known', `truth as known at ${report.knownUntil}`)),
      ...labelled('noise', noiseWords(report.noiseFloor)),
      ...labelled('again', visibleText(report.reproduce)).map((line) => paint.dim(line)),
    ],
    [heading('Rows'), ...waterfallLines(report.waterfall).map(waterfallLine)],
    [
      heading(metricLine('', 'control', 'candidate', 'difference [95 % interval]')),
      ...metricLines(report, paint),
    ],
    ...classSections(report, heading),
    ...(report.gates.length === 0 ? [] : [[heading('Gates'), ...gateSection(report, paint)]]),
    ...changeSections(report, heading),
    ...sliceLines(report, heading),
    ...worstSections(report, heading),
    ...(report.failures.length === 0
      ? []
      : [
          [
            heading('The candidate failed on'),
            ...report.failures
              .slice(0, 3)
              .flatMap((row) => wrap(visibleText(`${row.predictionId}: ${row.message}`), 2)),
          ],
        ]),
    ...violationSections(report, heading),
    ...(report.notes.length === 0 && report.settings.given.length === 0
      ? []
      : [[heading('Note'), ...notes(report).flatMap((note) => wrap(visibleText(note), 2))]]),
    [
      heading('Not judged yet'),
      ...report.notJudged.flatMap(({ what, why }) => wrap(`${what}: ${why}`, 2)),
    ].map((line) => paint.dim(line)),
  ];
  return `${sections.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

function verdictPaint(verdict: ReplayVerdict, paint: ReportPaint): (text: string) => string {
  const colour = { PASS: paint.good, FAIL: paint.bad, INCONCLUSIVE: paint.warn, INVALID: paint.bad }[verdict];
  return (text) => paint.bold(colour(text));
}

function comparisonWords(report: ReplayReport): string {
  const { control, expect } = report;
  const versions = [...new Set(control.versions.map(({ version }) => version))];
  const against =
    control.kind === 'recorded'
      ? `what ${versions.slice(0, 4).join(', ') || 'nobody'} answered`
      : versions.join(', ');
  return `${candidateWords(report)} against ${against} (expect ${expect})`;
}

function noiseWords(noise: NoiseFloor): string {
  if (noise.kind === 'none') return `no noise floor: ${noise.reason}`;
  return noise.versions
    .map((found) => {
      const size =
        found.maxDifference === null
          ? 'not compared'
          : `largest difference ${formatValue(found.maxDifference)}`;
      return `${visibleText(found.version)} ${found.reproduced ? 'reproduces' : 'does not reproduce'} its record on ${formatCount(found.rows)} rows (${size})`;
    })
    .join('; ');
}

function notes(report: ReplayReport): readonly string[] {
  const { given } = report.settings;
  return [...report.notes, ...(given.length === 0 ? [] : [`The candidate was given ${given.join(', ')}.`])];
}

function waterfallLine(line: {
  readonly what: string;
  readonly rows: number;
  readonly kept: boolean;
}): string {
  const rows = line.kept ? formatCount(line.rows) : `− ${formatCount(line.rows)}`;
  return `  ${rows.padStart(14)}  ${line.what}`;
}

function metricLines(report: ReplayReport, paint: ReportPaint): readonly string[] {
  return report.metrics.map((metric) => {
    const { name, control, candidate, difference, interval, better, note } = metric;
    if (difference === null) return cut(visibleText(`  ${name.padEnd(20)}${note ?? 'not computed'}`));
    const text = [formatSigned(difference), interval === null ? '' : formatInterval(interval)]
      .join(' ')
      .trimEnd();
    const line = metricLine(name, formatValue(control), formatValue(candidate), text);
    if (interval === null || better === 'neither') return line;
    const worse = better === 'lower' ? interval.lower > 0 : interval.upper < 0;
    const improved = better === 'lower' ? interval.upper < 0 : interval.lower > 0;
    if (!worse && !improved) return line;
    return worse ? paint.bad(line) : paint.good(line);
  });
}

function metricLine(name: string, control: string, candidate: string, difference: string): string {
  return cut(
    visibleText(`  ${name.padEnd(20)}${control.padStart(10)}  ${candidate.padStart(10)}  ${difference}`),
  );
}

function headline(report: ReplayReport, paint: ReportPaint): readonly string[] {
  const { verdict, model } = report;
  const [first = '', ...rest] = wrap(visibleText(`${verdict}  ${model}: ${comparisonWords(report)}`), 0);
  return [first.replace(verdict, verdictPaint(verdict, paint)(verdict)), ...rest];
}

/** Slices have a table of their own; here stand only those whose gate does not pass. */
function shownGates({ gates }: ReplayReport): readonly ReplayGate[] {
  return gates.filter((gate) => gate.slice === null || gate.verdict !== 'PASS');
}

function gateSection(report: ReplayReport, paint: ReportPaint): readonly string[] {
  const gates = shownGates(report);
  const left = gates.length - gatesShown;
  return [
    ...gates.slice(0, gatesShown).flatMap((gate) => gateLines(gate, paint)),
    ...(left <= 0 ? [] : [`  and ${formatCount(left)} more, in the json and html reports`]),
  ];
}

function gateLines(gate: ReplayGate, paint: ReportPaint): readonly string[] {
  const found =
    gate.interval === null
      ? 'no interval'
      : `${formatSigned(gate.estimate)} ${formatInterval(gate.interval)}`;
  const [first = '', ...rest] = wrap(
    `${gate.verdict} ${visibleText(gateWords(gate))} over ${formatCount(gate.rows)} rows: ${visibleText(gate.measures)}`,
    2,
  );
  return [
    first.replace(gate.verdict, verdictPaint(gate.verdict, paint)(gate.verdict)),
    ...rest,
    ...wrap(`${found}, must lie ${limitWords(gate)}`, 4),
    ...(gate.rowsNeeded === null
      ? []
      : wrap(`about ${formatCount(gate.rowsNeeded)} rows would be needed`, 4)),
  ];
}

function changeSections(report: ReplayReport, heading: (title: string) => string): (readonly string[])[] {
  const { flips, shift } = report;
  const lines: string[] = [];
  if (flips !== null) {
    const rate = `${formatPercent(flips.rate, 2)} [${formatPercent(flips.interval.lower, 2)}, ${formatPercent(flips.interval.upper, 2)}]`;
    lines.push(
      ...wrap(`${formatCount(flips.flipped)} of ${formatCount(flips.rows)} labels flip: ${rate}`, 2),
    );
    lines.push(
      ...wrap(
        `on ${formatCount(flips.judged)} with truth: right to wrong ${formatCount(flips.rightToWrong)}, wrong to right ${formatCount(flips.wrongToRight)}`,
        2,
      ),
    );
    for (const [control, cells] of flips.matrix.entries()) {
      if (flips.labels.length > 6) break;
      const words = cells.map(
        (rows, candidate) => `${visibleText(flips.labels[candidate] ?? '')} ${formatCount(rows)}`,
      );
      lines.push(
        ...wrap(`control ${visibleText(flips.labels[control] ?? '')} → candidate ${words.join(', ')}`, 4),
      );
    }
  }
  const { calibration } = report;
  if (calibration !== null) {
    const { control, candidate } = calibration;
    lines.push(
      ...wrap(
        `mean score − truth: control ${formatSigned(control.bias)} ${formatInterval(control.biasInterval)}, candidate ${formatSigned(candidate.bias)} ${formatInterval(candidate.biasInterval)}; expected calibration error ${formatValue(control.expectedError)} and ${formatValue(candidate.expectedError)}`,
        2,
      ),
    );
  }
  if (shift !== null) {
    const words = shift.distance.map(({ probability, value }) =>
      probability === 1
        ? `largest ${formatValue(value)}`
        : `${100 * probability} % within ${formatValue(value)}`,
    );
    lines.push(...wrap(`|difference|: ${words.join(', ')}`, 2));
  }
  return lines.length === 0 ? [] : [[heading('What changes'), ...lines]];
}

const classesShown = 8;

/** Those whose recall moves most. */
function classSections({ classes }: ReplayReport, heading: (title: string) => string): (readonly string[])[] {
  if (classes.length === 0) return [];
  const shown = classes
    .toSorted((a, b) => Math.abs(b.recallDifference ?? 0) - Math.abs(a.recallDifference ?? 0))
    .slice(0, classesShown);
  const lines = shown.map(({ label, recall, recallDifference, interval }) =>
    metricLine(
      label,
      formatValue(recall.control),
      formatValue(recall.candidate),
      `${formatSigned(recallDifference)} ${interval === null ? '' : formatInterval(interval)}`,
    ),
  );
  const left = classes.length - shown.length;
  return [
    [
      heading(left === 0 ? 'Recall by class' : 'Recall by class, where it moves most'),
      ...lines,
      ...(left === 0 ? [] : [`  and ${formatCount(left)} more, in the json and html reports`]),
    ],
  ];
}

const violationsShown = 5;

function violationSections(
  { violations }: ReplayReport,
  heading: (title: string) => string,
): (readonly string[])[] {
  if (violations.length === 0) return [];
  const left = violations.length - violationsShown;
  return [
    [
      heading("Inputs that the candidate's contract objects to"),
      ...violations
        .slice(0, violationsShown)
        .flatMap((each) =>
          wrap(
            `${visibleText(each.feature)}: ${formatCount(each.rows)} rows (${formatPercent(each.share, 2)}) ${violationWords(each)}`,
            2,
          ),
        ),
      ...(left <= 0 ? [] : [`  and ${formatCount(left)} more, in the json and html reports`]),
    ],
  ];
}

function worstSections({ worst }: ReplayReport, heading: (title: string) => string): (readonly string[])[] {
  if (worst.rows.length === 0) return [];
  const by = worst.by === 'loss' ? 'where the candidate loses most' : 'where the two differ most';
  return [[heading(`Worst rows (${by})`), ...worst.rows.slice(0, worstShown).flatMap(worstLines)]];
}

function worstLines(row: WorstRow): readonly string[] {
  const key = row.key === null ? '' : ` ${visibleText(row.key)}`;
  const side = ({ value, label }: WorstRow['control']): string =>
    value === null ? visibleText(label ?? '–') : formatValue(value);
  const truth = row.truth === null ? '' : `, truth ${visibleText(String(row.truth))}`;
  return [
    cut(`  ${row.predictionId || `position ${row.position}`}${key}`),
    cut(
      `    ${row.occurredAt}  ${side(row.control)} → ${side(row.candidate)}${truth}  (${formatSigned(row.increase)})`,
    ),
  ];
}
