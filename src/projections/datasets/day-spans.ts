import type { PredictionPart } from './dataset-manifest.js';

/** Rows of several days share a part up to here: opening one file for each of many small days costs more than reading it. */
const spanRowsMax = 122_880;

/** Parts that share days, and the whole days (`2013-07-01`, both inclusive) that they lie in. */
export interface DaySpan {
  readonly firstDay: string;
  readonly lastDay: string;
  readonly parts: readonly PredictionPart[];
}

/** The last UTC day that a part has rows of; `day` is the first. */
export function lastDayOf(part: PredictionPart): string {
  return new Date(Math.floor(part.maxOccurredAt / 1000)).toISOString().slice(0, part.day.length);
}

/** All parts, in order of day and position, in spans that share no day with each other. */
export function daySpans(parts: readonly PredictionPart[]): DaySpan[] {
  const spans: { firstDay: string; lastDay: string; parts: PredictionPart[] }[] = [];
  const ordered = parts.toSorted((a, b) => compareText(a.day, b.day) || a.minPosition - b.minPosition);
  for (const part of ordered) {
    const last = spans.at(-1);
    const lastDay = lastDayOf(part);
    if (last === undefined || part.day > last.lastDay) {
      spans.push({ firstDay: part.day, lastDay, parts: [part] });
    } else {
      last.parts.push(part);
      if (lastDay > last.lastDay) last.lastDay = lastDay;
    }
  }
  return spans;
}

/** Whether reading the span's parts one after the other gives its rows by day and position. */
export function isInOrder(span: DaySpan): boolean {
  // Parts of one day never overlap in positions.
  return span.parts.length === 1 || span.firstDay === span.lastDay;
}

/** Whether two parts have days in common. */
export function shareDays(a: PredictionPart, b: PredictionPart): boolean {
  return a.day <= lastDayOf(b) && b.day <= lastDayOf(a);
}

/**
 * Which days of new rows become one part: neighbours, as long as they are few rows. The newest day of all stays alone,
 * since more will come to it; and no part reaches over the days of another that stays, so that spans never grow together.
 */
export function planDayParts(
  days: readonly { readonly day: string; readonly rows: number }[],
  staying: readonly PredictionPart[],
): string[][] {
  const spans = daySpans(staying);
  const newest = [days.at(-1)?.day ?? '', spans.at(-1)?.lastDay ?? ''].toSorted(compareText).at(-1);
  const planned: string[][] = [];
  let open: { readonly place: string; rows: number } | undefined;
  for (const { day, rows } of days) {
    const place = day === newest ? 'newest' : placeOf(day, spans);
    if (open?.place === place && open.rows + rows <= spanRowsMax) {
      planned.at(-1)?.push(day);
      open.rows += rows;
    } else {
      planned.push([day]);
      open = { place, rows };
    }
  }
  return planned;
}

/** Equal for two parts' days that lie in the same span, or between the same two. */
function placeOf(day: string, spans: readonly DaySpan[]): string {
  const before = spans.filter((span) => span.lastDay < day).length;
  const next = spans[before];
  return next !== undefined && next.firstDay <= day ? `in ${before}` : `before ${before}`;
}

/** Runs of neighbouring spans of one part each that are worth one part: at least eight, at least doubling the largest. */
export function neighboursToJoin(spans: readonly DaySpan[]): PredictionPart[] {
  const partsMin = 8;
  for (let from = 0; from + partsMin <= spans.length; from += 1) {
    const run: PredictionPart[] = [];
    let [rows, largest] = [0, 0];
    for (const span of spans.slice(from)) {
      const [part] = span.parts;
      if (part === undefined || span.parts.length > 1 || rows + part.rows > spanRowsMax) break;
      run.push(part);
      rows += part.rows;
      largest = Math.max(largest, part.rows);
      if (run.length >= partsMin && largest * 2 <= rows) return run;
    }
  }
  return [];
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
