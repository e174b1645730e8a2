import type { DriftField, DriftInterval, DriftReport, DriftVerdict } from './drift-report.js';

/** Meanings, not colours. Each gives the text back with nothing but invisible marks around it. */
export interface DriftPaint {
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly warn: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly bold: (text: string) => string;
}

const lineWidthMax = 100;
const gap = '  ';
const header = ['verdict', 'field', 'kind', 'effect', 'p', 'reference→live', 'missing', 'rows'];
/** Columns that give way when a line would be too long: the words of the effect, the values, the field. */
const shrinking = [3, 5, 1] as const;
/** Room for `AUC 0.62 higher`. */
const cellWidthMin = 15;
const nameWidthMax = 40;
const verdictOrder: readonly DriftVerdict[] = ['drift', 'not enough data', 'equivalent'];

/** The report as a table of at most 100 columns, drift first and the larger effect first, with what it means beneath. */
export function renderDrift(report: DriftReport, paint: DriftPaint): string {
  const fields = report.fields.toSorted(
    (a, b) =>
      verdictOrder.indexOf(a.verdict) - verdictOrder.indexOf(b.verdict) ||
      (b.effectInFloors ?? 0) - (a.effectInFloors ?? 0) ||
      (a.field < b.field ? -1 : 1),
  );
  const marks = { drift: paint.bad, equivalent: paint.good, 'not enough data': paint.warn };
  const table = padded([header, ...fields.map(cells)]);
  const [head = [], ...body] = table;
  const lines = [
    paint.bold(`Drift of ${report.model} against the training rows of ${report.version}`),
    ...wrapped(
      `${seconds(report.range.from)} to ${seconds(report.range.until)}: ${grouped(report.liveRows)} live rows (${grouped(report.liveRowsOfVersion)} served by ${report.version}), ${grouped(report.referenceRows)} reference rows`,
    ),
    '',
    paint.dim(head.join(gap).trimEnd()),
    ...body.map((row, index) => {
      const [verdict = '', ...rest] = row;
      const mark = marks[fields[index]?.verdict ?? 'equivalent'];
      return `${mark(verdict)}${gap}${rest.join(gap).trimEnd()}`;
    }),
    '',
    ...wrapped(summary(fields)).map(paint.bold),
    '',
    ...legend(report).flatMap((text) => wrapped(text).map(paint.dim)),
  ];
  return lines.join('\n');
}

function cells(field: DriftField): string[] {
  const { values, missing } = field;
  return [
    field.verdict,
    oneLine(field.role === 'output' ? `${field.field} (output)` : field.field),
    field.kind === 'number' ? 'num' : 'cat',
    effectText(field),
    pText(field),
    values === null
      ? '–'
      : values.kind === 'number'
        ? `${numberText(values.referenceMedian)}→${numberText(values.liveMedian)}`
        : `${oneLine(values.largestCategory.category)} ${percent(values.largestCategory.referenceShare)}→${percent(values.largestCategory.liveShare)}`,
    missing === null ? '–' : `${percent(missing.referenceRate)}→${percent(missing.liveRate)}`,
    rowsText(field.liveRows),
  ];
}

/** The effect that decides: of a change of shape D, of new categories and missing values their rates, else AUC or TVD. */
function effectText({ values, causes, direction, missing, verdict }: DriftField): string {
  // Of what is equivalent the direction says nothing.
  const words =
    direction === '' || verdict === 'equivalent' ? '' : ` ${oneLine(direction, 2 * nameWidthMax)}`;
  const only = causes.length === 1 ? causes[0] : undefined;
  if (only === 'missing' && missing !== null) {
    const { estimate } = missing.difference;
    return `${signedPercent(estimate)} ${estimate > 0 ? 'more missing' : 'less missing'}`;
  }
  if (values?.kind === 'number') {
    if (causes.includes('shape')) return `D ${values.ks.d.estimate.toFixed(2)}${words}`;
    return `AUC ${values.auc.estimate.toFixed(2)}${words}`;
  }
  if (values?.kind === 'category') {
    const [fresh] = values.newCategories.named;
    if (causes.includes('new categories') && fresh !== undefined) {
      const others = values.newCategories.categories - 1;
      return `${percent(values.newCategories.share.estimate)} new: ${oneLine(fresh.category)}${others > 0 ? ` +${others}` : ''}`;
    }
    return `TVD ${values.totalVariation.estimate.toFixed(2)}${words}`;
  }
  return '–';
}

/** The smaller of a field's adjusted p-values. */
function pText({ values, missing }: DriftField): string {
  const ofValues = values?.kind === 'number' ? values.ks.adjustedP : (values?.chiSquare.adjustedP ?? null);
  const ps = [ofValues, missing?.adjustedP ?? null].filter((p) => p !== null);
  if (ps.length === 0) return '–';
  const p = Math.min(...ps);
  return p < 0.001 ? '<.001' : p > 0.995 ? '1' : p.toFixed(3).replace(/^0/, '');
}

function summary(fields: readonly DriftField[]): string {
  const of = (verdict: DriftVerdict): DriftField[] => fields.filter((field) => field.verdict === verdict);
  const drifted = of('drift');
  const first = drifted[0];
  const counts = `${drifted.length} of ${fields.length} fields drifted, ${of('equivalent').length} equivalent, ${of('not enough data').length} without enough data.`;
  return first === undefined ? counts : `${counts} Largest: ${oneLine(first.field)}${sure(first)}.`;
}

/** The largest drift's interval in words. */
function sure({ values, missing, causes, direction }: DriftField): string {
  const between = (interval: DriftInterval, text: (value: number) => string): string =>
    `${text(interval.lower)} to ${text(interval.upper)}`;
  const two = (value: number): string => value.toFixed(2);
  const said = direction === '' ? '' : `, ${oneLine(direction, 2 * nameWidthMax)}`;
  if (values?.kind === 'number' && causes.includes('location')) {
    return `${said} (AUC ${between(values.auc, two)})`;
  }
  if (values?.kind === 'number' && causes.includes('shape'))
    return `${said} (D ${between(values.ks.d, two)})`;
  if (values?.kind === 'category' && causes.includes('shares')) {
    return `${said} (TVD ${between(values.totalVariation, two)})`;
  }
  if (values?.kind === 'category' && causes.includes('new categories')) {
    return `, new categories (${between(values.newCategories.share, percent)} of rows)`;
  }
  return missing === null ? said : `${said} (by ${between(missing.difference, signedPercent)})`;
}

function legend({ floors, alpha, assumptions }: DriftReport): string[] {
  return [
    `Drift: adjusted p < ${alpha} and the 95 % interval of an effect beyond its floor: |AUC − 0.5| ${floors.aucFromHalf}, D ${floors.ksDistance}, TVD ${floors.totalVariation}, new categories ${percent(floors.newCategoryShare)}, missing ${percent(floors.missingRate)}. Equivalent: every interval inside. Not enough data: an interval reaches across its floor, or fewer than ${floors.rowsMin} values.`,
    'AUC: chance that a live value is the larger one. TVD: share of rows in another category. D: largest distance of the distributions. Values: medians, or the largest reference category.',
    ...assumptions.map((text) => `· ${text}`),
  ];
}

/** Cells cut so that a line fits, and padded; plain text, so that paint cannot disturb the widths. */
function padded(rows: readonly (readonly string[])[]): string[][] {
  const widths = header.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  let over = widths.reduce((sum, width) => sum + width, gap.length * (header.length - 1)) - lineWidthMax;
  for (const column of shrinking) {
    const width = widths[column] ?? 0;
    const taken = Math.max(0, Math.min(over, width - cellWidthMin));
    widths[column] = width - taken;
    over -= taken;
  }
  return rows.map((row) =>
    row.map((cell, column) => {
      const width = widths[column] ?? 0;
      const text = cell.length > width ? `${cell.slice(0, width - 1)}…` : cell;
      return column === header.length - 1 ? text.padStart(width) : text.padEnd(width);
    }),
  );
}

function wrapped(text: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > lineWidthMax) {
      lines.push(line);
      line = '  ';
    }
    line = line === '' || line === '  ' ? `${line}${word}` : `${line} ${word}`;
  }
  return [...lines, line];
}

/** Categories and names come from callers: nothing of them may move the cursor or break the table. */
function oneLine(text: string, widthMax = nameWidthMax): string {
  const clean = text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '·');
  if (clean === '') return '(empty)';
  return clean.length > widthMax ? `${clean.slice(0, widthMax - 1)}…` : clean;
}

function numberText(value: number): string {
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1e7 || size < 1e-4) return value.toExponential(2);
  return String(Number(value.toPrecision(size >= 1000 ? 6 : 3)));
}

function percent(share: number): string {
  if (share === 0 || share === 1) return `${share * 100}%`;
  const value = share * 100;
  return `${value < 0.1 ? '<0.1' : value.toFixed(value < 10 ? 1 : 0)}%`;
}

function signedPercent(share: number): string {
  return `${share > 0 ? '+' : share < 0 ? '−' : ''}${percent(Math.abs(share))}`;
}

/** An instant without its fraction. */
function seconds(instant: string): string {
  return instant.replace(/\.\d+Z$/, 'Z');
}

/** Four characters where there are a thousand rows or more. */
function rowsText(count: number): string {
  const units = [
    { size: 1e9, name: 'G' },
    { size: 1e6, name: 'M' },
    { size: 1e3, name: 'k' },
  ];
  const unit = units.find(({ size }) => count >= size);
  if (unit === undefined) return String(count);
  const value = count / unit.size;
  return `${value < 10 ? (Math.floor(value * 10) / 10).toFixed(1) : Math.floor(value)}${unit.name}`;
}

function grouped(count: number): string {
  return count.toLocaleString('en-US');
}
