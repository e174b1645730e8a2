import { formatSigned, formatValue } from '../report/format-numbers.js';
import type { ReportPaint } from '../report/report-terminal.js';
import { cut, labelled, wrap } from '../report/terminal-text.js';
import { shortText, visibleText } from '../report/visible-text.js';
import { formatMicros } from '../time-option.js';
import type { Answer } from './answers.js';
import type { AnswerComparison } from './compare-answers.js';
import type { RowComparison } from './compare-on-row.js';
import { attributionLines } from './render-attribution.js';
import type { VersionAnswer } from './version-answer.js';

/** What versions say of one prediction, as text of at most 80 columns (before paint). */
export function renderAnswers(answers: readonly VersionAnswer[], paint: ReportPaint): string {
  return answers.map((answer) => answerLines(answer, paint).join('\n')).join('\n\n');
}

function answerLines(answer: VersionAnswer, paint: ReportPaint): readonly string[] {
  const { candidate, control, replay, problem, notes, comparison } = answer;
  const against =
    control.kind === 'recorded' ? `what ${control.version} answered` : `${control.version}, run again`;
  const verdict = replay?.verdict ?? 'no replay of it covers this';
  const title = `${candidate.version} against ${against}: ${verdict}`;
  const inks = new Map([
    ['PASS', paint.good],
    ['FAIL', paint.bad],
    ['INCONCLUSIVE', paint.warn],
    ['INVALID', paint.bad],
  ]);
  const ink = inks.get(verdict) ?? paint.dim;
  return [
    ...wrap(visibleText(title), 0).map((line) =>
      line.endsWith(`: ${verdict}`)
        ? `${paint.bold(line.slice(0, -verdict.length))}${ink(verdict)}`
        : paint.bold(line),
    ),
    ...(replay === undefined
      ? []
      : [
          ...(replay.reason === undefined ? [] : wrap(visibleText(replay.reason), 2)),
          ...labelled(
            '  replay',
            `${replay.replayId}, ${formatMicros(replay.occurredAt)}${replay.expect === undefined ? '' : `, expect ${replay.expect}`}`,
            11,
          ),
          ...labelled('  report', replay.reportDigest, 11),
        ].map((line) => paint.dim(line))),
    ...(problem === undefined ? [] : wrap(visibleText(problem), 2).map((line) => paint.warn(line))),
    ...(comparison === undefined ? [] : comparisonLines(answer, comparison, paint)),
    ...notes.flatMap((note) => wrap(visibleText(`· ${note}`), 2)),
    ...(comparison?.attribution === undefined || comparison.attribution === null
      ? []
      : ['', ...attributionLines(answer, comparison.attribution, paint)]),
  ];
}

const nameWidth = 11;
const sideWidth = 14;

function comparisonLines(
  { candidate, control: { version } }: VersionAnswer,
  { control, candidate: said, compared }: RowComparison,
  paint: ReportPaint,
): readonly string[] {
  if (said.kind === 'failed') {
    const recorded = control?.kind === 'answered' ? [`  the control said ${answerWords(control)}`] : [];
    return [
      ...wrap(visibleText(`${candidate.version} fails on these inputs: ${said.message}`), 2).map((line) =>
        paint.bad(line),
      ),
      ...recorded,
    ];
  }
  if (control?.kind !== 'answered' || compared === null) {
    const why = control?.kind === 'failed' ? `gave no usable answer: ${control.message}` : 'gave no answer';
    return wrap(visibleText(`${candidate.version} says ${answerWords(said)}; ${version} ${why}`), 2);
  }
  const line = (name: string, before: string, after: string, words = ''): string =>
    cut(
      `  ${name.padEnd(nameWidth)}${before.padStart(sideWidth)}${after.padStart(sideWidth)}   ${words}`.trimEnd(),
    );
  const { flipped, of, difference, judged } = compared;
  const several = said.scores.length > 1;
  return [
    paint.dim(line('', 'control', 'candidate')),
    ...(control.label === null || said.label === null
      ? []
      : [
          line(
            'label',
            shown(control.label),
            shown(said.label),
            `${flipped === true ? 'flipped' : 'the same'}${several && of !== null ? `; ${visibleText(of)} ${formatSigned(difference)}` : ''}`,
          ),
        ]),
    ...(difference === null || several
      ? []
      : [
          line(
            control.label === null ? 'value' : 'score',
            formatValue(control.scores[0] ?? null),
            formatValue(said.scores[0] ?? null),
            formatSigned(difference),
          ),
        ]),
    ...(judged === null
      ? []
      : [
          line(
            judged.loss === 'log loss' ? 'log loss' : 'error',
            formatValue(judged.controlLoss),
            formatValue(judged.candidateLoss),
            rightWords(judged),
          ),
        ]),
  ];
}

function shown(label: string): string {
  return shortText(label, sideWidth - 2);
}

function answerWords({ label, scores }: Extract<Answer, { kind: 'answered' }>): string {
  if (label === null) return formatValue(scores[0] ?? null);
  return scores.length === 1 ? `${label} (score ${formatValue(scores[0] ?? null)})` : label;
}

function rightWords({ right, loss }: NonNullable<AnswerComparison['judged']>): string {
  const nearer = loss === 'absolute error';
  switch (right) {
    case 'both':
      return nearer ? 'as near as each other' : 'both were right';
    case 'neither':
      return 'both were wrong';
    case 'control':
    case 'candidate':
      return `the ${right} was ${nearer ? 'nearer' : 'right'}`;
  }
}
