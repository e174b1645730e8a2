import type { JsonValue } from '../../schemas/json-value.js';
import { formatSigned, formatValue } from '../report/format-numbers.js';
import type { ReportPaint } from '../report/report-terminal.js';
import { cut, wrap } from '../report/terminal-text.js';
import { shortText, visibleText } from '../report/visible-text.js';
import type { AnswerWithReference, Attribution, FeatureEffect } from './attribute.js';
import type { VersionAnswer } from './version-answer.js';

/** More features than this are a line of their number; JSON has all. */
const featuresShown = 25;
/** Of the features that two models treat differently. */
const namedMost = 3;

/** Which features drive an answer, as lines of at most 80 columns (before paint). */
export function attributionLines(
  { candidate, control }: VersionAnswer,
  attribution: Attribution,
  paint: ReportPaint,
): readonly string[] {
  const { of, differs, features, withoutReference } = attribution;
  const besides = features.some((effect) => effect.control !== null);
  const rows = features.slice(0, featuresShown);
  const table = aligned([
    [
      'feature',
      'recorded',
      'reference',
      of === null ? 'label' : shortText(of, 12),
      'change',
      ...(besides ? ["control's"] : []),
    ],
    ...rows.map((effect) => [
      shortText(effect.feature, 20),
      valueWords(effect.recorded),
      valueWords(effect.reference.value),
      answerCell(effect.candidate, of),
      changeCell(effect.candidate, of),
      ...(besides ? [changeCell(effect.control, of)] : []),
    ]),
  ]);
  const without = withoutReference.length;
  if (features.length === 0)
    return wrap(
      'Which features drive it cannot be told: no reference profile says what is typical of them.',
      2,
    );
  return [
    ...wrap(
      'One feature at a time at its reference value (median of training, of texts the most frequent), the others as recorded. What features do together is not shown.',
      2,
    ),
    ...table.map((line, index) => {
      const effect = rows[index - 1];
      const text = cut(`${effect?.undoes === true ? '  * ' : '    '}${line}`);
      return effect === undefined ? paint.dim(text) : effect.undoes ? paint.warn(text) : text;
    }),
    ...(features.length > rows.length
      ? [`    and ${features.length - rows.length} that move it less (--json has them)`]
      : []),
    ...(besides ? wrap(visibleText(`control's: what the same does to ${control.version}`), 2) : []),
    ...(features.some(({ undoes }) => undoes)
      ? ['  *: this alone makes the candidate agree with the control']
      : differs
        ? ['  None of them alone makes the candidate agree with the control.']
        : []),
    ...apartLines(features, { candidate: candidate.version, control: control.version }),
    ...(without > 0
      ? wrap(
          visibleText(
            `Nothing says what is typical of ${withoutReference.slice(0, 6).join(', ')}${without > 6 ? ` and ${without - 6} more` : ''}.`,
          ),
          2,
        )
      : []),
  ];
}

/** A feature that the candidate ignores moves nothing in it: only beside the control does that show. */
function apartLines(
  features: readonly FeatureEffect[],
  versions: { readonly candidate: string; readonly control: string },
): readonly string[] {
  const byDistance = features
    .filter(({ apart }) => apart !== null && apart !== 0)
    .toSorted((a, b) => Math.abs(b.apart ?? 0) - Math.abs(a.apart ?? 0));
  const ignored = (['candidate', 'control'] as const).flatMap((side) => {
    const other = side === 'candidate' ? 'control' : 'candidate';
    const unmoved = byDistance.filter(({ ignoredBy }) => ignoredBy === side).slice(0, namedMost);
    if (unmoved.length === 0) return [];
    const named = unmoved.map((effect) => `${effect.feature} (${besideWords(effect[other])})`).join(', ');
    return [`Here ${versions[side]} does not react to what moves ${versions[other]}: ${named}.`];
  });
  const most = byDistance
    .slice(0, namedMost)
    .map(
      ({ feature, candidate, control }) =>
        `${feature} (${besideWords(candidate)}; ${versions.control} ${besideWords(control)})`,
    );
  return [
    ...ignored,
    ...(most.length === 0 ? [] : [`Treated most differently: ${most.join(', ')}.`]),
  ].flatMap((text) => wrap(visibleText(text), 2));
}

function besideWords(answer: AnswerWithReference | null): string {
  return answer?.kind === 'answered' ? formatSigned(answer.change) : 'has none';
}

/** Columns as wide as their widest cell: the first to the left, the others to the right. */
function aligned(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  '),
  );
}

function valueWords(value: JsonValue | undefined): string {
  if (value === undefined) return 'absent';
  if (typeof value === 'number') return shortText(String(Number(value.toPrecision(6))), 11);
  return shortText(typeof value === 'string' ? value : JSON.stringify(value), 11);
}

function answerCell(answer: AnswerWithReference | null, of: string | null): string {
  if (answer === null) return '–';
  if (answer.kind === 'failed') return 'failed';
  return of === null ? shortText(answer.label ?? '–', 12) : formatValue(answer.score);
}

function changeCell(answer: FeatureEffect['candidate'], of: string | null): string {
  if (answer === null) return '–';
  if (answer.kind === 'failed') return 'failed';
  return of === null ? '' : formatSigned(answer.change);
}
