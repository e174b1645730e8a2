import { formatCount, formatInterval, formatSigned, formatValue } from './format-numbers.js';
import type { Markup } from './html-markup.js';
import { html } from './html-markup.js';
import type { ClassComparison, ReplayReport } from './report-schema.js';

/** Recall and precision of either side by class; of several classes. */
export function classesSection({ classes }: ReplayReport): Markup {
  if (classes.length === 0) return html``;
  const direction = ({ interval }: ClassComparison): string =>
    interval === null ? '' : interval.lower > 0 ? 'better' : interval.upper < 0 ? 'worse' : '';
  const row = (each: ClassComparison): Markup =>
    html`<tr>
      <td class="text">${each.label}</td>
      <td>${formatCount(each.rows)}</td>
      <td>${formatValue(each.recall.control)}</td>
      <td>${formatValue(each.recall.candidate)}</td>
      <td class="${direction(each)}">${formatSigned(each.recallDifference)}</td>
      <td class="${direction(each)}">${formatInterval(each.interval)}</td>
      <td>${formatValue(each.precision.control)}</td>
      <td>${formatValue(each.precision.candidate)}</td>
    </tr>`;
  return html`<section>
    <h2>By class</h2>
    <div class="scroll">
      <table class="wide">
        <thead>
          <tr>
            <th>truth</th>
            <th>rows</th>
            <th>recall, control</th>
            <th>candidate</th>
            <th>difference</th>
            <th>95 % interval</th>
            <th>precision, control</th>
            <th>candidate</th>
          </tr>
        </thead>
        <tbody>
          ${classes.map(row)}
        </tbody>
      </table>
    </div>
  </section>`;
}
