import { candidateWords } from './candidate-words.js';
import { formatCount, formatInterval, formatPercent, formatSigned, formatValue } from './format-numbers.js';
import { calibrationChart, dayChart, densityChart, gateChart, jointChart } from './html-charts.js';
import type { Markup } from './html-markup.js';
import { html } from './html-markup.js';
import { htmlPage } from './html-page.js';
import { gateWords } from './condition-words.js';
import { classesSection } from './html-classes.js';
import { evidenceSection, violationsSection, worstSection } from './html-evidence.js';
import { slicesSection } from './html-slices.js';
import type { ReportOrigin } from './render-report.js';
import type { ReplayGate, ReplayMetric, ReplayReport } from './report-schema.js';
import { waterfallLines } from './waterfall-lines.js';

/**
 * The report as one HTML file that needs no network and no script: light and dark, prints, and escapes whatever came from
 * outside. Its size does not depend on the number of rows, only on days (about 60 bytes each).
 */
export function renderHtmlReport(report: ReplayReport, origin?: ReportOrigin): string {
  const title = `${report.verdict}: ${report.model} ${candidateWords(report)} against ${controlWords(report)}`;
  return htmlPage(
    title,
    html`
      <header class="${report.verdict}">
        <h1><span class="verdict">${report.verdict}</span> ${report.reason}</h1>
        <p>
          <b>${report.model} ${candidateWords(report)}</b> (candidate) against
          <b>${controlWords(report)}</b> (control), ${report.range.from} to ${report.range.until},
          ${formatCount(report.waterfall.compared)} rows compared, ${formatCount(report.waterfall.judged)}
          judged on their truth. Expectation: ${report.expect}.
        </p>
      </header>
      ${gatesSection(report.gates.filter((gate) => gate.slice === null || gate.verdict !== 'PASS'))}
      ${metricsSection(report.metrics)} ${classesSection(report)}
      <div class="two">${chartsSection(report)} ${flipsSection(report)} ${rowsSection(report)}</div>
      ${slicesSection(report)} ${worstSection(report)} ${violationsSection(report)}
      ${evidenceSection(report, origin)}
    `,
  );
}

/** Of a comparison that could not be made: the verdict, why, and what to do. */
export function htmlOfNothing(candidate: string, problem: string, advice: string): string {
  return htmlPage(
    `INVALID: ${candidate}`,
    html`
      <header class="INVALID">
        <h1><span class="verdict">INVALID</span> ${problem}</h1>
        <p><b>${candidate}</b> (candidate): nothing was compared. ${advice}</p>
      </header>
    `,
  );
}

function controlWords({ control }: ReplayReport): string {
  const versions = [...new Set(control.versions.map(({ version }) => version))].join(', ');
  return control.kind === 'recorded' ? `what ${versions || 'nobody'} answered` : versions;
}

function gatesSection(gates: readonly ReplayGate[]): Markup {
  if (gates.length === 0) return html``;
  const gate = (each: ReplayGate): Markup =>
    html`<div class="gate">
      <h3>
        <span class="tag ${each.verdict}">${each.verdict}</span>
        ${gateWords(each)}
      </h3>
      <p class="small soft">
        ${each.measures}, over ${formatCount(each.rows)}
        rows${each.estimate === null ? null : html`: <b>${formatSigned(each.estimate)}</b>`}
      </p>
      ${gateChart(each)}
      ${each.rowsNeeded === null ? null : html`<p class="small">About ${formatCount(each.rowsNeeded)} rows would be needed to decide.</p>`}
    </div>`;
  return html`<section>
    <h2>${gates.length === 1 ? 'The gate' : 'The gates'}</h2>
    ${gates.map(gate)}
  </section>`;
}

function metricsSection(metrics: readonly ReplayMetric[]): Markup {
  const hasNotes = metrics.some(({ note }) => note !== null);
  const row = (metric: ReplayMetric): Markup => {
    const { name, control, candidate, difference, interval, note, rows } = metric;
    return html`<tr>
      <td>${name}</td>
      <td>${formatValue(control)}</td>
      <td>${formatValue(candidate)}</td>
      <td class="${direction(metric)}">${formatSigned(difference)}</td>
      <td class="${direction(metric)}">${formatInterval(interval)}</td>
      <td>${rows === 0 ? '' : formatCount(rows)}</td>
      ${hasNotes ? html`<td class="text soft">${note}</td>` : null}
    </tr>`;
  };
  return html`<section>
    <h2>Both sides</h2>
    <div class="scroll">
      <table class="wide">
        <thead>
          <tr>
            <th>metric</th>
            <th>control</th>
            <th>candidate</th>
            <th>difference</th>
            <th>95 % interval</th>
            <th>rows</th>
            ${hasNotes ? html`<th></th>` : null}
          </tr>
        </thead>
        <tbody>
          ${metrics.map(row)}
        </tbody>
      </table>
    </div>
    <p class="small soft">Intervals are paired, row by row. Coloured: shown better or worse.</p>
  </section>`;
}

/** Only what an interval shows is coloured. */
function direction({ interval, better }: ReplayMetric): string {
  if (interval === null || better === 'neither') return '';
  if (interval.upper < 0) return better === 'lower' ? 'better' : 'worse';
  if (interval.lower > 0) return better === 'lower' ? 'worse' : 'better';
  return '';
}

function chartsSection(report: ReplayReport): Markup {
  const regression = report.task === 'regression';
  const keys = html`<p class="small soft">
    <span class="key" style="background:var(--control)"></span>control
    <span class="key" style="background:var(--candidate)"></span>candidate
  </p>`;
  const byDay = report.days.some((day) => day.controlLoss !== null)
    ? html`<section>
        <h2>${regression ? 'Mean absolute error' : 'Log loss'} by day (UTC)</h2>
        ${keys} ${dayChart(report.days)}
      </section>`
    : null;
  const spread =
    report.density === null
      ? null
      : html`<section>
          <h2>Spread of ${regression ? 'values' : 'scores'}: share of rows</h2>
          ${keys} ${densityChart(report.density)}
        </section>`;
  const { calibration } = report;
  const curve =
    calibration === null
      ? null
      : html`<section>
          <h2>Calibration: share of positives by score</h2>
          ${keys} ${calibrationChart(calibration)}
          <p class="small soft">
            Mean score − truth: control ${formatSigned(calibration.control.bias)}
            ${formatInterval(calibration.control.biasInterval)}, candidate
            ${formatSigned(calibration.candidate.bias)} ${formatInterval(calibration.candidate.biasInterval)}.
            Expected calibration error ${formatValue(calibration.control.expectedError)} and
            ${formatValue(calibration.candidate.expectedError)}.
          </p>
        </section>`;
  const joint =
    report.joint === null
      ? null
      : html`<section>
          <h2>Scores of both sides, row by row</h2>
          ${jointChart(report.joint)}
        </section>`;
  return html`${byDay} ${spread} ${joint} ${curve}`;
}

function flipsSection({ flips, shift }: ReplayReport): Markup {
  if (flips === null && shift === null) return html``;
  const matrix =
    flips === null || flips.labels.length > 12
      ? null
      : html`<div class="scroll">
          <table class="matrix">
            <thead>
              <tr>
                <th class="text">control ↓ candidate →</th>
                ${flips.labels.map((label) => html`<th>${label}</th>`)}
              </tr>
            </thead>
            <tbody>
              ${flips.matrix.map(
                (cells, control) =>
                  html`<tr>
                    <td>${flips.labels[control]}</td>
                    ${cells.map((rows, candidate) => html`<td class="${control === candidate ? 'same' : ''}">${formatCount(rows)}</td>`)}
                  </tr>`,
              )}
            </tbody>
          </table>
        </div>`;
  const words =
    flips === null
      ? null
      : html`<p>
            ${formatCount(flips.flipped)} of ${formatCount(flips.rows)} labels flip:
            ${formatPercent(flips.rate, 2)}
            <span class="soft"
              >[${formatPercent(flips.interval.lower, 2)}, ${formatPercent(flips.interval.upper, 2)}]</span
            >
          </p>
          <p>
            On ${formatCount(flips.judged)} rows with truth: right to wrong
            <b>${formatCount(flips.rightToWrong)}</b>, wrong to right
            <b>${formatCount(flips.wrongToRight)}</b>.
          </p>`;
  const distances =
    shift === null
      ? null
      : html`<p>
          |difference|:
          ${shift.distance
            .map(({ probability, value }) =>
              probability === 1
                ? `largest ${formatValue(value)}`
                : `${100 * probability} % within ${formatValue(value)}`,
            )
            .join(', ')}.
          ${formatCount(shift.beyondTolerance)} rows differ in label or by more than
          ${formatValue(shift.tolerance)}.
        </p>`;
  return html`<section>
    <h2>What changes</h2>
    ${words} ${matrix} ${distances}
  </section>`;
}

function rowsSection({ waterfall }: ReplayReport): Markup {
  const line = ({ what, rows, kept }: ReturnType<typeof waterfallLines>[number]): Markup => {
    const share = Math.round((1000 * rows) / Math.max(1, waterfall.recorded)) / 10;
    return html`<tr>
      <td class="text ${kept ? '' : 'soft'}">${what}</td>
      <td class="${kept ? '' : 'soft'}">${kept ? '' : '− '}${formatCount(rows)}</td>
      <td><span class="bar ${kept ? '' : 'taken'}" style="width:${share}%"></span></td>
    </tr>`;
  };
  return html`<section>
    <h2>Rows</h2>
    <table class="fall wide">
      <tbody>
        ${waterfallLines(waterfall).map(line)}
      </tbody>
    </table>
  </section>`;
}
