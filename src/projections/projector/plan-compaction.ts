import { limits } from '../../services/platform/limits.js';
import type { PredictionPart, SharedPart } from '../datasets/dataset-manifest.js';
import { daySpans, neighboursToJoin, type DaySpan } from '../datasets/day-spans.js';

const partsPerLevel = 8;
const pastDayPartsMax = 4;

/**
 * Which parts of a model to write anew, each group on its own. Parts of similar size are merged eight at a time, so a row
 * is rewritten a logarithmic number of times however the traffic trickles in; a day that is over is brought to one part,
 * and what trickles in later to a few beside it; small days that are over share a part with their neighbours; a part with
 * many truths to fold in is rewritten alone.
 */
export function planCompaction(parts: readonly PredictionPart[]): PredictionPart[][] {
  const spans = daySpans(parts);
  const newestDay = spans.at(-1)?.lastDay ?? '';
  const patchedRows = parts.reduce((sum, part) => sum + part.patched, 0);
  const foldAll = patchedRows > limits.truthPatchesMax;
  const groups: PredictionPart[][] = [];
  for (const span of spans) {
    const merge = mergeOfSpan(span, span.lastDay !== newestDay);
    if (merge.length > 0) groups.push(merge);
    for (const part of span.parts) {
      if (part.patched > 0 && (foldAll || part.patched * 8 >= part.rows) && !merge.includes(part)) {
        groups.push([part]);
      }
    }
  }
  if (groups.length > 0) return groups;
  const joined = neighboursToJoin(spans.filter((span) => span.lastDay < newestDay));
  return joined.length === 0 ? [] : [joined];
}

/** Which files of a shared table to merge into one: eight neighbours of similar size. */
export function planSharedMerge(parts: readonly SharedPart[]): SharedPart[] {
  return sameLevelRun(parts);
}

function mergeOfSpan(span: DaySpan, isOver: boolean): PredictionPart[] {
  if (span.parts.length < 2) return [];
  if (span.firstDay !== span.lastDay) return mergeOfDays(span.parts);
  return (isOver ? mergeOfPastDay(span.parts) : undefined) ?? sameLevelRun(span.parts);
}

/** What came later to days that share a part; nothing while it is little. */
function mergeOfDays(parts: readonly PredictionPart[]): PredictionPart[] {
  const rows = parts.reduce((sum, part) => sum + part.rows, 0);
  const largest = Math.max(...parts.map((part) => part.rows));
  return parts.length >= pastDayPartsMax || (rows - largest) * 8 >= largest ? [...parts] : [];
}

/** Everything as one, or, beside a part that is much larger than the rest, the rest as one. */
function mergeOfPastDay(parts: readonly PredictionPart[]): PredictionPart[] | undefined {
  const ordered = parts.toSorted((a, b) => a.minPosition - b.minPosition);
  const rows = ordered.reduce((sum, part) => sum + part.rows, 0);
  const largest = ordered.reduce((a, b) => (b.rows > a.rows ? b : a));
  if ((rows - largest.rows) * 8 >= largest.rows) return ordered;
  if (ordered.length < pastDayPartsMax) return undefined;
  // Only neighbours may become one part: parts of a day must not overlap in positions.
  const at = ordered.indexOf(largest);
  const rest = [ordered.slice(at + 1), ordered.slice(0, at)].find((side) => side.length > 1);
  return rest ?? ordered;
}

/** The first run of neighbours whose sizes have the same power of eight, when it is long enough. */
function sameLevelRun<Part extends { readonly rows: number; readonly minPosition: number }>(
  parts: readonly Part[],
): Part[] {
  let run: Part[] = [];
  for (const part of parts.toSorted((a, b) => a.minPosition - b.minPosition)) {
    const first = run[0];
    run = first !== undefined && level(first.rows) === level(part.rows) ? [...run, part] : [part];
    if (run.length === partsPerLevel) return run;
  }
  return [];
}

function level(rows: number): number {
  return Math.floor(Math.log2(Math.max(rows, 1)) / 3);
}
