import { conditionWords } from './condition-words.js';
import { formatCount, formatInterval, formatPercent, formatSigned } from './format-numbers.js';
import type { DiscoveredSlices, ReplayReport, SliceOfRows } from './report-schema.js';
import { cut, wrap } from './terminal-text.js';
import { visibleText } from './visible-text.js';

const slicesShown = 12;
const discoveredShown = 5;

/** The declared slices, and the discovered ones, each a section with a heading. */
export function sliceLines(
  report: ReplayReport,
  heading: (title: string) => string,
): readonly (readonly string[])[] {
  const sections: (readonly string[])[] = [];
  if (report.slices.length > 0) sections.push(declaredSection(report.slices, heading));
  const { discovered } = report;
  if (discovered !== null && discovered.slices.length > 0) {
    sections.push([
      heading(
        discovered.by === 'loss'
          ? 'Where the candidate is worst against the rest (searched)'
          : 'Where most labels change (searched)',
      ),
      ...discovered.slices.slice(0, discoveredShown).flatMap((slice) => discoveredLines(slice, discovered)),
    ]);
  }
  return sections;
}

/** Gated ones first, then those with most rows. */
function declaredSection(
  slices: readonly SliceOfRows[],
  heading: (title: string) => string,
): readonly string[] {
  const ordered = slices.toSorted(
    (a, b) =>
      Number(b.verdict !== null) - Number(a.verdict !== null) ||
      Number(b.protected) - Number(a.protected) ||
      b.rows - a.rows,
  );
  const shown = ordered.slice(0, slicesShown);
  const left = ordered.length - shown.length;
  return [
    heading(`Slices${' '.repeat(26)}rows  gate          loss, candidate − control`),
    ...shown.map((slice) => {
      const name = visibleText(conditionWords(slice));
      const words = name.length > 26 ? `${name.slice(0, 25)}…` : name;
      const change =
        slice.increase === null ? '–' : `${formatSigned(slice.increase)} ${formatInterval(slice.interval)}`;
      return cut(
        `  ${words.padEnd(26)}${formatCount(slice.rows).padStart(8)}  ${(slice.verdict ?? 'too small').padEnd(12)}  ${change}`,
      );
    }),
    ...(left === 0 ? [] : [`  and ${left} smaller ones, in the json and html reports`]),
  ];
}

function discoveredLines(
  slice: DiscoveredSlices['slices'][number],
  { by, sampledRows }: DiscoveredSlices,
): readonly string[] {
  const flips = slice.shareOfFlips === null ? '' : `, ${formatPercent(slice.shareOfFlips, 0)} of the flips`;
  const size = `${formatCount(slice.rows)} of ${formatCount(sampledRows)} rows${flips}`;
  const words =
    by === 'loss'
      ? `loss ${formatSigned(slice.effect)} here, ${formatSigned(slice.rest)} elsewhere`
      : `${formatPercent(slice.effect)} change here, ${formatPercent(slice.rest)} elsewhere`;
  return [
    ...wrap(visibleText(slice.conditions.map(conditionWords).join(' and ')), 2),
    ...wrap(`${words}; ${size}`, 4),
  ];
}
