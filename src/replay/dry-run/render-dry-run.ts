import { replaySettings } from '../judging/replay-settings.js';
import { limitWords } from '../report/condition-words.js';
import { formatCount, formatPercent, formatSigned, formatValue } from '../report/format-numbers.js';
import type { ReportPaint } from '../report/report-terminal.js';
import { cut, labelled, wrap } from '../report/terminal-text.js';
import { visibleText } from '../report/visible-text.js';
import { waterfallLines } from '../report/waterfall-lines.js';
import type { DryRun } from './dry-run.js';
import type { LossCase, PlannedGate } from './planned-gates.js';
import { plannedPower } from './planned-gates.js';

const indent = 11;
const { judgedRowsMin } = replaySettings;

/** The plan as text of at most 80 columns (before paint); ends with a newline. */
export function renderDryRun(plan: DryRun, paint: ReportPaint): string {
  const { waterfall, gates, notes, problem } = plan;
  const coverage = waterfall.compared === 0 ? 0 : waterfall.judged / waterfall.compared;
  const sections: (readonly string[])[] = [
    [
      ...wrap(
        visibleText(
          `PLAN  ${plan.model}: ${plan.candidate.version} against ${against(plan)} (expect ${plan.expect})`,
        ),
        0,
      ).map(paint.bold),
      ...(problem === undefined
        ? ['Nothing was run.']
        : wrap(visibleText(`A replay would be INVALID: ${problem}.`), 0).map(paint.bad)),
    ],
    [
      ...labelled('range', `${plan.range.from} to ${plan.range.until}`, indent),
      ...labelled('candidate', `${visibleText(plan.candidate.version)} ${plan.candidate.digest}`, indent),
      ...controlLines(plan),
      ...labelled(
        'truth',
        waterfall.judged === 0
          ? 'known of no row'
          : `known of ${formatCount(waterfall.judged)} of ${formatCount(waterfall.compared)} rows (${formatPercent(coverage)}), as of ${plan.knownUntil ?? 'now'}`,
        indent,
      ),
      ...labelled('command', visibleText(plan.reproduce), indent).map(paint.dim),
    ],
    [
      paint.bold('Rows'),
      ...waterfallLines(waterfall).map(
        ({ what, rows, kept }) =>
          `  ${(kept ? formatCount(rows) : `− ${formatCount(rows)}`).padStart(14)}  ${what}`,
      ),
    ],
    ...(gates.length === 0 ? [] : [[paint.bold('Gates'), ...gates.flatMap(gateLines)]]),
    ...gates.flatMap((gate) => powerSections(gate, paint)),
    ...(notes.length === 0
      ? []
      : [[paint.bold('Note'), ...notes.flatMap((note) => wrap(visibleText(note), 2))]]),
  ];
  return `${sections.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

function against({ control, served }: DryRun): string {
  if (control !== undefined) return control.version;
  const versions = [...new Set(served.map(({ version }) => version))];
  return `what ${versions.slice(0, 4).join(', ') || 'nobody'} answered`;
}

function controlLines({ control, served }: DryRun): readonly string[] {
  if (control !== undefined)
    return labelled('control', `${visibleText(control.version)} ${control.digest}`, indent);
  if (served.length === 0) return labelled('control', 'none', indent);
  return served
    .slice(0, 6)
    .flatMap(({ version, digest, rows }, index) =>
      labelled(
        index === 0 ? 'control' : '',
        `${visibleText(version)} ${digest ?? 'imported, no artefact'} ${formatCount(rows)} rows`,
        indent,
      ),
    );
}

function gateLines({ name, measures, good, limit, rows }: PlannedGate): readonly string[] {
  return wrap(
    `${name} over ${formatCount(rows)} rows: ${measures}, must lie ${limitWords({ good, limit })}, its whole 95 % interval`,
    2,
  );
}

function powerSections(gate: PlannedGate, paint: ReportPaint): (readonly string[])[] {
  const { power, rows, name } = gate;
  const title = paint.bold(cut(`What ${formatCount(rows)} rows can show of ${name}`));
  switch (power.kind) {
    case 'none':
      return [[title, ...wrap(`Nothing beforehand: ${visibleText(power.reason)}.`, 2)]];
    case 'share':
      return [[title, ...shareLines(rows, power).flatMap((line) => wrap(line, 2))]];
    case 'loss':
      return [[title, ...lossLines(power, rows, paint)]];
  }
}

function shareLines(
  rows: number,
  { plan, verb }: Extract<PlannedGate['power'], { kind: 'share' }>,
): readonly string[] {
  const { failuresMax, failureShare, rowsNeeded } = plan;
  const needed = `At least ${formatCount(rowsNeeded)} rows are needed for a PASS, when none of them ${verb.one}.`;
  if (failuresMax === undefined || failureShare === undefined)
    return [`${formatCount(rows)} rows cannot pass, even when none of them ${verb.one}.`, needed];
  return [
    `PASS when at most ${formatCount(failuresMax)} of them ${verb.many}: that comes four times in five when ${formatPercent(failureShare, 3)} of such rows truly ${verb.many}.`,
    needed,
  ];
}

function lossLines(
  { controlLoss, margin, cases }: Extract<PlannedGate['power'], { kind: 'loss' }>,
  rows: number,
  paint: ReportPaint,
): readonly string[] {
  const odds = `${100 * plannedPower} %`;
  const words = [
    `The control's loss is ${formatValue(controlLoss)}, so the margin of ${100 * margin} % is ${formatValue(margin * controlLoss)}.`,
    `How far apart the two losses of a row are is not known before the candidate is run. ${cases.some(({ basis }) => basis.kind === 'earlier') ? 'The first line takes it from a replay that was run, the others' : 'The lines below take it'} from the spread of the control's loss, as if the candidate's spread alike and the two correlated as stated, row by row on its own.`,
    `PASS, FAIL: the true change of the loss at which that verdict comes with a probability of ${odds}. Rows: with truth, for a candidate just as good as the control to PASS with ${odds}.`,
  ];
  const header = line(['if the losses', 'PASS up to', 'FAIL from', 'rows']);
  return [
    ...words.flatMap((each) => wrap(each, 2)),
    paint.bold(header),
    ...cases.map((each) =>
      line([
        basisWords(each.basis),
        changeWords(each.passAtMost),
        changeWords(each.failAtLeast),
        each.rowsNeeded === null ? '> 2^53' : formatCount(each.rowsNeeded),
      ]),
    ),
    ...(rows < judgedRowsMin
      ? wrap(`Below ${judgedRowsMin} rows with truth nothing passes or fails.`, 2)
      : []),
  ];
}

function basisWords(basis: LossCase['basis']): string {
  return basis.kind === 'assumed'
    ? `correlate by ${basis.correlation}`
    : `differ as in ${visibleText(basis.spread.candidateVersion)}'s replay`;
}

function changeWords(change: number): string {
  return Number.isFinite(change) ? `${formatSigned(100 * change, 3)} %` : '–';
}

function line([basis = '', pass = '', fail = '', rows = '']: readonly string[]): string {
  const room = 32;
  const name = basis.length > room ? `${basis.slice(0, room - 1)}…` : basis;
  return `  ${name.padEnd(room)}${pass.padStart(12)}${fail.padStart(12)}${rows.padStart(20)}`;
}
