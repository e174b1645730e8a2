import { candidateWords } from './candidate-words.js';
import { conditionWords, gateWords, limitWords } from './condition-words.js';
import { formatCount, formatInterval, formatPercent, formatSigned, formatValue } from './format-numbers.js';
import { code, codeBlock, markdownTable, prose } from './markdown-markup.js';
import { violationWords } from './input-violations.js';
import type { NoiseFloor, ReplayGate, ReplayReport, WorstRow } from './report-schema.js';
import { shortText } from './visible-text.js';
import { waterfallLines } from './waterfall-lines.js';

/** GitHub takes 65,536 characters a comment; what has no room is named and left to report.json. */
const bytesMax = 60_000;
const rowsMax = 40;
const labelsMax = 8;
const worstMax = 5;
const slicesMax = 12;
const discoveredMax = 5;
const textMax = 300;
const commandMax = 4_000;

interface Section {
  readonly title: string;
  readonly text: string;
}

/** The report for a pull request: the verdict and its reason first; at most 60,000 bytes, whatever the range. */
export function renderMarkdownReport(report: ReplayReport): string {
  const first = headline(report);
  const last = asText(reproduceSection(report));
  const left: string[] = [];
  let bytes = Buffer.byteLength(first) + Buffer.byteLength(last) + 500;
  const kept = [
    gateSection(report),
    metricSection(report),
    classSection(report),
    flipSection(report),
    sliceSection(report),
    discoveredSection(report),
    notComparedSection(report),
    violationSection(report),
    trustSection(report),
    worstSection(report),
  ].flatMap((section) => {
    if (section === undefined) return [];
    const text = asText(section);
    bytes += Buffer.byteLength(text);
    if (bytes <= bytesMax) return [text];
    bytes -= Buffer.byteLength(text);
    left.push(section.title.toLowerCase());
    return [];
  });
  const note =
    left.length === 0 ? '' : `_Left out for want of room: ${left.join(', ')}. They stand in report.json._\n`;
  return [first, ...kept, last, note].filter((part) => part !== '').join('\n');
}

function asText({ title, text }: Section): string {
  return `### ${title}\n\n${text}\n`;
}

/** Of a comparison that could not be made: the verdict, why, and what to do. */
export function markdownOfNothing(candidate: string, problem: string, advice: string): string {
  const title = `## ${marks.INVALID} INVALID · ${prose(shortText(candidate, 80))}: nothing was compared`;
  return `${title}\n\n**${prose(shortText(problem, 1_000))}**\n\n${prose(shortText(advice, 1_000))}\n`;
}

const marks = { PASS: '✅', FAIL: '❌', INCONCLUSIVE: '❔', INVALID: '⚠️' } as const;

function headline(report: ReplayReport): string {
  const { verdict, model, control, range, expect, reason } = report;
  const versions = [...new Set(control.versions.map(({ version }) => version))];
  const shown = versions.slice(0, 4).map((version) => prose(shortText(version, 80)));
  const names = `${shown.join(', ') || 'nobody'}${versions.length > shown.length ? ', …' : ''}`;
  const against = control.kind === 'recorded' ? `what ${names} answered` : names;
  const title = `${prose(shortText(model, 80))}: ${prose(shortText(candidateWords(report), 160))} against ${against}`;
  return [
    `## ${marks[verdict]} ${verdict} · ${title}\n`,
    `**${prose(shortText(reason, 1_000))}**\n`,
    `Expected: ${code(expect)}. Predictions of ${range.from} to ${range.until}.\n`,
  ].join('\n');
}

const severity = { FAIL: 0, INCONCLUSIVE: 1, PASS: 2 } as const;

function gateSection({ gates, settings, verdict }: ReplayReport): Section | undefined {
  if (gates.length === 0) return { title: 'Gates', text: 'Nothing was gated.' };
  const invalid =
    verdict === 'INVALID' ? 'The comparison is invalid: what the gates found counts for nothing.\n\n' : '';
  const shown =
    gates.length <= rowsMax
      ? gates
      : gates.toSorted((one, other) => severity[one.verdict] - severity[other.verdict]).slice(0, rowsMax);
  const row = (gate: ReplayGate): readonly string[] => [
    code(shortText(gateWords(gate), textMax)),
    gate.verdict === 'PASS' ? gate.verdict : `**${gate.verdict}**`,
    formatSigned(gate.estimate),
    gate.interval === null ? '–' : formatInterval(gate.interval),
    limitWords(gate),
    formatCount(gate.rows),
  ];
  const words = shown.map((gate) => {
    const needed =
      gate.rowsNeeded === null ? '' : ` About ${formatCount(gate.rowsNeeded)} rows would be needed.`;
    return `- ${code(shortText(gateWords(gate), textMax))}: ${prose(shortText(gate.measures, textMax))}; ${prose(shortText(gate.reason, textMax))}.${needed}`;
  });
  const titles = ['gate', 'verdict', 'estimate', `${percent(settings.level)} interval`, 'good is', 'rows'];
  const table = markdownTable({ titles, textColumns: 2, rows: shown.map(row) });
  return {
    title: 'Gates',
    text: `${invalid}${table}${more(gates.length - shown.length, 'gates')}\n\n${words.join('\n')}`,
  };
}

function metricSection({ metrics, settings }: ReplayReport): Section | undefined {
  if (metrics.length === 0) return undefined;
  const rows = metrics
    .slice(0, rowsMax)
    .map(({ name, rows: judged, control, candidate, difference, interval, note }) => [
      prose(shortText(name, 80)),
      formatValue(control),
      formatValue(candidate),
      difference === null ? prose(shortText(note ?? 'not computed', 120)) : formatSigned(difference),
      interval === null ? '–' : formatInterval(interval),
      formatCount(judged),
    ]);
  const interval = `${percent(settings.level)} interval`;
  const titles = ['metric', 'control', 'candidate', 'difference', interval, 'rows'];
  return {
    title: 'Metrics',
    text: `${markdownTable({ titles, textColumns: 1, rows })}${more(metrics.length - rows.length, 'metrics')}`,
  };
}

function classSection({ classes, settings }: ReplayReport): Section | undefined {
  if (classes.length === 0) return undefined;
  const rows = classes
    .toSorted((a, b) => Math.abs(b.recallDifference ?? 0) - Math.abs(a.recallDifference ?? 0))
    .slice(0, slicesMax)
    .map(({ label, recall, recallDifference, interval, precision, rows: judged }) => [
      prose(shortText(label, 60)),
      formatValue(recall.control),
      formatValue(recall.candidate),
      formatSigned(recallDifference),
      interval === null ? '–' : formatInterval(interval),
      `${formatValue(precision.control)} → ${formatValue(precision.candidate)}`,
      formatCount(judged),
    ]);
  const interval = `${percent(settings.level)} interval`;
  const titles = ['truth', 'recall, control', 'candidate', 'difference', interval, 'precision', 'rows'];
  return {
    title: 'Classes',
    text: `${markdownTable({ titles, textColumns: 1, rows })}${more(classes.length - rows.length, 'classes')}`,
  };
}

function violationSection({ violations }: ReplayReport): Section | undefined {
  if (violations.length === 0) return undefined;
  const rows = violations
    .slice(0, slicesMax)
    .map((each) => [
      prose(shortText(each.feature, 60)),
      violationWords(each),
      formatPercent(each.share, 2),
      formatCount(each.rows),
    ]);
  return {
    title: "Inputs that the candidate's contract objects to",
    text: `${markdownTable({ titles: ['feature', 'value', 'share', 'rows'], textColumns: 2, rows })}${more(violations.length - rows.length, 'of them')}`,
  };
}

function flipSection({ flips }: ReplayReport): Section | undefined {
  if (flips === null) return undefined;
  const { rows, flipped, rate, interval, labels, matrix, judged, rightToWrong, wrongToRight } = flips;
  const ends = `${formatPercent(interval.lower, 2)} to ${formatPercent(interval.upper, 2)}`;
  const words = `${formatCount(flipped)} of ${formatCount(rows)} labels flip: ${formatPercent(rate, 2)} (${percent(interval.level)} interval ${ends}). On ${formatCount(judged)} rows with truth, ${formatCount(rightToWrong)} go from right to wrong and ${formatCount(wrongToRight)} from wrong to right.`;
  const names = labels.map((label) => prose(shortText(label, 40)));
  const table = markdownTable({
    titles: ['control ↓ candidate →', ...names],
    textColumns: 1,
    rows: matrix.map((cells, row) => [names[row] ?? '', ...cells.map(formatCount)]),
  });
  const text = `${words}\n\n${labels.length > labelsMax ? `The matrix of ${labels.length} labels stands in report.json.` : table}`;
  return { title: 'Labels that flip', text };
}

/** Gated ones first, then protected ones, then those with most rows. */
function sliceSection({ slices, settings }: ReplayReport): Section | undefined {
  if (slices.length === 0) return undefined;
  const shown = slices
    .toSorted(
      (one, other) =>
        Number(other.verdict !== null) - Number(one.verdict !== null) ||
        Number(other.protected) - Number(one.protected) ||
        other.rows - one.rows,
    )
    .slice(0, slicesMax);
  const rows = shown.map((slice) => [
    prose(shortText(conditionWords(slice), 80)),
    slice.verdict ?? 'too small',
    formatSigned(slice.increase),
    slice.interval === null ? '–' : formatInterval(slice.interval),
    formatCount(slice.flipped),
    formatCount(slice.rows),
  ]);
  const interval = `${percent(settings.level)} interval`;
  const titles = ['slice', 'gate', 'loss, candidate − control', interval, 'flips', 'rows'];
  return {
    title: 'Slices',
    text: `${markdownTable({ titles, textColumns: 2, rows })}${more(slices.length - rows.length, 'slices')}`,
  };
}

function discoveredSection({ discovered, settings }: ReplayReport): Section | undefined {
  if (discovered === null || discovered.slices.length === 0) return undefined;
  const { by, sampledRows, slices } = discovered;
  const number = (value: number): string => (by === 'loss' ? formatSigned(value) : formatPercent(value));
  const rows = slices
    .slice(0, discoveredMax)
    .map((slice) => [
      prose(shortText(slice.conditions.map(conditionWords).join(' and '), 160)),
      number(slice.effect),
      number(slice.rest),
      formatInterval(slice.interval),
      slice.shareOfFlips === null ? '–' : formatPercent(slice.shareOfFlips, 0),
      formatCount(slice.rows),
    ]);
  const titles = [
    'where',
    'here',
    'elsewhere',
    `here − elsewhere, ${percent(settings.level)} interval`,
    'of all flips',
    'rows',
  ];
  return {
    title:
      by === 'loss'
        ? 'Where the candidate is worst against the rest'
        : 'Where most labels change against the rest',
    text: `${by === 'loss' ? 'Loss, candidate − control' : 'Share of labels that change'}; found on one half of ${formatCount(sampledRows)} rows, tested on the other.\n\n${markdownTable({ titles, textColumns: 1, rows })}${more(slices.length - rows.length, 'of them')}`,
  };
}

function notComparedSection({ waterfall, notes, settings, notJudged, failures }: ReplayReport): Section {
  const steps = waterfallLines(waterfall).map(({ what, rows, kept }) => [
    what,
    kept ? formatCount(rows) : `− ${formatCount(rows)}`,
  ]);
  const given = settings.given.length === 0 ? [] : [`The candidate was given ${settings.given.join(', ')}.`];
  const lines = [
    ...[...notes, ...given].slice(0, rowsMax).map((note) => `- ${prose(shortText(note, textMax))}`),
    ...failures
      .slice(0, 3)
      .map(
        ({ predictionId, message }) =>
          `- The candidate failed on ${code(shortText(predictionId, 80))}: ${prose(shortText(message, textMax))}`,
      ),
    ...notJudged
      .slice(0, rowsMax)
      .map(
        ({ what, why }) => `- Not judged, ${prose(shortText(what, 80))}: ${prose(shortText(why, textMax))}.`,
      ),
  ];
  return {
    title: 'What was not compared',
    text: `${markdownTable({ titles: ['', 'rows'], textColumns: 1, rows: steps })}\n\n${lines.join('\n')}`,
  };
}

function trustSection({ noiseFloor }: ReplayReport): Section {
  return { title: 'Can the record be trusted?', text: noiseWords(noiseFloor) };
}

function noiseWords(noise: NoiseFloor): string {
  if (noise.kind === 'none') return `No noise floor: ${prose(shortText(noise.reason, textMax))}.`;
  const lines = noise.versions.slice(0, rowsMax).map((found) => {
    const problem = found.problem === null ? '' : ` ${prose(shortText(found.problem, textMax))}.`;
    return `- ${prose(shortText(found.version, 80))} ${found.reproduced ? 'reproduces' : '**does not reproduce**'} its record on ${formatCount(found.rows)} rows: largest difference ${formatValue(found.maxDifference)}, limit ${formatValue(noise.limit)}.${problem}`;
  });
  return `${lines.join('\n')}${more(noise.versions.length - lines.length, 'versions')}`;
}

/** Identity and outputs only: inputs may be personal, and a pull request is read by more people than the log. */
function worstSection({ worst }: ReplayReport): Section | undefined {
  if (worst.rows.length === 0) return undefined;
  const byLoss = worst.by === 'loss';
  const side = ({ label, value }: WorstRow['control']): string =>
    value === null ? prose(shortText(label ?? '–', 40)) : formatValue(value);
  const rows = worst.rows
    .slice(0, worstMax)
    .map((row) => [
      code(row.predictionId === '' ? `position ${row.position}` : shortText(row.predictionId, 80)),
      side(row.control),
      side(row.candidate),
      row.truth === null ? '–' : prose(shortText(String(row.truth), 40)),
      formatSigned(row.increase),
    ]);
  const titles = ['prediction', 'control', 'candidate', 'truth', byLoss ? 'loss' : 'difference'];
  return {
    title: `Worst rows: where ${byLoss ? 'the candidate loses most' : 'the two differ most'}`,
    text: `${markdownTable({ titles, textColumns: 1, rows })}\n\n${code('hindcast show <prediction id>')} shows one whole.`,
  };
}

function reproduceSection({ reproduce, candidate, control, log, knownUntil }: ReplayReport): Section {
  const command =
    reproduce.length > commandMax
      ? `${reproduce.slice(0, commandMax)}…\n(cut; whole in report.json)`
      : reproduce;
  const versions = control.versions
    .slice(0, 8)
    .map(({ version, digest }) => `${prose(shortText(version, 80))} ${code(digest ?? 'imported')}`);
  const lines = [
    `- candidate ${prose(shortText(candidate.version, 80))} ${code(candidate.digest)}`,
    `- control (${control.kind === 'recorded' ? 'as recorded' : 'run again'}) ${versions.join(', ') || 'none'}${control.versions.length > versions.length ? ', …' : ''}`,
    `- predictions before log position ${log.position}; truth known until ${knownUntil ?? '(none is known)'}`,
  ];
  return { title: 'How to get this again', text: `${codeBlock(command)}\n\n${lines.join('\n')}` };
}

function percent(level: number): string {
  return `${100 * level} %`;
}

function more(count: number, what: string): string {
  return count <= 0 ? '' : `\n\n${formatCount(count)} more ${what} in report.json.`;
}
