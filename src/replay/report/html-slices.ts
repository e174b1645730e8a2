import { conditionWords } from './condition-words.js';
import { formatCount, formatInterval, formatPercent, formatSigned, formatValue } from './format-numbers.js';
import { whiskerChart } from './html-charts.js';
import type { Markup } from './html-markup.js';
import { html } from './html-markup.js';
import type { DiscoveredSlices, ReplayReport, SliceOfRows } from './report-schema.js';

/** Quality by the values of declared features, all on one axis, and the groups that a search found. */
export function slicesSection({ slices, discovered, task }: ReplayReport): Markup {
  const loss = task === 'regression' ? 'absolute error' : 'log loss';
  return html`${slices.length === 0 ? null : declaredSection(slices, loss)}
  ${discovered === null ? null : discoveredSection(discovered, loss)}`;
}

function declaredSection(slices: readonly SliceOfRows[], loss: string): Markup {
  const intervals = slices.flatMap(({ interval }) => (interval === null ? [] : [interval]));
  const axis = {
    from: Math.min(0, ...intervals.map(({ lower }) => lower)),
    until: Math.max(0, ...intervals.map(({ upper }) => upper)),
  };
  const row = (slice: SliceOfRows): Markup =>
    html`<tr>
      <td class="text">
        ${conditionWords(slice)}${slice.protected ? html` <span class="soft small">protected</span>` : null}
      </td>
      <td>${formatCount(slice.rows)}</td>
      <td>${formatCount(slice.flipped)}</td>
      <td>${formatValue(slice.controlLoss)}</td>
      <td>${formatValue(slice.candidateLoss)}</td>
      <td class="${direction(slice)}">${formatSigned(slice.increase)}</td>
      <td class="whisker">${slice.interval === null ? null : whiskerChart(slice, axis)}</td>
      <td class="text soft small">
        ${slice.verdict === null ? (slice.note ?? '').split(':', 1)[0] : html`<span class="tag ${slice.verdict}">${slice.verdict}</span>`}
      </td>
    </tr>`;
  return html`<section>
    <h2>Slices</h2>
    <div class="scroll">
      <table class="wide">
        <thead>
          <tr>
            <th>rows with</th>
            <th>rows</th>
            <th>flips</th>
            <th>control</th>
            <th>candidate</th>
            <th>${loss}</th>
            <th>95 % interval</th>
            <th class="text">gate</th>
          </tr>
        </thead>
        <tbody>
          ${slices.map(row)}
        </tbody>
      </table>
    </div>
    <p class="small soft">${tooSmall(slices)}</p>
  </section>`;
}

/** Why some have no gate, once for all. */
function tooSmall(slices: readonly SliceOfRows[]): string {
  const needed = slices.flatMap(({ note }) => /, ([\d,]+) needed$/.exec(note ?? '')?.[1] ?? []).at(0);
  return needed === undefined
    ? ''
    : `Gated are slices of ${needed} rows with truth or more: as many as a candidate that is as good as the control needs to pass.`;
}

function direction({ interval }: SliceOfRows): string {
  if (interval === null) return '';
  if (interval.upper < 0) return 'better';
  return interval.lower > 0 ? 'worse' : '';
}

function discoveredSection(found: DiscoveredSlices, loss: string): Markup {
  const searched = `${formatCount(found.considered)} groups of one feature and of two were looked at on one half of ${formatCount(found.sampledRows)} rows; the ${found.tested} most suspicious were tested on the other half.`;
  const value = (number: number): string =>
    found.by === 'loss' ? formatSigned(number) : formatPercent(number, 2);
  const row = (slice: DiscoveredSlices['slices'][number]): Markup =>
    html`<tr class="head">
        <td class="text">${slice.conditions.map(conditionWords).join(' and ')}</td>
        <td>${formatCount(slice.rows)}</td>
        <td>${value(slice.effect)}</td>
        <td>${value(slice.rest)}</td>
        <td>${formatInterval(slice.interval)}</td>
        <td>${slice.shareOfFlips === null ? '–' : formatPercent(slice.shareOfFlips, 0)}</td>
      </tr>
      <tr>
        <td class="inputs" colspan="6">
          worst:
          ${slice.examples.map(({ predictionId, key }) => html`<span class="mono">${key ?? predictionId}</span> `)}
        </td>
      </tr>`;
  const table = html`<div class="scroll">
    <table class="wide">
      <thead>
        <tr>
          <th>rows with</th>
          <th>rows</th>
          <th>here</th>
          <th>elsewhere</th>
          <th>difference, 95 % interval</th>
          <th>of all flips</th>
        </tr>
      </thead>
      <tbody>
        ${found.slices.map(row)}
      </tbody>
    </table>
  </div>`;
  return html`<section>
    <h2>
      ${found.by === 'loss' ? `Where the candidate is worst against the rest: change of ${loss}` : 'Where most labels change'}
    </h2>
    <p class="small soft">
      ${searched}
      ${found.slices.length === 0 ? 'None stands out.' : 'Of those below, one in twenty is expected to be chance.'}
    </p>
    ${found.slices.length === 0 ? null : table}
  </section>`;
}
